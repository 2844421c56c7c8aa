"""Names to embeddings: templates, aliases and background words of a label set."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import Backbone
from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.types import EncodedLabels, Negatives

MAX_PROMPTS = 4096
"""Prompts embedded at a time, so that 5,000 labels x 80 templates do not sit in memory together."""

LONG_S, EVERY_S = 60.0, 60.0
"""A wait that is worth a line, and how often there is one."""

logger = logging.getLogger(__name__)

TemplateMean = Literal["unit", "raw"]


def fill(template: str, name: str) -> str:
    """A prompt. The name is inserted as text: braces in it mean nothing.

    Raises:
        InputError: if the template has no ``{}``.
    """
    if "{}" not in template:
        raise InputError(f"template {template!r} has no {{}} to put the name into")
    return template.replace("{}", name)


def embed_names(
    backbone: Backbone, names: Sequence[str], templates: Sequence[str], *, mean: TemplateMean = "unit"
) -> Float[Tensor, "names dim"]:
    """One unit-length embedding per name, averaged over templates.

    Args:
        backbone: the text encoder.
        names: any strings; none gives an empty result.
        templates: each with one ``{}``.
        mean: ``unit`` normalises every prompt before the mean (CLIP's convention), ``raw`` does not (TagAlign's release).

    Returns:
        float32, on the backbone's device.

    Raises:
        InputError: without templates, or for one without ``{}``.
    """
    if not templates:
        raise InputError("expected at least one template, got none")
    step = max(1, MAX_PROMPTS // len(templates))
    chunks = [names[i : i + step] for i in range(0, len(names), step)]
    wait, rows = LongWait(len(names) * len(templates)), []
    for chunk in chunks:
        rows.append(_embed_chunk(backbone, chunk, templates, mean))
        wait.done(len(chunk) * len(templates))
    return torch.cat(rows) if rows else torch.zeros(0, backbone.embed_dim, device=backbone.device)


@dataclass
class LongWait:
    """Says how long embedding the prompts will take where that is minutes, and every minute how far it is.

    A line in the log, not a warning: nothing is wrong. 5,000 names in 80 templates are 400,000 prompts.

    Attributes:
        total: prompts.
        clock: seconds.
    """

    total: int
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._began = self._said = self.clock()
        self._count = 0

    def done(self, count: int) -> None:
        """So many more prompts are embedded."""
        self._count += count
        now, is_first = self.clock(), self._said == self._began
        left_s = (now - self._began) / self._count * (self.total - self._count)
        if left_s < LONG_S or (not is_first and now - self._said < EVERY_S):
            return
        self._said = now
        advice = "; fewer templates (--templates 1) take less" if is_first else ""
        logger.warning(
            "%d of %d prompts of the labels are embedded, about %.0f min left%s",
            self._count,
            self.total,
            max(1, left_s / 60),
            advice,
        )


def _embed_chunk(
    backbone: Backbone, names: Sequence[str], templates: Sequence[str], mean: TemplateMean
) -> Tensor:
    prompts = [fill(template, name) for name in names for template in templates]
    embeds = backbone.encode_text(prompts).float()
    return mean_of_templates(embeds.unflatten(0, (len(names), len(templates))), mean=mean)


def mean_of_templates(
    prompt_embeds: Float[Tensor, "names templates dim"], *, mean: TemplateMean = "unit"
) -> Float[Tensor, "names dim"]:
    """Mean over templates, unit length; see ``embed_names`` for ``mean``."""
    if mean == "unit":
        prompt_embeds = F.normalize(prompt_embeds, dim=-1)
    return F.normalize(prompt_embeds.mean(dim=1), dim=-1)


def encode_label_set(
    backbone: Backbone,
    labels: LabelSet,
    *,
    method: str,
    templates: Sequence[str] = ("a photo of a {}",),
    mean: TemplateMean = "unit",
    use_aliases: bool = False,
) -> EncodedLabels:
    """Embed a label set with its own templates, or with ``templates`` where it brings none; negatives likewise.

    Aliases are embedded on request; they move results by many points.

    Args:
        backbone: the text encoder.
        labels: with aliases, background words and negatives, all of which may be absent.
        method: that is written into the result; others refuse it.
        templates: prompts for a set without its own.
        mean: see ``embed_names``.
        use_aliases: a label gets a row for each of its aliases too.
    """
    names = list(labels.names)
    owners = list(range(len(names)))
    if use_aliases:
        for i, label in enumerate(labels.labels):
            names += label.aliases
            owners += [i] * len(label.aliases)
    excluding = [(i, word) for i, label in enumerate(labels.labels) for word in label.negatives]
    words = [*names, *labels.background, *(word for _, word in excluding)]
    # one call for labels, aliases, background and negatives: a text tower runs fuller batches, and all get the same prompts
    everything = embed_names(backbone, words, labels.templates or templates, mean=mean)
    first_negative = len(words) - len(excluding)
    negatives = Negatives(
        embeds=everything[first_negative:],
        owners=torch.tensor([i for i, _ in excluding], dtype=torch.long, device=everything.device),
    )
    return EncodedLabels(
        method=method,
        label_set=labels,
        embeds=everything[: len(names)],
        owners=torch.tensor(owners, dtype=torch.long, device=everything.device),
        background=everything[len(names) : first_negative],
        negatives=negatives if excluding else None,
    )
