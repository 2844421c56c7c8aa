"""TrustyCLIP behind the common calls: encode once, then segment with any names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.facts import facts_of
from tagalign.backbones.finite import checked
from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.protocols import BlockBackbone
from tagalign.labels import LabelSet, Size
from tagalign.methods.dense.canvas import Canvas, SeesCanvases, batches_of_one_size
from tagalign.methods.dense.score_maps import label_chunks
from tagalign.methods.describe import describe_options
from tagalign.methods.labels import encode_label_set
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.resources import Resources
from tagalign.methods.trusty.canvas import canvas_size, default_crop, default_stride
from tagalign.methods.trusty.combine import Weighting, check_weighting, seen_mask, weigh
from tagalign.methods.trusty.image_value import TrustyImage, TrustyView
from tagalign.methods.trusty.label_logits import best_alias, margins
from tagalign.methods.trusty.names import seen_ids
from tagalign.methods.trusty.network import MaskLogits, TrustyNetwork
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.methods.trusty.profiles import TrustyProfile, trusty_profile
from tagalign.methods.trusty.prompts import PromptedFeatures
from tagalign.ops.windows import Box, average_windows, upsample, window_boxes
from tagalign.types import EncodedLabels, Negatives, Segmentation

METHOD = "trusty"
DEFAULT_TEMPLATES = ("a photo of a {}",)  # ZegCLIP's single prompt for VOC
AUTOMATIC = ("auto", "cross-dataset")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrustySegmentation(Segmentation):
    """A segmentation with the map that weighed it.

    Attributes:
        trusty: probability that a pixel belongs to a seen class (the paper's M_A), at the original size; None where the
            trusty token was not used.
        seen: ids of the labels that counted as seen.
        weighting: what the trusty map weighed.
    """

    trusty: Float[Tensor, "height width"] | None
    seen: tuple[int, ...]
    weighting: Weighting


@dataclass(frozen=True, kw_only=True)
class _Question:
    """Labels, ready to be asked: which are seen, whether the token is used, what it weighs."""

    labels: EncodedLabels
    seen: tuple[int, ...]
    weighting: Weighting
    calibration: float
    drop_token: bool
    margins: "Sequence[tuple[Tensor, Box]] | None" = None


class TrustyClip(SeesCanvases[TrustyImage]):
    """Open-vocabulary segmentation by a trained head on a prompted, frozen CLIP.

    Attributes:
        backbone: the frozen encoder it was trained on.
        network: the trained part.
        profile: switches; see ``TrustyProfile``.
        trained: names of the classes it was trained on with masks.
        templates: prompts for label sets that bring none.
        options: with every value that acts.

    Reference:
        Li et al., TagCLIP: Improving Discrimination Ability of Open-Vocabulary Semantic Segmentation.
    """

    method = METHOD

    def __init__(
        self,
        backbone: BlockBackbone,
        network: TrustyNetwork,
        options: TrustyOptions | None = None,
        *,
        trained: Sequence[str],
        profile: TrustyProfile | None = None,
        templates: Sequence[str] = DEFAULT_TEMPLATES,
        resources: Resources | None = None,
        trained_with: Mapping[str, str] | None = None,
    ) -> None:
        """Settle what the options leave to the profile and the encoder.

        Args:
            backbone: the frozen encoder it was trained on.
            network: the trained part.
            options: see ``TrustyOptions``.
            trained: names of the classes it was trained on with masks.
            profile: switches of your own instead of those that the options name.
            templates: prompts for label sets that bring none.
            resources: windows encoded at a time.
            trained_with: what ``describe`` adds: setting, trusty target.
        """
        given = options or TrustyOptions()
        self.given: Any = given
        self.backbone = backbone
        self.network = network.eval()
        self.profile = profile or trusty_profile(given.profile or "fixed")
        self.trained = tuple(trained)
        self.templates = tuple(templates)
        self.short_side = given.short_side or default_crop(backbone)
        self.window = self.short_side if given.window is None else given.window
        self.stride = given.stride or default_stride(self.window, backbone.patch_size)
        self.calibration = self.profile.calibration if given.calibration is None else given.calibration
        self.options = self._settled(given)
        self.resources = resources or Resources()
        self.trained_with = dict(trained_with or {})
        self.preprocessing = self.profile.pixels(backbone.preprocessing)

    def _settled(self, given: TrustyOptions) -> TrustyOptions:
        own: dict[str, Any] = {
            "calibration": self.calibration,
            "short_side": self.short_side,
            "window": self.window or None,
            "stride": self.stride if self.window else None,
        }
        return replace(given, **own)

    def with_options(self, options: Any) -> "TrustyClip":
        """The same method under other options; encoder and trained part are shared."""
        return TrustyClip(
            self.backbone,
            self.network,
            options,
            trained=self.trained,
            templates=self.templates,
            resources=self.resources,
            trained_with=self.trained_with,
        )

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            "method": self.method,
            **facts_of(self.backbone),
            **self.trained_with,
            "learner": self.network.sizes.learner,
            "trusty_token": self.network.sizes.has_token,
            "trained_classes": len(self.trained),
            "templates": list(self.templates),
            **describe_options(self.options),
            "profile": self.profile.name,
        }

    # --- encoding -------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def encode_canvases(self, canvases: Sequence[Canvas]) -> list[TrustyImage]:
        """Canvases that are already laid, for callers that load and resize in other processes."""
        views: list[dict[int, TrustyView]] = [{} for _ in canvases]
        for places, pixels in batches_of_one_size(canvases, self.resources.batch_size):
            features = self.network.encode(self.backbone, pixels.to(self.backbone.device))
            for (i, j), patches, cls in zip(places, features.patches, features.cls, strict=True):
                views[i][j] = TrustyView(patches=patches, cls=cls, box=canvases[i].boxes[j])
        return [
            TrustyImage(
                method=self.method,
                size=canvas.size,
                canvas=(canvas.pixels.shape[1], canvas.pixels.shape[2]),
                views=tuple(found[j] for j in range(len(found))),
            )
            for canvas, found in zip(canvases, views, strict=True)
        ]

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``."""
        patch = self.backbone.patch_size
        return canvas_size(size, short_side=self.short_side, patch=patch, window=self.window)

    def lay(self, image: Image.Image) -> Canvas:
        """Resize so that the short side fits, normalise, list the windows; a side below a window is whole patches."""
        size = (image.height, image.width)
        canvas = self.seen_size(size)
        pixels = to_tensor(resize(image, canvas), self.preprocessing)
        if not self.window:
            return Canvas(pixels=pixels, size=size, boxes=((0, 0, canvas[1], canvas[0]),))
        boxes = tuple(window_boxes(canvas, crop=self.window, stride=self.stride))
        return Canvas(pixels=pixels, size=size, boxes=boxes)

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Views of one size share a pass."""
        return tuple(min(side, self.window or side) for side in self.seen_size(size))

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Labels with the templates of their set, or with those of the training."""
        return encode_label_set(
            self.backbone,
            labels,
            method=self.method,
            templates=self.templates,
            use_aliases=self.options.use_aliases,
        )

    # --- answers --------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def segment(
        self, image: TrustyImage, labels: EncodedLabels, *, photo: Image.Image | None = None
    ) -> TrustySegmentation:
        """Argmax of the combined scores at every pixel; a tie goes to the earlier label.

        Scores are averaged over windows, then resized to the original image (paper: 512 pixels, stride 426).

        Args:
            image: what ``encode_images`` returned.
            labels: what ``encode_labels`` returned; a score depends on the whole list, because class rows see each other.
            photo: not used; nothing here looks at colours.

        Raises:
            InputError: if the image was encoded by another method, or a weighting was asked for that cannot be.
        """
        question = self._against(image, self._question(labels))
        views = self._view_logits(image, question)
        best = torch.full(image.size, -torch.inf, device=views[0][0].classes.device)
        ids = torch.zeros(image.size, dtype=torch.long, device=best.device)
        for chunk in label_chunks(len(labels.names), image.size, image.canvas):
            scores, local = self._score_maps(image, views, question, chunk).max(dim=0)
            better = scores > best
            best, ids = torch.where(better, scores, best), torch.where(better, local + chunk.start, ids)
        return TrustySegmentation(
            labels=ids,
            names=labels.names,
            scores=best,
            trusty=_trusty_map(image, views),
            seen=question.seen,
            weighting=question.weighting,
        )

    @torch.inference_mode()
    def heat_maps(
        self, image: TrustyImage, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "labels height width"]:
        """Combined score of each label at each pixel of the original image, or at another size; all labels at once.

        A size below that of the canvas gets means of the canvas's pixels; no other size than the asked one is made.
        """
        question = self._against(image, self._question(labels))
        views = self._view_logits(image, question)
        return self._score_maps(image, views, question, range(len(labels.names)), size=size)

    def _question(self, labels: EncodedLabels) -> _Question:
        seen = self._seen(labels)
        mixed, has_token = 0 < len(seen) < len(labels.names), self.network.sizes.has_token
        if self.options.weighting == "auto" or self.options.weighting == "cross-dataset":
            chosen: Weighting = "both" if mixed and has_token else "none"
        else:
            chosen = self.options.weighting
            check_weighting(chosen, has_map=has_token, all_seen=len(seen) == len(labels.names))
        return _Question(
            labels=labels,
            seen=seen,
            weighting=chosen,
            calibration=self.calibration
            if mixed
            else 0.0,  # the same for all labels, it would change nothing
            drop_token=self.options.weighting in AUTOMATIC and not mixed,  # the paper's cross-dataset rule
        )

    def _seen(self, labels: EncodedLabels) -> tuple[int, ...]:
        if self.options.weighting == "cross-dataset":
            return tuple(range(len(labels.names)))
        return seen_ids(labels.label_set, self.trained, seen=self.options.seen, unseen=self.options.unseen)

    def _view_logits(self, image: TrustyImage, question: _Question) -> list[tuple[MaskLogits, Box]]:
        """Mask logits of every window on its patch grid, one map per label."""
        refuse_foreign(image.method, self.method)
        refuse_foreign_labels(question.labels, self.method)
        labels = question.labels
        return [
            (best_alias(self._logits(view, question, labels.embeds), labels), view.box)
            for view in image.views
        ]

    def _logits(self, view: TrustyView, question: _Question, text: Float[Tensor, "rows dim"]) -> MaskLogits:
        features = PromptedFeatures(patches=view.patches[None], cls=view.cls[None])
        found = self.network.masks(features, text.to(view.cls), drop_token=question.drop_token)
        for maps in (found.classes, found.trusty):
            if maps is not None:
                checked(maps, self.network, name=METHOD, what="masks of the trained head", item="window")
        return found

    def _against(self, image: TrustyImage, question: _Question) -> _Question:
        """The question with what speaks against its labels in this image."""
        negatives = question.labels.negatives
        if negatives is None:
            return question
        refuse_foreign(image.method, self.method)
        return replace(question, margins=self._margins(image, question, negatives))

    def _margins(
        self, image: TrustyImage, question: _Question, negatives: Negatives
    ) -> list[tuple[Float[Tensor, "labels rows cols"], Box]]:
        """How much better each label fits than its negatives on the patch grid of every window.

        Class rows see each other, so the negatives are asked beside the labels, in a pass whose other answers do not count.
        """
        text = torch.cat([question.labels.embeds, negatives.embeds])
        return [
            (margins(self._logits(view, question, text).classes[0], question.labels, negatives), view.box)
            for view in image.views
        ]

    def _score_maps(
        self,
        image: TrustyImage,
        views: Sequence[tuple[MaskLogits, Box]],
        question: _Question,
        ids: range,
        *,
        size: Size | None = None,
    ) -> Float[Tensor, "labels height width"]:
        size = size or image.size
        windows = ((_window_scores(logits, box, question, ids), box) for logits, box in views)
        maps = _sized(average_windows(windows, image.canvas), image, size)
        if question.margins is None:
            return maps
        margins = (
            (upsample(margin[ids.start : ids.stop], (box[3] - box[1], box[2] - box[0])), box)
            for margin, box in question.margins
        )
        return maps.masked_fill(_sized(average_windows(margins, image.canvas), image, size) < 0, 0)


