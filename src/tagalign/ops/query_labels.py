"""Label maps of queries: several prompts stand for one class, and a class of its own for what none of them fits."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def label_queries(
    cosines: Float[Tensor, "*batch queries height width"],
    owners: Int[Tensor, " queries"],
    *,
    scale: float,
    threshold: float = 0.0,
    background: int = 0,
) -> Int[Tensor, "*batch height width"]:
    """``argmax_c max_{q of c} softmax_q(scale * cosine)``; the background class where that is below the threshold.

    Args:
        cosines: of every pixel with every query.
        owners: the class of each query; a class without a query is never answered.
        scale: inverse temperature; CorrCLIP and ProxyCLIP take 40.
        threshold: of the probability, in [0, 1].
        background: the class of pixels that are sure of none.

    Reference:
        CorrCLIP, arXiv:2411.10086, and ProxyCLIP, arXiv:2408.04883: the last step of both releases.
    """
    probs = (scale * cosines).softmax(dim=-3).movedim(-3, -1)
    index = owners.expand(probs.shape)
    best = probs.new_zeros((*probs.shape[:-1], int(owners.max()) + 1)).scatter_reduce(
        -1, index, probs, "amax"
    )
    sure, labels = best.max(dim=-1)
    return torch.where(sure < threshold, background, labels)
