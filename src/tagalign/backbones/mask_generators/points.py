"""SAM and SAM 2: asked at a grid of points, their masks filtered by their own estimate, by stability and by overlap."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tagalign.backbones.vision_only import VisionOnly
from tagalign.errors import InputError
from tagalign.labels import Size

MIN_IOU = 0.4
MIN_STABILITY = 0.4
"""CorrCLIP's live settings of SAM 2; SAM's own are 0.88 and 0.95, which keep fewer and cleaner masks."""
MOST_OVERLAP = 0.7
"""Of two masks with more IoU the one with the lower estimate is dropped; SAM does so with boxes."""
OFFSET = 1.0
"""Stability: IoU of the mask at a logit of plus and of minus this (SAM)."""
AT_A_TIME = 64
"""Points that the decoder is asked at together, as in SAM's own generator."""


class PointGenerator:
    """A SAM as a finder of masks.

    Attributes:
        found: the model.
        points_per_side: of the grid.
        min_iou: masks with a lower estimate of their own IoU are dropped.
        min_stability: likewise.
    """

    def __init__(
        self,
        found: VisionOnly,
        *,
        points_per_side: int,
        min_iou: float = MIN_IOU,
        min_stability: float = MIN_STABILITY,
    ) -> None:
        if points_per_side < 1:
            raise InputError(f"points_per_side: expected a whole number from 1, got {points_per_side}")
        self.found = found
        self.points_per_side = points_per_side
        self.min_iou, self.min_stability = min_iou, min_stability
        self.side = int(found.config.vision_config.image_size) if found.kind == "sam" else _sam2_side(found)

    def describe(self) -> dict[str, object]:
        """What a result must name."""
        return {
            **self.found.facts(),
            "points_per_side": self.points_per_side,
            "min_iou": self.min_iou,
            "min_stability": self.min_stability,
        }

    @torch.inference_mode()
    def masks_of(self, photo: Image.Image) -> Iterator[Bool[Tensor, "height width"]]:
        """Masks at the size of the photo, the surest first; they may overlap, and there may be none."""
        size = (photo.height, photo.width)
        inside = self._inside(size)
        logits, estimates = self._ask(self._pixels(photo, inside), inside)
        for place in self._kept(logits, estimates).tolist():
            yield self._at_size(logits[place], inside, size) > 0

    def _inside(self, size: Size) -> Size:
        """What the photo takes of the square input: SAM keeps its ratio and pads, SAM 2 squashes."""
        if self.found.kind != "sam":
            return self.side, self.side
        scale = self.side / max(size)
        return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))

    def _pixels(self, photo: Image.Image, inside: Size) -> Float[Tensor, "1 3 side side"]:
        rule = Preprocessing(image_size=self.side, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        pixels = to_tensor(resize(photo, inside, "bilinear"), rule)
        return F.pad(pixels, (0, self.side - inside[1], 0, self.side - inside[0]))[None]

    def _ask(self, pixels: Tensor, inside: Size) -> tuple[Tensor, Tensor]:
        """Mask logits and estimated IoU at each point of the grid."""
        model: Any = self.found.model
        embeds = model.get_image_embeddings(pixels.to(model.device))
        # midpoints of equal cells, as in SAM: no point lies on the border
        steps = (torch.arange(self.points_per_side) + 0.5) / self.points_per_side
        rows, cols = torch.meshgrid(steps * inside[0], steps * inside[1], indexing="ij")
        points = torch.stack([cols.flatten(), rows.flatten()], dim=1)[None, :, None].to(model.device)
        logits, estimates = [], []
        for some in points.split(AT_A_TIME, dim=1):
            labels = torch.ones(some.shape[:3], dtype=torch.int64, device=some.device)
            answer = model(
                input_points=some, input_labels=labels, image_embeddings=embeds, multimask_output=False
            )
            logits.append(answer.pred_masks[0, :, 0].float().cpu())
            estimates.append(answer.iou_scores[0, :, 0].float().cpu())
        return torch.cat(logits), torch.cat(estimates)

    def _kept(self, logits: Tensor, estimates: Tensor) -> Tensor:
        """Places of the masks that pass, the surest first; a tie keeps the order of the points."""
        sure, wide = (logits > OFFSET).flatten(1), (logits > -OFFSET).flatten(1)
        stability = sure.sum(dim=1) / wide.sum(dim=1).clamp(min=1)
        passed = (estimates >= self.min_iou) & (stability >= self.min_stability)
        order = estimates.argsort(descending=True, stable=True)
        order = order[passed[order]]
        # overlap on the small logits, not at the size of the photo: a thousand masks of a large photo would fill the memory
        masks = (logits[order] > 0).flatten(1).float()
        shared, areas = masks @ masks.T, masks.sum(dim=1)
        overlap = shared / (areas[:, None] + areas - shared).clamp(min=1)
        kept: list[int] = []
        for place in range(len(order)):
            if areas[place] and not (overlap[place, kept] > MOST_OVERLAP).any():
                kept.append(place)
        return order[kept]

    def _at_size(self, logits: Tensor, inside: Size, size: Size) -> Float[Tensor, "height width"]:
        # first up to the square input and only then cut: the padding does not end on a cell of the logits
        whole = F.interpolate(logits[None, None], size=(self.side, self.side), mode="bilinear")
        return F.interpolate(whole[..., : inside[0], : inside[1]], size=size, mode="bilinear")[0, 0]


def _sam2_side(found: VisionOnly) -> int:
    side = found.config.vision_config.backbone_config.image_size
    return int(side[0] if isinstance(side, (list, tuple)) else side)
