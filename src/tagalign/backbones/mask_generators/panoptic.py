"""Panoptic heads (Mask2Former, MaskFormer, EoMT): one mask per query, merged so that none overlaps.

They were trained on class labels of their own (mostly COCO's): results must say so, and they do.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tagalign.backbones.vision_only import VisionOnly
from tagalign.labels import Size

MIN_SCORE = 0.8
"""Probability of a query's best class, "none" competing; Mask2Former's panoptic inference."""
MIN_VISIBLE = 0.8
"""Share of a mask that must be left after the merge; the same."""
SHORT_SIDE, LONG_SIDE = 800, 1333
"""Where a folder says nothing."""


class PanopticGenerator:
    """A panoptic model as a finder of masks.

    Attributes:
        found: the model.
        min_score: queries that are less sure of their class are dropped.
    """

    def __init__(self, found: VisionOnly, *, min_score: float = MIN_SCORE) -> None:
        self.found = found
        self.min_score = min_score
        self.processor = found.processor

    def describe(self) -> dict[str, object]:
        """What a result must name, the labels it was trained on with it."""
        return {
            **self.found.facts(),
            "min_score": self.min_score,
            "trained_on_labels": len(self.found.config.id2label or {}),
        }

    @torch.inference_mode()
    def masks_of(self, photo: Image.Image) -> Iterator[Bool[Tensor, "height width"]]:
        """Masks at the size of the photo; none overlaps another, and there may be none."""
        size = (photo.height, photo.width)
        inside, padded = self._sizes(size)
        rule = Preprocessing(image_size=padded[0], mean=self._of("image_mean", IMAGENET_MEAN),
                             std=self._of("image_std", IMAGENET_STD))  # fmt: skip
        pixels = to_tensor(resize(photo, inside, "bilinear"), rule)
        pixels = F.pad(pixels, (0, padded[1] - inside[1], 0, padded[0] - inside[0]))[None]
        answer: Any = self.found.model(pixel_values=pixels.to(self.found.model.device))
        scores = answer.class_queries_logits[0].float().softmax(dim=-1)[:, :-1].amax(dim=-1).cpu()
        logits = answer.masks_queries_logits[0].float().cpu()
        kept = (scores > self.min_score).nonzero()[:, 0].tolist()
        yield from _merged([(float(scores[i]), logits[i]) for i in kept], inside, padded, size)

    def _of(self, name: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
        first, second, third = self.processor.get(name) or default
        return float(first), float(second), float(third)

    def _sizes(self, size: Size) -> tuple[Size, Size]:
        """Of the photo in the input, and of the input."""
        if self.found.kind == "eomt":  # its positions are of one square
            side = int(self.found.config.image_size)
            scale = side / max(size)
            return _scaled(size, scale), (side, side)
        said = self.processor.get("size") or {}
        short, long = said.get("shortest_edge") or SHORT_SIDE, said.get("longest_edge") or LONG_SIDE
        inside = _scaled(size, min(short / min(size), long / max(size)))
        # 32: the deepest maps of these models have a cell per 32 pixels, and transformers' processors pad to it
        step = int(self.processor.get("size_divisor") or 32)
        return inside, (-(-inside[0] // step) * step, -(-inside[1] // step) * step)


def _scaled(size: Size, scale: float) -> Size:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _merged(
    queries: list[tuple[float, Tensor]], inside: Size, padded: Size, size: Size
) -> Iterator[Bool[Tensor, "height width"]]:
    """Each pixel belongs to the query with the largest ``score x probability``; one query at a time is held."""

    def shown(logits: Tensor) -> Tensor:
        whole = F.interpolate(logits[None, None], size=padded, mode="bilinear")
        return F.interpolate(whole[..., : inside[0], : inside[1]], size=size, mode="bilinear")[0, 0].sigmoid()

    best, owner = torch.zeros(size), torch.full(size, -1)
    areas = []
    for place, (score, logits) in enumerate(queries):
        probs = shown(logits)
        areas.append(int((probs >= 0.5).sum()))
        better = score * probs > best
        best, owner = torch.where(better, score * probs, best), torch.where(better, place, owner)
    for place, (score, _) in enumerate(queries):
        mask = (owner == place) & (best >= 0.5 * score)
        if areas[place] and int(mask.sum()) >= MIN_VISIBLE * areas[place]:
            yield mask
