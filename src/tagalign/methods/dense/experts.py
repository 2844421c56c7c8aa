"""FLOSS on a dense method: each template by itself over the patches of a photo, and masks by the experts of a look."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import Backbone
from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.methods.labels import embed_names, fill
from tagalign.methods.looks.experts import Experts
from tagalign.ops.looks.experts import TemplateSums, best_of_experts, expert_classifiers, template_sums
from tagalign.types import EncodedImage, Segmentation, View

MOST_LABELS = 400
"""The classifiers are labels x labels vectors: 330 MB of 512 numbers each."""


def template_text(backbone: Backbone, labels: LabelSet) -> Float[Tensor, "templates labels dim"]:
    """Every template with every name, unit length.

    Raises:
        InputError: for labels that experts cannot be chosen for.
    """
    if len(labels.templates) < 2:
        raise InputError(
            f"experts are chosen among templates, and the labels have {len(labels.templates) or 'none'} of their own; "
            "give a set of several (--templates 7, 80)"
        )
    if any(one.aliases or one.negatives for one in labels.labels):
        raise InputError("experts are chosen for names alone; leave out other words and words that exclude")
    if len(labels) > MOST_LABELS:
        raise InputError(f"experts are chosen for at most {MOST_LABELS} labels, got {len(labels)}")
    prompts = [fill(template, name) for template in labels.templates for name in labels.names]
    return embed_names(backbone, prompts, ("{}",)).unflatten(0, (len(labels.templates), len(labels)))


def photo_sums(
    views: Sequence[View], text: Float[Tensor, "templates labels dim"], *, scale: float
) -> Experts:
    """How sure each template is of the patches that it gives to each label; one template in memory at a time."""
    patches = torch.cat([F.normalize(view.embeds.float(), dim=-1) for view in views])
    pairs = [template_sums((scale * words @ patches.T).softmax(dim=0)) for words in text]
    entropy, pixels = (torch.stack(side) for side in zip(*pairs, strict=True))
    return Experts.of(TemplateSums(entropy=entropy, pixels=pixels))


def look_classifiers(
    backbone: Backbone, labels: LabelSet, experts: Experts
) -> Float[Tensor, "experts labels dim"]:
    """A classifier of all labels for each label's experts, the average over all templates last."""
    return expert_classifiers(template_text(backbone, labels), experts.chosen(), renormalise=True)


def refuse_beside_experts(options: Any, *, heads: int) -> None:
    """Refuse what the experts' decision at a pixel leaves no room for.

    Raises:
        InputError: naming the option.
    """
    for name, is_on in (
        ("background_rule", options.background_threshold is not None),
        ("refine", options.refine != "none"),
        ("clip_weight", heads > 1),
        ("window", options.window is not None),
    ):
        if is_on:
            raise InputError(
                f"{name} does not go with a look that holds template experts, which decide pixel by pixel in one view; "
                "leave one of them out"
            )


def segment_by_experts(
    image: EncodedImage,
    names: tuple[str, ...],
    classifiers: Float[Tensor, "experts labels dim"],
    *,
    scale: float,
) -> Segmentation:
    """The label of the surest expert that claims a pixel, else of the average; scores are its softmax probabilities."""
    (view,) = image.views
    patches = view.embeds.float().unflatten(0, view.grid)
    scores, ids = best_of_experts(patches, classifiers, image.size, scale=scale)
    return Segmentation(labels=ids, names=names, scores=scores)