def _sized(
    maps: Float[Tensor, "labels rows cols"], image: TrustyImage, size: Size
) -> Float[Tensor, "labels height width"]:
    """Maps on the canvas at another size."""
    if size != image.size and size[0] <= image.canvas[0] and size[1] <= image.canvas[1]:
        return F.interpolate(maps[None], size=size, mode="area")[0]
    return upsample(maps, size)


def _window_scores(
    logits: MaskLogits, box: Box, question: _Question, ids: range
) -> Float[Tensor, "labels height width"]:
    left, top, right, bottom = box
    part = MaskLogits(classes=logits.classes[:, ids.start : ids.stop], trusty=logits.trusty)
    part = part.resized((bottom - top, right - left))
    is_seen = seen_mask(question.seen, len(question.labels.names), part.classes.device)[ids.start : ids.stop]
    return weigh(
        part.classes, part.trusty, is_seen, weighting=question.weighting, calibration=question.calibration
    )[0]


def _trusty_map(
    image: TrustyImage, views: Sequence[tuple[MaskLogits, Box]]
) -> Float[Tensor, "height width"] | None:
    windows = []
    for logits, (left, top, right, bottom) in views:
        resized = logits.resized((bottom - top, right - left)).trusty
        if resized is None:
            return None
        windows.append((torch.sigmoid(-resized[0]), (left, top, right, bottom)))
    return upsample(average_windows(windows, image.canvas), image.size)[0]
