"""SPARC's fusion: the scores of a label's compound prompts, ranked per photo, and its own score along one direction.

Reference: Miller et al., SPARC, CVPR 2025, arXiv:2502.16911.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def ranked_columns(
    members: Float[Tensor, "photos prompts"], own: Float[Tensor, " photos"]
) -> Float[Tensor, "photos prompts_and_own"]:
    """The prompts' scores of each photo in ascending order, then the label's own score."""
    return torch.cat([members.sort(dim=1).values, own[:, None]], dim=1)


def principal_direction(covariance: Float[Tensor, "columns columns"]) -> Float[Tensor, " columns"]:
    """The first principal component, its mean positive, divided by the sum of its absolute weights.

    Without any variance all columns weigh the same.
    """
    if not bool((covariance != 0).any()):
        return torch.full_like(covariance[0], 1 / len(covariance))
    direction = torch.linalg.eigh(covariance).eigenvectors[:, -1]
    direction = direction if float(direction.mean()) >= 0 else -direction
    return direction / direction.abs().sum()


def fusion_direction(columns: Float[Tensor, "photos columns"]) -> Float[Tensor, " columns"]:
    """The direction of a table of ``ranked_columns``; needs more photos than columns.

    Raises:
        ValueError: for too few photos.
    """
    if len(columns) <= columns.shape[1]:
        raise ValueError(f"expected more photos than columns, got {len(columns)} and {columns.shape[1]}")
    return principal_direction(torch.cov(columns.T).reshape(columns.shape[1], columns.shape[1]))


def fuse_compounds(
    compound: Float[Tensor, "photos prompts"],
    single: Float[Tensor, "photos labels"],
    members: Sequence[Sequence[int]],
    directions: Sequence[Float[Tensor, " _"]],
) -> Float[Tensor, "photos labels"]:
    """The uncentred product of each label's ranked columns with its direction.

    Args:
        compound: standardised scores of the prompts.
        single: standardised scores of the labels.
        members: prompts that name each label; a label without any keeps its own score.
        directions: of each label; not read for one without prompts.
    """
    fused = single.clone()
    for label, (prompts, direction) in enumerate(zip(members, directions, strict=True)):
        if prompts:
            columns = ranked_columns(compound[:, list(prompts)], single[:, label])
            fused[:, label] = columns @ direction
    return fused
