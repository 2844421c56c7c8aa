"""Tags by one comparison per image: the class token, or what the family has in its place, against every label.

The rows "CLIP" of TagCLIP's Table 2. The softmax lets labels compete, which the paper blames for what CLIP misses; without
it a label is scored by itself.

Reference: Lin et al., TagCLIP: A Local-to-Global Framework, arXiv:2312.12828, Table 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.facts import facts_of
from tagalign.backbones.protocols import BlockBackbone
from tagalign.labels import Size
from tagalign.methods.class_token.options import ClassTokenOptions
from tagalign.methods.describe import describe_options
from tagalign.methods.groups import split_groups
from tagalign.methods.label_rows import best_rows, lost_labels
from tagalign.methods.looks.step import finish_tagging, mark_of, open_step
from tagalign.methods.looks.taker import TakesLook
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.image import whole_batches
from tagalign.methods.tagclip.profiles import tagclip_profile
from tagalign.methods.tagclip.whole import SeesWhole
from tagalign.types import EncodedLabels, Tagging

WITH_SOFTMAX = "clip-cls"


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeImage:
    """An image as one embedding.

    Attributes:
        method: that encoded it; another one refuses it.
        size: of the original image.
        embed: in the joint space; any norm.
    """

    method: str
    size: Size
    embed: Float[Tensor, " dim"]


class ClassToken(TakesLook, SeesWhole[WholeImage]):
    """Training-free tagger on the embedding of the whole image.

    Attributes:
        method: ``clip-cls`` (softmax over labels and background words) or ``clip-cls-logits`` (each label by itself).
        backbone: the frozen encoder.
    """

    def __init__(
        self,
        backbone: BlockBackbone,
        options: ClassTokenOptions | None = None,
        *,
        method: str = WITH_SOFTMAX,
        resources: Resources | None = None,
    ) -> None:
        self.given = self.options = options or ClassTokenOptions()
        self.method = method
        self.backbone = backbone
        self.resources = resources or Resources()
        self.profile = tagclip_profile(self.options.profile)
        self.step = None  # what is described below is without it
        self.step = open_step(self.options.look, self.look_facts())

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            "method": self.method,
            **facts_of(self.backbone),
            "default_templates": self.profile.templates,
            **describe_options(self.options),
            "look": mark_of(self.step),
        }

    def with_options(self, options: Any) -> "ClassToken":
        """The same tagger under other options; the encoder is shared."""
        return ClassToken(self.backbone, options, method=self.method, resources=self.resources)

    def encode_pixels(
        self, pixels: Sequence[Float[Tensor, "3 _ _"]], sizes: Sequence[Size]
    ) -> list[WholeImage]:
        """See ``SeesWhole``."""
        embeds: dict[int, Tensor] = {}
        for ids, batch in whole_batches(pixels, self.backbone, batch_size=self.resources.batch_size):
            embeds |= dict(zip(ids, self._embeds(batch), strict=True))
        return [
            WholeImage(method=self.method, size=size, embed=embeds[i].clone()) for i, size in enumerate(sizes)
        ]

    @torch.inference_mode()
    def _embeds(self, batch: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Positions are resized as TagCLIP resizes them, so that both see the same patches."""
        rounds = self.profile.rounds_positions
        x, _ = self.backbone.embed_patches(batch, positions="bilinear", round_positions=rounds)
        for block in self.backbone.blocks:
            x = block(x)
        return self.backbone.pool(x)

    @torch.inference_mode()
    def tag(self, image: WholeImage, labels: EncodedLabels) -> Tagging:
        """Scores of all labels in [0, 1], and the chosen ones.

        ``clip-cls``: ``softmax(logit_scale * cosine)`` over the labels of a group and the background words.
        ``clip-cls-logits``: ``(1 + cosine) / 2``, which ranks labels and images exactly as the logits do; background words
        do not act.

        Raises:
            InputError: if the image or the labels were encoded by another method.
        """
        refuse_foreign(image.method, self.method)
        refuse_foreign_labels(labels, self.method)
        score = self._shares if self.method == WITH_SOFTMAX else self._cosines
        scores = score(image.embed[None].float(), labels).clamp(0, 1)
        scores[lost_labels([image.embed[None]], labels)] = 0.0
        return finish_tagging(scores.tolist(), labels.label_set, self.options.threshold, self.step)

    def _shares(self, embed: Float[Tensor, "1 dim"], labels: EncodedLabels) -> Float[Tensor, " labels"]:
        scores = torch.zeros(len(labels.names))
        for group in split_groups(labels):
            probs = group.probs(embed, self.backbone.logit_scale)[0, : len(group.ids)]
            scores[list(group.ids)] = probs.float().cpu()
        return scores

    def _cosines(self, embed: Float[Tensor, "1 dim"], labels: EncodedLabels) -> Float[Tensor, " labels"]:
        cosines = labels.embeds.to(embed) @ F.normalize(embed, dim=-1).T
        return (1 + best_rows(cosines, labels.owners, len(labels.names))[:, 0].cpu()) / 2
