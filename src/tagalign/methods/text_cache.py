"""Label embeddings on disk, by label set, templates and weights: 80 templates x 171 names cost more than many images."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tagalign.atomic import atomic_write
from tagalign.backbones.protocols import Backbone
from tagalign.errors import InputError
from tagalign.json_text import json_text
from tagalign.labels import LabelSet
from tagalign.methods.labels import TemplateMean, encode_label_set
from tagalign.types import EncodedLabels, Negatives

FORMAT = 1
"""Counted up when the meaning of the stored rows changes; older files are then ignored."""

TENSORS = ("embeds", "owners", "background")
NEGATIVES = ("embeds", "owners")
"""Beside them as ``negatives.NAME``, where a label has any."""


def cached_labels(
    encode: Callable[[LabelSet], EncodedLabels],
    labels: LabelSet,
    *,
    method: str,
    backbone: Backbone,
    templates: Sequence[str],
    variant: str,
    folder: Path | None,
) -> EncodedLabels:
    """Embeddings of a label set, from the folder where it has them, else encoded and stored there.

    Args:
        encode: makes them.
        labels: what to embed; everything but its name and version counts.
        method: that asks; methods with the same prompts share an entry.
        backbone: its weight hash and dtype count; one without a hash is never cached.
        templates: used for a set that brings none.
        variant: anything else that changes the embeddings, in words.
        folder: made if missing; None switches the cache off. A damaged file is replaced, a folder that cannot be written
            to is left alone.
    """
    if folder is None or not backbone.weight_hash:
        return encode(labels)
    path = folder / "text" / f"{cache_key(labels, backbone, templates, variant)}.safetensors"
    found = _read(path, labels, backbone, method)
    if found is not None:
        return found
    encoded = encode(labels)
    _write(path, encoded)
    return encoded


def prompted_labels(
    backbone: Backbone,
    labels: LabelSet,
    *,
    method: str,
    templates: Sequence[str],
    mean: TemplateMean = "unit",
    use_aliases: bool,
    folder: Path | None,
) -> EncodedLabels:
    """``encode_label_set`` through ``cached_labels``, for methods that do nothing else with words.

    Args:
        backbone: the text encoder.
        labels: with their own templates, or none.
        method: see ``encode_label_set``, as the three below.
        templates: of a set without its own.
        mean: of the templates' embeddings.
        use_aliases: a row for each alias too.
        folder: see ``cached_labels``.
    """
    return cached_labels(
        lambda wanted: encode_label_set(
            backbone, wanted, method=method, templates=templates, mean=mean, use_aliases=use_aliases
        ),
        labels,
        method=method,
        backbone=backbone,
        templates=templates,
        variant=f"{mean} mean, aliases {use_aliases}",
        folder=folder,
    )


def cache_key(labels: LabelSet, backbone: Backbone, templates: Sequence[str], variant: str) -> str:
    """24 hex digits that change with anything that changes the embeddings."""
    content = {
        "format": FORMAT,
        "weights": backbone.weight_hash,
        "dtype": str(backbone.dtype),
        # not the set's name or version: they change no embedding, and the same words share an entry
        "labels": [[label.name, list(label.aliases)] for label in labels.labels],
        "background": list(labels.background),
        "templates": list(labels.templates or templates),
        "variant": variant,
    }
    if any(label.negatives for label in labels.labels):  # entries of older releases keep their names
        content["negatives"] = [list(label.negatives) for label in labels.labels]
    text = json_text(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _read(path: Path, labels: LabelSet, backbone: Backbone, method: str) -> EncodedLabels | None:
    try:
        with safe_open(path, framework="pt", device=str(backbone.device)) as file:
            embeds, owners, background = (file.get_tensor(name) for name in TENSORS)
            negatives = None
            if any(label.negatives for label in labels.labels):
                negatives = Negatives(**{name: file.get_tensor(f"negatives.{name}") for name in NEGATIVES})
    except (OSError, SafetensorError):
        return None
    return EncodedLabels(
        method=method,
        label_set=labels,
        embeds=embeds,
        owners=owners,
        background=background,
        negatives=negatives,
    )


def _write(path: Path, encoded: EncodedLabels) -> None:
    tensors = {name: getattr(encoded, name).contiguous().clone() for name in TENSORS}
    if encoded.negatives is not None:
        own = {name: getattr(encoded.negatives, name) for name in NEGATIVES}
        tensors |= {f"negatives.{name}": value.contiguous().clone() for name, value in own.items()}
    try:
        with atomic_write(path) as temp:
            save_file(tensors, str(temp))
    except InputError:
        return  # a cache that cannot be written (read-only home, full disk) costs time, not the run
