"""The sigmoid focal loss of many maps, its derivative written out: autograd of the formula takes four times as long."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

MaskMaps = Float[Tensor, "batch maps height width"]
ValidPixels = Bool[Tensor, "batch 1 height width"]

FOCAL_ALPHA = 0.25  # Lin et al., Focal loss, arXiv:1708.02002; TagCLIP's release
FOCAL_GAMMA = 2.0


def focal_loss(
    logits: MaskMaps,
    targets: MaskMaps,
    counted: ValidPixels | None = None,
    *,
    alpha: float = FOCAL_ALPHA,
    gamma: float = FOCAL_GAMMA,
) -> Float[Tensor, ""]:
    """Sum over images and maps of the pixel mean of ``(alpha t + (1-alpha)(1-t)) (1 - p_t)^gamma BCE``.

    ``p = sigmoid(logits)`` and ``p_t = p t + (1-p)(1-t)``. It can be differentiated once.

    Args:
        logits: one map per class.
        targets: 0 or 1; a pixel that is 0 everywhere is a negative of every class.
        counted: pixels that take part; all by default.
        alpha: weight of positive pixels, in [0, 1].
        gamma: at least 0; 0 leaves the weighted cross-entropy.

    Reference:
        Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    if counted is None:
        share = logits.new_full((1, 1, 1, 1), 1 / logits[0, 0].numel())
    else:
        share = counted / counted.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1).to(logits.dtype)
    total: Tensor = _FocalSum.apply(logits, targets, share, alpha, gamma)  # type: ignore[no-untyped-call]
    return total


class _FocalSum(torch.autograd.Function):
    """With z the logit of the wrong answer, a pixel costs ``w sigmoid(z)^gamma softplus(z)``."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, share: Tensor, alpha: float, gamma: float) -> Any:
        sign = 1 - 2 * targets
        z = logits * sign
        missed = z.sigmoid()  # 1 - p_t
        # linear beyond 40: the e^-40 that this leaves out lies below the last digit of a float64
        cost = F.softplus(z, threshold=40.0)  # -log p_t
        weight = sign.mul(0.5 - alpha).add_(0.5).mul_(share).mul_(missed**gamma)
        total = (weight * cost).sum()
        # d/dz: w sigmoid^gamma (gamma (1 - sigmoid) softplus + sigmoid)
        slope = cost.mul_(1 - missed).mul_(gamma).add_(missed).mul_(weight).mul_(sign)
        ctx.save_for_backward(slope)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad: Any) -> Any:
        return ctx.saved_tensors[0] * grad[0], None, None, None, None
