"""Segmentation, tagging and referring by cosine of patch and text embeddings: CLIP's dense modes, and TagAlign on top.

A baseline is this class without a projector; both share every line of the code path, so their rows can be compared.
"""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet, Size
from tagalign.methods.dense.encoding import BlendedImage, DenseEncoder
from tagalign.methods.dense.experts import (
    photo_sums,
    refuse_beside_experts,
    segment_by_experts,
    template_text,
)
from tagalign.methods.dense.score_maps import (
    WeightedMaps,
    all_names,
    best_labels,
    best_names,
    best_of_maps,
    contrast_map,
    cosine_maps,
    name_cosines,
    probability_maps,
)
from tagalign.methods.label_rows import lost_labels
from tagalign.methods.looks.experts import Experts
from tagalign.methods.looks.step import finish_tagging
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.ops.refinement import Names, RefinementInput
from tagalign.types import EncodedImage, EncodedLabels, Referring, Segmentation, Tagging, View

FLAT = 1e-6  # of a cosine map: what is left of a constant one after rounding
# refinement runs on maps of at most this short side: 480 shifted copies per map are PAMR's cost
REFINE_SHORT_SIDE = 224


class DenseMethod(DenseEncoder):
    """A dense CLIP as tagger, segmenter and referrer: what ``DenseEncoder`` encoded, compared."""

    def with_options(self, options: Any) -> "DenseMethod":
        """The same method under other options; encoder and projector are shared."""
        return type(self)(
            self.backbone,
            options,
            method=self.method,
            mode=self.mode,
            projector=self.projector,
            logit_scale=self.logit_scale,
            resources=self.resources,
        )

    def _layers(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels | None = None
    ) -> WeightedMaps:
        if labels is not None:
            refuse_foreign_labels(labels, self.method)
        if isinstance(image, BlendedImage):
            refuse_foreign(image.aligned.method, self.method)
            weight = self.clip_weight
            return ((1 - weight, image.aligned), (weight, image.frozen))
        refuse_foreign(image.method, self.method)
        return ((1.0, image),)

    @torch.inference_mode()
    def name_cosines(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "names height width"]:
        """Cosine of every name at every pixel of the original image, before aliases are merged; see ``score_maps``."""
        layers = self._layers(image, labels)
        by_canvas = self.profile.native_windows
        return name_cosines(layers, labels, size or layers[0][1].size, by_canvas=by_canvas)

    @torch.inference_mode()
    def segment(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Argmax over labels at every pixel.

        With the background rule, background where the best probability is at most the threshold, or where a background
        word of the label set fits at least as well. Without the rule such words do not count: there is no class for them.

        Args:
            image: what ``encode_images`` returned.
            labels: what ``encode_labels`` returned.
            photo: the same upright RGB image; needed when ``refine`` is on, which looks at its colours.

        Raises:
            InputError: if the image was encoded by another method, or the photo is missing.
        """
        layers = self._layers(image, labels)
        if labels.experts is not None:
            self.check_masks()
            return segment_by_experts(layers[0][1], labels.names, labels.experts, scale=self.logit_scale)
        if self.refinement is None:
            scores, ids = best_labels(layers, labels, self.rule, layers[0][1].size)
        elif photo is None:
            raise InputError(f"refine={self.options.refine!r} looks at the colours of the photo; pass photo=")
        else:
            refined = self.refinement(self._scene(layers, labels, photo))
            scores, ids = best_of_maps(refined, layers[0][1].size)
        found = self.with_background(scores, ids, labels.names)
        if self.options.background_threshold is None or not len(labels.background):
            return found
        words, _ = best_labels(layers, background_as_labels(labels), self.rule, layers[0][1].size)
        return replace(found, labels=torch.where(words >= scores, 0, found.labels))

    def check_masks(self) -> None:
        """Refuse options that do not go with the template experts of the look, where it has any.

        Raises:
            InputError: naming the option.
        """
        if self.step is not None and self.step.look.experts is not None:
            refuse_beside_experts(self.options, heads=2 if self.clip_weight else 1)

    def template_text(self, labels: LabelSet) -> Float[Tensor, "templates labels dim"]:
        """Every template with every name, for ``template_sums``.

        Raises:
            InputError: for labels that experts cannot be chosen for.
        """
        return template_text(self.backbone, labels)

    @torch.inference_mode()
    def template_sums(
        self, image: EncodedImage | BlendedImage, text: Float[Tensor, "templates labels dim"]
    ) -> Experts:
        """How sure each template is of the patches that it gives to each label."""
        return photo_sums(self._layers(image)[0][1].views, text, scale=self.logit_scale)

    def _scene(self, layers: WeightedMaps, labels: EncodedLabels, photo: Image.Image) -> RefinementInput:
        """What a refinement may look at."""
        canvas = layers[0][1].canvas
        scale = min(1.0, REFINE_SHORT_SIDE / min(canvas))
        return RefinementInput(
            size=layers[0][1].size,
            work_size=(max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale))),
            maps=lambda size: probability_maps(layers, labels, self.rule, size),
            photo=lambda size: resize(photo, size),
            names=Names(
                cosines=lambda size: name_cosines(layers, all_names(labels), size),
                text=all_names(labels).embeds,
                picture=lambda size: to_tensor(resize(photo, size), self.preprocessing),
                label_maps=lambda cosines: self.rule.probability(best_names(cosines, labels)),
            ),
        )

    def with_background(self, scores: Tensor, ids: Tensor, names: tuple[str, ...]) -> Segmentation:
        """Apply the background rule, if it is on; a tie with the threshold is background."""
        if self.options.background_threshold is None:
            return Segmentation(labels=ids, names=names, scores=scores)
        labels = torch.where(scores > self.options.background_threshold, ids + 1, 0)
        return Segmentation(labels=labels, names=("background", *names), scores=scores)

    @torch.inference_mode()
    def heat_maps(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "labels height width"]:
        """Probability of each label at each pixel of the original image (paper Fig. 7); all labels at once.

        Args:
            image: what ``encode_images`` returned.
            labels: what ``encode_labels`` returned.
            size: of the maps instead: twenty of a photo of 24 megapixels take two gigabytes.
        """
        layers = self._layers(image, labels)
        return probability_maps(layers, labels, self.rule, size or layers[0][1].size)

    @torch.inference_mode()
    def tag(self, image: EncodedImage | BlendedImage, labels: EncodedLabels) -> Tagging:
        """``max_patches softmax_labels(logit_scale * cosine)``, background words competing.

        Chosen: what ``options.threshold`` says; a relative one always chooses the best label of a group.

        Reference:
            Lin et al., TagCLIP (local to global), Eq. 10 and 15, without its refinements.
        """
        layers = self._layers(image, labels)
        views = layers[0][1].views
        best = torch.stack([self._tag_view(view, labels) for view in views]).amax(dim=0)
        if labels.negatives is not None:
            best[lost_labels([view.embeds for view in views], labels)] = 0
        prompts = None if labels.compounds is None else self.compound_scores(image, labels)
        return finish_tagging(
            best.tolist(), labels.label_set, self.options.threshold, self.step, prompts=prompts
        )

    @torch.inference_mode()
    def compound_scores(self, image: EncodedImage | BlendedImage, labels: EncodedLabels) -> list[float]:
        """``max_patches softmax(logit_scale * cosine)`` of each compound prompt among the labels and background words.

        A prompt competes with the labels and not with other prompts: which of them are asked changes none of the scores.

        Args:
            image: what ``encode_images`` returned.
            labels: with ``compounds``.

        Raises:
            InputError: for labels without.
        """
        if labels.compounds is None:
            raise InputError("these labels were encoded without compound prompts; use with_compounds")
        best = [
            self._compounds_of_view(view, labels, labels.compounds)
            for view in self._layers(image, labels)[0][1].views
        ]
        return [float(score) for score in torch.stack(best).amax(dim=0)]

    def _compounds_of_view(self, view: View, labels: EncodedLabels, compounds: Tensor) -> Tensor:
        patches = F.normalize(view.embeds.float(), dim=-1)
        rivals = torch.cat([cosine_maps(view, labels).flatten(1), labels.background @ patches.T])
        logits = self.logit_scale * (compounds @ patches.T)
        against = (self.logit_scale * rivals).logsumexp(dim=0)
        return (logits - torch.logaddexp(logits, against)).amax(dim=1).exp()

    def _tag_view(self, view: View, labels: EncodedLabels) -> Tensor:
        cosine = cosine_maps(view, labels).flatten(1)
        if len(labels.background):
            patches = F.normalize(view.embeds.float(), dim=-1)
            cosine = torch.cat([cosine, labels.background @ patches.T])
        return (self.logit_scale * cosine).softmax(dim=0)[: len(labels.names)].amax(dim=1)

    @torch.inference_mode()
    def refer(self, image: EncodedImage | BlendedImage, phrase: str) -> Referring:
        """The region of a phrase: where it fits better than "a thing" does.

        ``heat = minmax(cos(patch, phrase) - cos(patch, neutral))``, upsampled; the mask is where ``heat`` is above
        ``options.phrase_threshold``. Without the neutral prompt a trained projector puts the background first for every
        phrase: its cosines share a common part. A constant map gives an empty mask. The score is the best probability of
        the phrase itself.
        """
        layers = self._layers(image)
        labels = self.encode_phrase(phrase)
        contrast = contrast_map(layers, labels, layers[0][1].size)
        low, high = contrast.min(), contrast.max()
        is_flat = float(high - low) < FLAT
        heat = torch.zeros_like(contrast) if is_flat else (contrast - low) / (high - low)
        mask = heat > self.options.phrase_threshold
        best = max(float(cosine_maps(view, labels).max()) for view in layers[0][1].views)
        score = float(self.rule.probability(torch.tensor(best)))
        return Referring(phrase=phrase, mask=mask, box=_box(mask), score=score, heat=heat)


def background_as_labels(labels: EncodedLabels) -> EncodedLabels:
    """The background words of a label set as labels of their own, to be scored like them."""
    words = labels.label_set.background
    label_set = replace(labels.label_set, labels=tuple(Label(name=word) for word in words), background=())
    owners = torch.arange(len(words), device=labels.background.device)
    return EncodedLabels(
        method=labels.method,
        label_set=label_set,
        embeds=labels.background,
        owners=owners,
        background=labels.background[:0],
    )


def _box(mask: Tensor) -> tuple[int, int, int, int] | None:
    """XYXY around the True pixels, ends exclusive."""
    rows, cols = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
    if not len(rows):
        return None
    return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1
