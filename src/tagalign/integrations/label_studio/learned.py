"""Thresholds that submitted annotations taught, in ``thresholds.json`` beside the clicks: one set per list of labels."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write, sweep
from tagalign.integrations.label_studio.words import LabelObject
from tagalign.json_text import json_text

THRESHOLDS_FILE = "thresholds.json"


@dataclass(frozen=True, kw_only=True)
class LearnedLists:
    """Thresholds by the list of labels that they hold for: scores depend on the labels beside.

    Attributes:
        mark: of the model and its options; those of another model are worth nothing.
        by_list: thresholds by name, by the list as ``list_key`` writes it.
    """

    mark: str
    by_list: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, entries: Sequence[LabelObject]) -> Mapping[str, float]:
        """Of a list; none where nothing was learned."""
        return self.by_list.get(list_key(entries), {})

    def lists(self) -> Iterator[Sequence[LabelObject]]:
        """The lists that there are thresholds of."""
        return (json.loads(key) for key in self.by_list)

    def save(self, folder: Path) -> None:
        """Write them, whole or not at all.

        Raises:
            InputError: if the system refuses to write.
        """
        lists = [
            {"labels": json.loads(key), "thresholds": dict(found)} for key, found in self.by_list.items()
        ]
        content = {"model": self.mark, "lists": lists}
        path = folder / THRESHOLDS_FILE
        sweep(folder, [path.name])
        with atomic_write(path) as temp:
            temp.write_text(json_text(content, indent=1) + "\n", encoding="utf-8")


def list_key(entries: Sequence[LabelObject]) -> str:
    """One text per list of labels with their words."""
    return json_text([dict(entry) for entry in entries])


def read_learned(folder: Path, mark: str) -> LearnedLists:
    """What was learned before with the same model; nothing where it was another, or the file is missing or damaged.

    It is made again from the clicks, so nothing is lost with it.
    """
    try:
        content: Any = json.loads((folder / THRESHOLDS_FILE).read_text(encoding="utf-8"))
        if content["model"] != mark:
            return LearnedLists(mark=mark)
        by_list = {
            list_key(one["labels"]): {str(name): float(value) for name, value in one["thresholds"].items()}
            for one in content["lists"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return LearnedLists(mark=mark)
    return LearnedLists(mark=mark, by_list=by_list)
