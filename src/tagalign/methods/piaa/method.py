"""PIAA as a tagger and a segmenter on any dense mode; what it knows comes from a look at the folder.

Reference: arXiv:2605.25821.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import Backbone
from tagalign.errors import MissingPartError, UnknownNameError
from tagalign.labels import LabelSet, Size
from tagalign.methods.choosing import choose_labels
from tagalign.methods.dense.canvas import Canvas, SeesCanvases, batches_of_one_size
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.mode_options import options_in_mode
from tagalign.methods.dense.score_maps import label_chunks
from tagalign.methods.describe import describe_options
from tagalign.methods.label_rows import beaten, lost_labels
from tagalign.methods.looks.step import LookStep, mark_of, open_step
from tagalign.methods.looks.taker import TakesLook
from tagalign.methods.piaa.classifier import PiaaClassifier, ScoreScales
from tagalign.methods.piaa.learner import BankSizes, bank_from, classifiers_of
from tagalign.methods.piaa.options import PiaaOptions
from tagalign.methods.piaa.profiles import PROFILES
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.resources import Resources
from tagalign.ops.looks.standardise import bounded
from tagalign.ops.windows import upsample
from tagalign.types import EncodedImage, EncodedLabels, Segmentation, Tagging, View

METHOD = "piaa"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PiaaImage(EncodedImage):
    """An image's patches, and its class token; None for a family without one."""

    token: Float[Tensor, " dim"] | None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PiaaLabels(EncodedLabels):
    """Labels with the classifier of each group that competes, fitted to the folder."""

    groups: tuple[tuple[tuple[int, ...], PiaaClassifier], ...]

    def dead(self) -> list[str]:
        """Names of labels without a patch in the folder."""
        return [
            self.names[i]
            for ids, one in self.groups
            for i, dead in zip(ids, one.is_dead.tolist(), strict=True)
            if dead
        ]


