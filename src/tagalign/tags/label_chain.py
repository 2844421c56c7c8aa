"""A linear chain over labels (a conditional random field): its partition function, losses and expectations, in torch."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def chain_log_partition(
    scores: Float[Tensor, "batch tokens labels"],
    mask: Bool[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
) -> Float[Tensor, " batch"]:
    """Log of the sum over all label rows of ``exp(first + scores + transitions)``.

    Args:
        scores: of each label at each token.
        mask: True for tokens; the first token of each row is one.
        transitions: from one label to the next.
        first: of the first label.
    """
    total = first + scores[:, 0]
    for t in range(1, scores.shape[1]):
        step = torch.logsumexp(total.unsqueeze(2) + transitions, dim=1) + scores[:, t]
        total = torch.where(mask[:, t, None], step, total)
    return torch.logsumexp(total, dim=1)


def chain_loss(
    scores: Float[Tensor, "batch tokens labels"],
    targets: Int[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
) -> Float[Tensor, ""]:
    """Negative log-likelihood of the label rows, per token.

    ``L = (log Z - first[y_0] - sum_t scores[t, y_t] - sum_t transitions[y_{t-1}, y_t]) / tokens``

    Args:
        scores: of each label at each token.
        targets: y; negative at blanks, which come last in a row.
        transitions: from one label to the next.
        first: of the first label.
    """
    mask, gold = targets >= 0, targets.clamp(min=0)
    picked = scores.gather(2, gold.unsqueeze(2)).squeeze(2)
    moves = transitions[gold[:, :-1], gold[:, 1:]]
    path = first[gold[:, 0]] + (picked * mask).sum(dim=1) + (moves * mask[:, 1:]).sum(dim=1)
    return (chain_log_partition(scores, mask, transitions, first) - path).sum() / mask.sum()


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What teachers expect of a batch, under the product of their distributions over label rows.

    Attributes:
        labels: probability of each label at each token; 0 at blanks.
        moves: expected number of each transition in the whole batch.
        first: expected number of each first label.
    """

    labels: Float[Tensor, "batch tokens labels"]
    moves: Float[Tensor, "labels labels"]
    first: Float[Tensor, " labels"]


def beliefs(
    scores: Float[Tensor, "batch tokens labels"],
    mask: Bool[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
) -> Beliefs:
    """Expectations of a chain: the gradient of its log partition function."""
    inputs = [value.detach().requires_grad_() for value in (scores, transitions, first)]
    with torch.enable_grad():
        total = chain_log_partition(inputs[0], mask, inputs[1], inputs[2]).sum()
    return Beliefs(*torch.autograd.grad(total, inputs))


def follow_loss(
    scores: Float[Tensor, "batch tokens labels"],
    mask: Bool[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
    taught: Beliefs,
) -> Float[Tensor, ""]:
    """Cross-entropy of a chain against its teachers' distribution over whole label rows, per token.

    ``L = (log Z - E[first[y_0] + sum_t scores[t, y_t] + sum_t transitions[y_{t-1}, y_t]]) / tokens``, E over the
    teachers; exact, because the score of a row is a sum of terms whose expectations ``taught`` holds.

    Args:
        scores: of each label at each token.
        mask: True for tokens.
        transitions: from one label to the next.
        first: of the first label.
        taught: of the same batch.
    """
    expected = (
        (scores * taught.labels).sum() + (transitions * taught.moves).sum() + (first * taught.first).sum()
    )
    return (chain_log_partition(scores, mask, transitions, first).sum() - expected) / mask.sum()
