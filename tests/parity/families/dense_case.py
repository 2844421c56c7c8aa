"""What the case folders of calibrated dense modes have in common: a CLIP, pictures by size, names, a segmentation."""

import json
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from tagalign.backbones.families import FAMILIES
from tagalign.labels import Label, LabelSet
from tagalign.methods.dense.canvas import Canvas
from tagalign.methods.dense.feedback import FeedbackMethod, wants_feedback
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.options import build_options
from tagalign.methods.table import METHODS
from tagalign.ops.windows import window_boxes
from tagalign.types import EncodedLabels

Tensors = dict[str, Tensor]
RELEASED = "offset"
"""Positions as the releases resize them."""


class Case:
    """What a case folder holds.

    Attributes:
        inputs: by name.
        wanted: names of the tensors of ``outputs``; what is large or slow is computed where it is asked for.
        backbone: the encoder.
        pictures: by ``<height>x<width>``.
        scale: of the cosines.
    """

    scale = 40.0

    def __init__(self, folder: Path) -> None:
        self.inputs = floats(folder / "inputs.safetensors")
        self.wanted = set(load_file(folder / "outputs.safetensors"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.backbone = FAMILIES["clip"].build(config, floats(folder / "weights.safetensors"))
        self.pictures = {
            name.removesuffix(".image"): self.inputs[name]
            for name in self.inputs
            if name.endswith(".image") and name[0].isdigit()
        }
        names = tuple(Label(name=str(i)) for i in range(len(self.inputs["queries"])))
        self.label_set = LabelSet(name="golden", labels=names)

    def method(self, name: str, **options: object) -> DenseMethod:
        """The released profile of a method, with the settings of the case."""
        made = build_options(METHODS[name].options, {"profile": "released"} | options, method=name)
        kind = FeedbackMethod if wants_feedback(name, made) else DenseMethod
        return kind(self.backbone, made, method=name, mode=name)

    def labels(self, method: str) -> EncodedLabels:
        """Every name as a label of its own."""
        queries = self.inputs["queries"]
        return EncodedLabels(
            method=method,
            label_set=self.label_set,
            embeds=queries,
            owners=torch.arange(len(queries)),
            background=queries[:0],
        )

    def canvas(self, *, windows: bool) -> Canvas:
        """The picture of the segmentation, whole or in windows."""
        pixels = self.inputs["segment.image"][0]
        size = (int(pixels.shape[1]), int(pixels.shape[2]))
        crop, stride = self.inputs["segment.crop_stride"].tolist()
        boxes = window_boxes(size, crop=crop, stride=stride) if windows else [(0, 0, size[1], size[0])]
        return Canvas(pixels=pixels, size=self.original_size, boxes=tuple(boxes))

    @property
    def original_size(self) -> tuple[int, int]:
        """Of the picture of the segmentation."""
        height, width = self.inputs["segment.original_size"].tolist()
        return height, width

    @property
    def guide(self) -> Tensor:
        """That picture, normalised, at its original size."""
        return F.interpolate(
            self.inputs["segment.image"], size=self.original_size, mode="bilinear", align_corners=False
        )[0]

    def logits(self, method: DenseMethod, *, windows: bool) -> Tensor:
        """Cosines of every name at the original size."""
        labels = self.labels(method.method)
        image = method.encode_canvases([self.canvas(windows=windows)])[0]
        return method.name_cosines(image, labels)

    def class_scores(self, logits: Tensor, *, scale: float | None = None) -> Tensor:
        """Softmax over names, then the best name of each class."""
        probs = ((scale or self.scale) * logits).softmax(dim=0)
        owners = self.inputs["query_class"]
        return torch.stack([probs[owners == c].amax(dim=0) for c in range(int(owners.max()) + 1)])

    def stages(self, image: Tensor, *, positions: str | None = RELEASED) -> list[Tensor]:
        """Input of the first block, then the output of every block."""
        x, _ = self.backbone.embed_patches(image, positions=positions)
        outputs = [x]
        for block in self.backbone.blocks:
            outputs.append(block(outputs[-1]))
        return outputs

    def cosines(self, embeds: Tensor, grid: tuple[int, int]) -> Tensor:
        """Cosines of patch embeddings with the names, on the grid."""
        return (self.inputs["queries"] @ F.normalize(embeds, dim=-1).T).unflatten(1, grid)


def floats(path: Path) -> Tensors:
    """A file with halves as floats."""
    return {k: v.float() if v.dtype == torch.float16 else v for k, v in load_file(path).items()}


def prefixed(place: str, tensors: Iterator[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """With the name of the picture in front."""
    for name, tensor in tensors:
        yield f"{place}.{name}", tensor


def difference(mine: Tensor, reference: Tensor) -> float:
    """``max|mine - reference| / max(1, max|reference|)``."""
    largest = max(1.0, float(reference.double().abs().max()))
    return float((mine.double() - reference.double()).abs().max()) / largest


def share_of_other_labels(mine: Tensor, reference: Tensor) -> float:
    """Share of pixels with another label."""
    return float((mine.long() != reference.long()).double().mean())


def unequal(mine: Tensor, reference: Tensor) -> float:
    """How many integers differ."""
    return float((mine.long() != reference.long()).sum())


@torch.inference_mode()
def compute(
    folder: Path,
    *,
    of_pictures: Iterable[Callable[[Case, Tensor], Iterator[tuple[str, Tensor]]]],
    alone: Callable[[Case], Iterator[tuple[str, Tensor]]],
    segmentation: Callable[..., Iterator[tuple[str, Tensor]]],
    optional: Container[str],
) -> Tensors:
    """Every tensor of a case.

    Args:
        folder: of the case.
        of_pictures: what is computed of each picture.
        alone: what is computed once.
        segmentation: label maps, with windows and of the whole picture.
        optional: last parts of names that not every case stores; their tensors are left out where it does not.
    """
    case = Case(folder)
    made: Tensors = {}
    for place, image in case.pictures.items():
        for part in of_pictures:
            made.update(prefixed(place, part(case, image)))
    made.update(alone(case))
    for windows, place in ((True, "segment"), (False, "whole")):
        made.update(prefixed(place, segmentation(case, windows=windows)))
    partly = {n for n in made if n.rpartition(".")[2] in optional or ".sized." in n or n.startswith("whole.")}
    return {n: t.clone() for n, t in made.items() if n in case.wanted or n not in partly}
