"""RCS with semantic feedback: the labels look at the image once, and what they saw guides a second last block.

So the image cannot be finished before the labels are known. What is kept of a view is the input of its last block, the heads
of the blocks that are mixed in, and its pixels; ``segment`` finishes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from tagalign.backbones.mode_profiles import known
from tagalign.backbones.modes.rcs import Rcs, steps
from tagalign.backbones.modes.rcs.steps import RcsStart
from tagalign.backbones.protocols import BlockBackbone, Grid, Tokens
from tagalign.backbones.stream import Stream
from tagalign.brief import Brief
from tagalign.errors import InputError
from tagalign.labels import Size
from tagalign.methods.dense.canvas import Canvas, batches_of_one_size
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.mode_options import mode_with
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.ops.feedback import PATHS, feedback_map, first_map, patch_labels, pixel_labels, score_bias
from tagalign.types import EncodedImage, EncodedLabels, Referring, Segmentation, Tagging, View

NameEmbeds = Float[Tensor, "names dim"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstLook:
    """What the labels see before the feedback.

    Attributes:
        dense: rows of the dense stream without feedback.
        cosines: of every name, on the patch grid.
        patches: the label of every patch; the number of names where it is none of them.
    """

    dense: Tokens
    cosines: Float[Tensor, "names rows cols"]
    patches: Int[Tensor, "rows cols"]


def first_look(
    backbone: BlockBackbone,
    mode: Rcs,
    start: RcsStart,
    grid: Grid,
    pixels: Float[Tensor, "3 height width"],
    names: NameEmbeds,
) -> FirstLook:
    """The first prediction of one view, refined by PAMR at its pixels, as a label per patch.

    Args:
        backbone: the encoder.
        mode: RCS with its feedback on.
        start: of one view.
        grid: rows and columns of patches.
        pixels: of the view, normalised.
        names: unit text embeddings of everything that may be seen.
    """
    dense = steps.finish(mode, backbone, start, grid)
    rows = F.normalize(backbone.project(dense)[0, backbone.num_prefix :].float(), dim=-1)
    cosines = (names.to(rows) @ rows.T).unflatten(1, grid)
    unsure = 0 if mode.feedback_unsure == "first" else len(names)
    labels = pixel_labels(first_map(cosines, pixels), threshold=known(mode.feedback_threshold), unsure=unsure)
    return FirstLook(dense=dense, cosines=cosines, patches=patch_labels(labels, grid, backbone.patch_size))


def second_pass(
    backbone: BlockBackbone, mode: Rcs, start: RcsStart, grid: Grid, look: FirstLook, *, halves: bool
) -> Tokens:
    """Rows of the dense stream of one view, guided by its first look.

    Args:
        backbone: the encoder.
        mode: RCS with its feedback on.
        start: of the same view.
        grid: rows and columns of patches.
        look: what ``first_look`` returned.
        halves: round the feedback to half precision twice, as released.
    """
    valid = PATHS[known(mode.feedback_path)](look.patches)
    bias = score_bias(feedback_map(look.patches, valid), weight=known(mode.feedback_weight), halves=halves)
    prefix = backbone.num_prefix
    return steps.finish(
        mode,
        backbone,
        start,
        grid,
        # gain ((1 - w) B + w F): both parts are scaled here, the Gaussian that ``finish`` adds is not
        feedback=known(mode.feedback_gain) * F.pad(bias, (prefix, 0, prefix, 0))[None],
        feedback_gain=known(mode.feedback_gain) * (1 - known(mode.feedback_weight)),
    )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OpenView(Brief):
    """One view before its last block.

    Attributes:
        start: a batch of one.
        pixels: normalised.
        grid: rows and columns of patches.
        box: XYXY on the canvas.
    """

    start: RcsStart
    pixels: Float[Tensor, "3 height width"]
    grid: Grid
    box: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OpenImage(Brief):
    """An image that the labels will finish.

    Attributes:
        method: that encoded it.
        size: of the original image.
        canvas: size it was resized to.
        views: one of the whole canvas, or windows.
    """

    method: str
    size: Size
    canvas: Size
    views: tuple[OpenView, ...]


def wants_feedback(mode: str, options: DenseOptions) -> bool:
    """Whether the options of a mode ask for feedback."""
    chosen = mode_with(mode, options)
    return isinstance(chosen, Rcs) and chosen.feedback


class FeedbackMethod(DenseMethod):
    """``rcs`` with ``feedback``: masks and heat maps of labels; tags and phrases are refused."""

    backbone: BlockBackbone
    dense_mode: Rcs

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self._stitch:
            raise InputError(
                "feedback=True finishes every window with the labels, stitch joins them before; leave one of both out"
            )

    @torch.inference_mode()
    def encode_canvases(self, canvases: Sequence[Canvas]) -> list[Any]:
        """Canvases that are already laid, up to the last block."""
        views: list[dict[int, OpenView]] = [{} for _ in canvases]
        for places, pixels in batches_of_one_size(canvases, self.resources.batch_size):
            x, grid = self.backbone.embed_patches(pixels.to(self.backbone.device), positions=self.positions)
            start, _ = steps.start(Stream(self.backbone.blocks, x))
            for row, (i, j) in enumerate(places):
                views[i][j] = OpenView(
                    start=_one(start, row), pixels=pixels[row], grid=grid, box=canvases[i].boxes[j]
                )
        return [
            OpenImage(
                method=self.method,
                size=canvas.size,
                canvas=(canvas.pixels.shape[1], canvas.pixels.shape[2]),
                views=tuple(found[j] for j in range(len(found))),
            )
            for canvas, found in zip(canvases, views, strict=True)
        ]

    @torch.inference_mode()
    def finished(self, image: OpenImage, labels: EncodedLabels) -> EncodedImage:
        """The image as these labels see it; background words of the set count as names where they act.

        Raises:
            InputError: if another method encoded the image or the labels.
        """
        refuse_foreign(image.method, self.method)
        refuse_foreign_labels(labels, self.method)
        acts = self.options.background_threshold is not None
        names = torch.cat([labels.embeds, labels.background]) if acts else labels.embeds
        views = []
        for view in image.views:
            look = first_look(
                self.backbone, self.dense_mode, view.start, view.grid, view.pixels.to(names.device), names
            )
            dense = second_pass(
                self.backbone,
                self.dense_mode,
                view.start,
                view.grid,
                look,
                halves=self.dense_mode.rounds_feedback,
            )
            embeds = self.backbone.project(dense)[0, self.backbone.num_prefix :]
            views.append(View(embeds=embeds, grid=view.grid, box=view.box))
        pooled = torch.stack([view.embeds.float().mean(dim=0) for view in views]).mean(dim=0)
        return EncodedImage(
            method=self.method, embed=pooled, size=image.size, canvas=image.canvas, views=tuple(views)
        )

    def segment(self, image: Any, labels: EncodedLabels, *, photo: Image.Image | None = None) -> Segmentation:
        """Argmax over labels at every pixel; see ``DenseMethod.segment``."""
        return super().segment(self.finished(image, labels), labels, photo=photo)

    def heat_maps(
        self, image: Any, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "labels height width"]:
        """Probability of each label; see ``DenseMethod.heat_maps``."""
        return super().heat_maps(self.finished(image, labels), labels, size=size)

    def name_cosines(
        self, image: Any, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "names height width"]:
        """Cosine of every name; see ``DenseMethod.name_cosines``."""
        return super().name_cosines(self.finished(image, labels), labels, size=size)

    def tag(self, image: Any, labels: EncodedLabels) -> Tagging:
        """Refused.

        Raises:
            InputError: always: a first map of all labels would choose the tags before they are scored.
        """
        raise InputError(
            "feedback=True acts on masks of labels, it cannot tag; leave feedback out to tag with rcs"
        )

    def refer(self, image: Any, phrase: str) -> Referring:
        """Refused.

        Raises:
            InputError: always: one phrase has no other label to be told apart from.
        """
        raise InputError(
            "feedback=True acts on masks of labels, it cannot refer; leave feedback out to refer with rcs"
        )


def _one(start: RcsStart, row: int) -> RcsStart:
    """One image of a batch, by itself in memory."""
    return RcsStart(
        x=start.x[row : row + 1].clone(),
        earlier=tuple((q[row : row + 1].clone(), k[row : row + 1].clone()) for q, k in start.earlier),
    )