class Piaa(TakesLook, SeesCanvases[PiaaImage]):
    """See the module.

    Attributes:
        method: ``piaa``.
        backbone: the frozen encoder.
        by_text: the same patches compared with the text: what a folder is looked at with.
        step: the look; None before there is one.
    """

    method = METHOD

    def __init__(
        self, backbone: Backbone, options: PiaaOptions | None = None, *, resources: Resources | None = None
    ) -> None:
        """Settle what the options leave to the encoder.

        Raises:
            UnknownNameError: for a mode that does not exist.
            InputError: for a look of another model.
        """
        self.given = given = options or PiaaOptions()
        if given.mode not in DENSE_MODES:
            raise UnknownNameError("dense mode", given.mode, DENSE_MODES)
        self.backbone = backbone
        self.by_text = DenseMethod(
            backbone,
            options_in_mode(DENSE_MODES[given.mode].kind)(profile="fixed", short_side=given.short_side),
            method=METHOD,
            mode=given.mode,
            resources=resources,
        )
        # the whole photo at once: the bank counts a patch once, and what is kept of a photo is one view
        rule = self.by_text.canvas_rule = replace(self.by_text.canvas_rule, window=None, stride=None)
        self.by_text.options = replace(self.by_text.options, window=None, stride=None)
        self.options = replace(given, short_side=rule.short_side)
        self.step = open_step(self.options.look, self.look_facts())

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        own = {"look": mark_of(self.step), "template": self.by_text.profile.template}
        shared = {
            k: v
            for k, v in self.by_text.describe().items()
            if k in {"model", "weight_hash", "family", "logit_scale"}
        }
        return {"method": METHOD, **shared, **describe_options(self.options), **own}

    # --- the look -------------------------------------------------------------------------------------------------

    def look_facts(self) -> dict[str, Any]:
        """What the bank depends on beside its sizes."""
        return self.by_text.look_facts()

    def with_options(self, options: PiaaOptions) -> "Piaa":
        """The same method under other options; the encoder is shared.

        Raises:
            InputError: for a look that was made under others.
        """
        return Piaa(self.backbone, options, resources=self.by_text.resources)

    def bank_sizes(self, num_labels: int) -> BankSizes:
        """How many patches a look keeps."""
        return BankSizes.of(self.options.keep, self.options.keep_per_photo, num_labels)

    # --- encoding -------------------------------------------------------------------------------------------------

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Those of the method that asks by words."""
        return self.by_text.pass_shape(size)

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``."""
        return self.by_text.seen_size(size)

    def lay(self, image: Image.Image) -> Canvas:
        """That of the method that asks by words."""
        return self.by_text.lay(image)

    @torch.inference_mode()
    def encode_canvases(self, canvases: Sequence[Canvas]) -> list[PiaaImage]:
        """Canvases that are already laid."""
        found: dict[int, PiaaImage] = {}
        for places, pixels in batches_of_one_size(canvases, self.by_text.resources.batch_size):
            features = self.backbone.encode_dense(
                pixels.to(self.backbone.device), mode=self.by_text.dense_mode
            )
            patches = self.backbone.project(features.patches)
            tokens = None if features.cls is None else self.backbone.project(features.cls)
            for row, (i, _) in enumerate(places):
                canvas = canvases[i]
                found[i] = PiaaImage(
                    method=METHOD,
                    embed=patches[row].float().mean(dim=0),
                    size=canvas.size,
                    canvas=(canvas.pixels.shape[1], canvas.pixels.shape[2]),
                    # copies: who keeps a photo, or writes it down, does not keep its batch
                    views=(View(embeds=patches[row].clone(), grid=features.grid, box=canvas.boxes[0]),),
                    token=None if tokens is None else tokens[row].clone(),
                )
        return [found[i] for i in range(len(canvases))]

    def encode_labels(self, labels: LabelSet) -> PiaaLabels:
        """Fit the labels to the patches of the look.

        Raises:
            MissingPartError: without a look.
            InputError: for labels that it does not hold for, or patches that cannot be fitted.
        """
        encoded = self.by_text.encode_labels(labels)
        tensors = self._step().bank(labels)
        fitted = classifiers_of(
            bank_from(tensors), encoded, PROFILES[self.options.profile], temperature=self.options.temperature
        )
        return PiaaLabels(
            method=METHOD,
            label_set=labels,
            embeds=encoded.embeds,
            owners=encoded.owners,
            background=encoded.background,
            negatives=encoded.negatives,
            groups=tuple(fitted),
        )

    def _step(self) -> LookStep:
        if self.step is None:
            raise MissingPartError(
                "method 'piaa' needs a look at a folder: tagalign look PHOTOS --method piaa --labels ... --out LOOK, then "
                "--look LOOK"
            )
        return self.step

    # --- answers --------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def tag(self, image: PiaaImage, labels: PiaaLabels) -> Tagging:
        """Scores for ranking, not probabilities; labels without a patch keep what their text says (profile fixed)."""
        refuse_foreign(image.method, METHOD)
        refuse_foreign_labels(labels, METHOD)
        o = self.options
        scales = ScoreScales(cls=o.class_scale, patch=o.patch_scale, class_weight=o.class_weight)
        patches = image.views[0].embeds.float().cpu()
        token = None if image.token is None else image.token.float().cpu()
        scores = torch.zeros(len(labels.names), dtype=torch.float64)
        for ids, classifier in labels.groups:
            own = classifier.scores(patches, token, scales)
            if PROFILES[o.profile].by_text and bool(classifier.is_dead.any()):
                by_text = torch.tensor(self.by_text.tag(image, labels).scores, dtype=torch.float64)
                own = torch.where(classifier.is_dead, by_text[list(ids)], own)
            scores[list(ids)] = own
        scores[lost_labels([patches], labels)] = 0
        values = tuple(scores.float().tolist())
        chosen = choose_labels(o.threshold, values, labels.label_set)
        return Tagging(names=labels.names, scores=values, chosen=chosen)

    @torch.inference_mode()
    def segment(
        self, image: PiaaImage, labels: PiaaLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """The label of the highest logit at every pixel; logits are upsampled. Scores are bounded logits."""
        refuse_foreign(image.method, METHOD)
        refuse_foreign_labels(labels, METHOD)
        view = image.views[0]
        patches = view.embeds.float().cpu()
        maps = self._logits(patches, labels).T.unflatten(1, view.grid).float()
        out = self._beaten(patches, labels)
        if out is not None:
            maps = maps.masked_fill(out.unflatten(1, view.grid), float(maps.min()))
        best, ids = maps.new_full(image.size, -torch.inf), torch.zeros(image.size, dtype=torch.long)
        for chunk in label_chunks(len(labels.names), image.size, image.canvas):
            top, local = upsample(maps[chunk.start : chunk.stop], image.size).max(dim=0)
            wins = top > best
            best, ids = torch.where(wins, top, best), torch.where(wins, local + chunk.start, ids)
        return Segmentation(labels=ids, names=labels.names, scores=bounded(best))

    def _beaten(self, patches: Tensor, labels: PiaaLabels) -> Bool[Tensor, "labels rows"] | None:
        """Patches that fit a negative better than its label, by the text; None without negatives."""
        return None if labels.negatives is None else beaten(patches, labels)

    def _logits(self, patches: Float[Tensor, "rows dim"], labels: PiaaLabels) -> Float[Tensor, "rows labels"]:
        logits = torch.zeros(len(patches), len(labels.names), dtype=torch.float64)
        for ids, classifier in labels.groups:
            logits[:, list(ids)] = classifier.logits(patches)
        return logits
