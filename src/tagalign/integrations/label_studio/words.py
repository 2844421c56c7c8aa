"""What the model is asked for each label of a config: its own name, its synonyms, or what a saved mapping says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagalign.errors import InputError
from tagalign.integrations.label_studio.config import ConfigLabel
from tagalign.labels import Label
from tagalign.tags.label_lines import parse_label
from tagalign.tags.same_label import same_label, tidy_name
from tagalign.tags.text_files import read_text

LabelObject = Mapping[str, Any]
"""As ``load_label_set`` takes them."""


@dataclass(frozen=True, kw_only=True)
class AskedLabels:
    """The labels of one control as the model is asked.

    Attributes:
        values: what results hold, one per label.
        entries: what the model is asked, one per label.
    """

    values: tuple[str, ...]
    entries: tuple[LabelObject, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """That the model answers with."""
        return tuple(str(entry["name"]) for entry in self.entries)


@dataclass(frozen=True, kw_only=True)
class ConfigWords:
    """A saved mapping.

    Attributes:
        by_label: what is asked for a label of Label Studio, by ``same_label`` of it; None: the label is never predicted.
    """

    by_label: Mapping[str, Label | None] = field(default_factory=dict)

    def asked(self, labels: Sequence[ConfigLabel]) -> AskedLabels:
        """What is asked for these labels; those that are never predicted are left out."""
        pairs = [(one.value, self._label(one)) for one in labels]
        kept = [(value, label) for value, label in pairs if label is not None]
        return AskedLabels(
            values=tuple(value for value, _ in kept), entries=tuple(_entry(label) for _, label in kept)
        )

    def _label(self, one: ConfigLabel) -> Label | None:
        for name in (one.value, one.shown):
            if same_label(name) in self.by_label:
                return self.by_label[same_label(name)]
        name = tidy_name(one.shown)
        # a synonym that repeats the name says nothing
        others = {same_label(word): word for word in one.synonyms if same_label(word) != same_label(name)}
        return Label(name=name, aliases=tuple(others.values()))


def read_words(path: Path) -> ConfigWords:
    """Read a mapping file: a JSON object from labels of Label Studio to a line of a label file, or to null.

    ``{"cls_03": "cargo ship: container ship; not ferry", "Unsure": null}`` asks for cargo ships where the project says
    ``cls_03``, and never predicts ``Unsure``.

    Raises:
        InputError: if it is none of that, or names a label twice.
    """
    try:
        values = json.loads(read_text(path), object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, could not read it ({str(error)[:200]})") from None
    if not isinstance(values, _Pairs):
        raise InputError(f'{path}: expected an object such as {{"cls_03": "cargo ship: container ship"}}')
    found: dict[str, Label | None] = {}
    for name, line in values.items:
        if not isinstance(line, str | None):
            raise InputError(
                f"{path}: {name!r}: expected a line such as 'cup: mug; not trophy', or null, got {line!r:.100}"
            )
        if same_label(name) in found:
            raise InputError(f"{path}: {name!r} is given twice; leave one out")
        found[same_label(name)] = None if line is None else parse_label(tidy_name(line), f"{path}, {name!r}")
    return ConfigWords(by_label=found)


@dataclass(frozen=True)
class _Pairs:
    """A JSON object with its repeated keys, which a dict would lose."""

    items: list[tuple[str, Any]]

    def __repr__(self) -> str:
        return "an object"


def _pairs(items: list[tuple[str, Any]]) -> _Pairs:
    return _Pairs(items)


def _entry(label: Label) -> LabelObject:
    return {
        "name": label.name,
        "aliases": list(label.aliases),
        "negatives": list(label.negatives),
        "group": label.group,
    }
