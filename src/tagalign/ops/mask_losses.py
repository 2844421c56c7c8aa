"""Losses on independent sigmoid masks: dice, pixel-wise cross-entropy, the weighted sum with the focal loss, its normaliser.

All take logits and return a sum over images and classes, so that a caller divides by what it means by "per mask".
Several processes add their ``num_masks`` first.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tagalign.errors import InputError, UnknownNameError
from tagalign.labels import IGNORE
from tagalign.ops.focal import FOCAL_ALPHA, FOCAL_GAMMA, MaskMaps, ValidPixels, focal_loss

DICE_SMOOTH = 1.0  # TagCLIP's release; one pixel's worth, so that a map without positives has a value


MAP_NUMBERS = 2**25
"""Numbers of full-size class maps that are held at a time: 134 MB in float32, a few times that with their gradients."""

TrustyLoss = Literal["focal", "dice"]
"""Loss of the trusty map: focal as in the release, dice as printed (TagCLIP, Eq. 10)."""

Ignored = Literal["released", "masked"]
"""What ignored pixels do: ``released`` makes them negatives of every class, ``masked`` leaves them out."""


@dataclass(frozen=True, kw_only=True)
class MaskLossWeights:
    """Weights of the terms and constants of their formulas.

    Attributes:
        mask: alpha of Eq. 11, of the focal loss.
        dice: beta.
        trusty: gamma (Fig. 5).
        cls: of L_cls, which the release does not have.
        focal_alpha: see ``focal_loss``.
        focal_gamma: see ``focal_loss``.
        dice_smooth: see ``dice_maps``.
    """

    mask: float = 20.0
    dice: float = 1.0
    trusty: float = 10.0
    cls: float = 0.0
    focal_alpha: float = FOCAL_ALPHA
    focal_gamma: float = FOCAL_GAMMA
    dice_smooth: float = DICE_SMOOTH


def _check_choice(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known)


@dataclass(frozen=True, kw_only=True)
class MaskLossForm:
    """Where the paper and its release write different formulas.

    Attributes:
        trusty_loss: ``focal``, or ``dice`` between ``1 - sigmoid(trusty_logits)`` and the seen pixels, as printed.
        ignored: see ``Ignored``; concerns the class maps.
        ignored_id: label of ignored pixels.

    Raises:
        UnknownNameError: for another value.
    """

    trusty_loss: TrustyLoss = "focal"
    ignored: Ignored = "released"
    ignored_id: int = IGNORE

    def __post_init__(self) -> None:
        _check_choice("trusty loss", self.trusty_loss, get_args(TrustyLoss))
        _check_choice("treatment of ignored pixels", self.ignored, get_args(Ignored))


def pixel_mean(losses: MaskMaps, counted: ValidPixels | None = None) -> Float[Tensor, "batch maps"]:
    """Mean over the pixels of every map; with ``counted`` over those alone (0 where none is counted)."""
    if counted is None:
        return losses.mean(dim=(2, 3))
    weights = counted.to(losses.dtype)
    return (losses * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)).clamp(min=1)


def cross_entropy_loss(
    logits: MaskMaps, targets: MaskMaps, counted: ValidPixels | None = None
) -> Float[Tensor, ""]:
    """Sum over images and classes of the pixel mean of the binary cross-entropy, in nats."""
    return pixel_mean(F.binary_cross_entropy_with_logits(logits, targets, reduction="none"), counted).sum()


def dice_maps(
    logits: MaskMaps, targets: MaskMaps, counted: ValidPixels | None = None, *, smooth: float = DICE_SMOOTH
) -> Float[Tensor, "batch maps"]:
    """Dice loss of every map: ``1 - (2 sum p t + smooth) / (sum p + sum t + smooth)``, in [0, 1).

    Args:
        logits: ``p = sigmoid(logits)``.
        targets: t, 0 or 1.
        counted: pixels that take part; all by default.
        smooth: > 0; an empty map has ``1 - smooth / (sum p + smooth)``.

    Reference:
        Milletari et al., V-Net, arXiv:1606.04797, with the sums (not the squares) of TagCLIP's release.
    """
    probs = logits.sigmoid()
    if counted is None:
        areas = probs.sum(dim=(2, 3))
    else:
        pixels = counted.to(probs.dtype).flatten(1)[:, :, None]
        targets, areas = targets * counted, (probs.flatten(2) @ pixels)[:, :, 0]
    overlap = (probs * targets).sum(dim=(2, 3))
    return 1 - (2 * overlap + smooth) / (areas + targets.sum(dim=(2, 3)) + smooth)


def dice_loss(
    logits: MaskMaps, targets: MaskMaps, counted: ValidPixels | None = None, *, smooth: float = DICE_SMOOTH
) -> Float[Tensor, ""]:
    """Sum of ``dice_maps`` over the maps that have a positive pixel; 0 when none has."""
    return (dice_maps(logits, targets, counted, smooth=smooth) * is_present(targets)).sum()


def num_masks(targets: MaskMaps) -> int:
    """Number of maps with a positive pixel (pairs of an image and a class in it), at least 1."""
    return max(1, int(is_present(targets).sum()))


def is_present(targets: MaskMaps) -> Bool[Tensor, "batch maps"]:
    """Which maps have a positive pixel."""
    return targets.sum(dim=(2, 3)) > 0  # any() of floats is seven times slower


def resize_logits(
    logits: MaskMaps, size: tuple[int, int]
) -> Float[Tensor, "batch maps new_height new_width"]:
    """Bilinear, ``align_corners=False``, to the size of the targets; unchanged when it has it.

    As two matrix products: on a CPU five times faster than ``interpolate`` and its derivative, and on a GPU the derivative
    is the same from run to run.

    Raises:
        InputError: if a side of ``size`` is not positive.
    """
    if min(size) < 1:
        raise InputError(f"expected a target size of at least 1 x 1 pixels, got {size[0]} x {size[1]}")
    if logits.shape[2:] == size:
        return logits
    rows, cols = (_bilinear(old, new, logits) for old, new in zip(logits.shape[2:], size, strict=True))
    return rows @ logits @ cols.T


def _bilinear(old: int, new: int, like: Tensor) -> Float[Tensor, "new old"]:
    """Weights of ``old`` values in ``new`` ones along one side."""
    each = torch.eye(old, dtype=like.dtype, device=like.device)[None]
    return F.interpolate(each, size=new, mode="linear", align_corners=False)[0].T


def one_hot_masks(labels: Int[Tensor, "batch height width"], num_classes: int) -> MaskMaps:
    """One float map per class: 1 where the label is that class. Ids outside ``0..num_classes - 1`` are 0 in all maps."""
    classes = torch.arange(num_classes, device=labels.device)
    return (labels[:, None] == classes[:, None, None]).float()


def count_masks(labels: Int[Tensor, "batch height width"], num_classes: int) -> int:
    """Pairs of an image and a class in it: ``is_present`` of ``one_hot_masks`` without a map per class."""
    first = torch.arange(len(labels), device=labels.device)[:, None, None] * num_classes
    inside = (labels >= 0) & (labels < num_classes)
    return len((labels + first)[inside].unique())


def class_chunk(labels: Int[Tensor, "batch height width"]) -> int:
    """Classes whose maps are held at a time."""
    return max(1, MAP_NUMBERS // max(labels.numel(), 1))


def class_sums(
    class_logits: Float[Tensor, "batch classes rows cols"],
    labels: Int[Tensor, "batch height width"],
    *,
    weights: MaskLossWeights,
    form: MaskLossForm,
) -> dict[str, Float[Tensor, ""]]:
    """``mask``, ``dice`` and, with a weight, ``cls``: sums over images and classes, before weight and normaliser.

    Many classes go piece by piece: a piece is computed again for its gradient, so memory does not grow with their number.
    """

    def piece(logits: MaskMaps, first: int) -> dict[str, Float[Tensor, ""]]:
        maps = resize_logits(logits, (labels.shape[1], labels.shape[2]))
        targets = one_hot_masks(labels - first, logits.shape[1])
        counted = None if form.ignored == "released" else (labels != form.ignored_id)[:, None]
        sums = {
            "mask": _focal(maps, targets, counted, weights),
            "dice": dice_loss(maps, targets, counted, smooth=weights.dice_smooth),
        }
        return sums | ({"cls": cross_entropy_loss(maps, targets, counted)} if weights.cls else {})

    size = class_chunk(labels)
    if class_logits.shape[1] <= size:
        return piece(class_logits, 0)
    pieces = [
        checkpoint(piece, part, i * size, use_reentrant=False, preserve_rng_state=False)
        for i, part in enumerate(class_logits.split(size, dim=1))
    ]
    return {name: torch.stack([sums[name] for sums in pieces]).sum() for name in pieces[0]}


def segmentation_losses(
    class_logits: Float[Tensor, "batch classes rows cols"],
    trusty_logits: Float[Tensor, "batch 1 rows cols"] | None,
    labels: Int[Tensor, "batch height width"],
    trusty_target: Bool[Tensor, "batch height width"] | None = None,
    *,
    weights: MaskLossWeights = MaskLossWeights(),
    form: MaskLossForm = MaskLossForm(),
    trusty_counted: Bool[Tensor, "batch height width"] | None = None,
    count: float | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """The weighted terms of Eq. 11; their sum is the loss.

    With K = ``num_masks``: ``mask = weight/K focal``, ``dice = weight/K dice over present classes``, ``cls = weight/K
    cross-entropy``, ``trusty = weight/K focal`` or ``weight/batch dice``. Logits are first resized to the labels.

    Args:
        class_logits: one map per class that is trained.
        trusty_logits: high where a pixel is no seen class; None without a trusty token.
        labels: index of the trained class, or the ignored id for pixels of no trained class.
        trusty_target: True where a pixel counts as no seen class; needed with ``trusty_logits``.
        weights: a term with weight 0 is left out (``cls`` has no form in the release; Eq. 11 names it without arguments,
            and we read it as pixel-wise cross-entropy of the class maps).
        form: which formula, where there are two.
        trusty_counted: pixels the trusty map is judged on; all by default.
        count: K; ``num_masks`` of these labels when None. Several processes give the mean of theirs, so that the mean of
            their losses is the loss of the whole batch.

    Returns:
        ``mask``, ``dice``, and where they apply ``cls`` and ``trusty``; without a present class ``dice`` is 0.

    Raises:
        InputError: if a trusty map comes without its target.

    Reference:
        Li et al., TagCLIP: Improving Discrimination Ability of Open-Vocabulary Semantic Segmentation, Eq. 9 to 11.
    """
    size = (labels.shape[1], labels.shape[2])
    count = max(1, count_masks(labels, class_logits.shape[1])) if count is None else count
    sums = class_sums(class_logits, labels, weights=weights, form=form)
    shares = {"mask": weights.mask, "dice": weights.dice, "cls": weights.cls}
    losses = {name: shares[name] / count * total for name, total in sums.items()}
    if trusty_logits is not None and weights.trusty:
        if trusty_target is None:
            raise InputError(
                "a trusty map needs a trusty target to be trained; give one, or drop the trusty token"
            )
        pixels = None if trusty_counted is None else trusty_counted[:, None]
        maps = resize_logits(trusty_logits, size)
        total = _trusty_term(maps, trusty_target[:, None], pixels, form.trusty_loss, weights)
        # focal by K, as the release: the weight shrinks in crowded images. Dice by images, as each has one such map; the
        # paper prints no divisor
        losses["trusty"] = weights.trusty / (count if form.trusty_loss == "focal" else len(labels)) * total
    return losses


def _focal(
    logits: MaskMaps, targets: MaskMaps, counted: ValidPixels | None, weights: MaskLossWeights
) -> Float[Tensor, ""]:
    return focal_loss(logits, targets, counted, alpha=weights.focal_alpha, gamma=weights.focal_gamma)


def _trusty_term(
    logits: Float[Tensor, "batch 1 height width"],
    is_new: ValidPixels,
    counted: ValidPixels | None,
    kind: TrustyLoss,
    weights: MaskLossWeights,
) -> Float[Tensor, ""]:
    if kind == "focal":
        return _focal(logits, is_new.float(), counted, weights)
    # Eq. 9 has 1 on seen pixels, and 1 - sigmoid(x) = sigmoid(-x)
    return dice_maps(-logits, (~is_new).float(), counted, smooth=weights.dice_smooth).sum()
