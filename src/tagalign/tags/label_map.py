"""From the label names of another tool to one's own: by name, by synonym, and by a mapping that a person has written."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tagalign.atomic import atomic_write
from tagalign.errors import InputError
from tagalign.json_text import json_text
from tagalign.labels import LabelSet
from tagalign.tags.label_lines import parse_label
from tagalign.tags.same_label import same_label, tidy_name
from tagalign.tags.text_files import read_text


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """Names of another tool and what they are called here.

    Attributes:
        names: own name by the other's; None for what is left out on purpose.
        unknown: the other's names that are none of one's own, in their order.
    """

    names: Mapping[str, str | None]
    unknown: tuple[str, ...] = ()

    def of(self, name: str) -> str | None:
        """The own name; None where there is none."""
        return self.names.get(name)

    @property
    def labels(self) -> tuple[str, ...]:
        """Own names, each once, in the order of the other's."""
        return tuple(dict.fromkeys(name for name in self.names.values() if name is not None))


def match_labels(
    names: Iterable[str], labels: LabelSet | None = None, saved: Mapping[str, str | None] | None = None
) -> LabelMap:
    """Find the own name of each name of another tool.

    A saved mapping is asked first, then the names of the own labels, then their synonyms; case, blanks and the composition
    of letters do not matter. Without own labels names stay as they are, and those that are one label get one spelling.

    Args:
        names: of the other tool.
        labels: one's own.
        saved: what a person wrote down: own name by the other's, None to leave it out.

    Raises:
        InputError: if the saved mapping leads to a name that is none of the own labels.
    """
    own: dict[str, str] = {}
    for label in labels.labels if labels is not None else ():
        own.setdefault(same_label(label.name), label.name)
    for label in labels.labels if labels is not None else ():
        for alias in label.aliases:
            own.setdefault(same_label(alias), label.name)
    chosen = {same_label(name): own_name for name, own_name in (saved or {}).items()}
    found: dict[str, str | None] = {}
    for name in dict.fromkeys(names):
        key = same_label(name)
        if key in chosen:
            found[name] = _own(chosen[key], name, own, labels)
        elif labels is None:
            found[name] = own.setdefault(key, tidy_name(name)) if key else None
        else:
            found[name] = own.get(key)
    unknown = tuple(
        name for name, own_name in found.items() if own_name is None and same_label(name) not in chosen
    )
    return LabelMap(names=found, unknown=unknown)


def _own(wanted: str | None, name: str, own: dict[str, str], labels: LabelSet | None) -> str | None:
    if wanted is None:
        return None
    key = same_label(wanted)
    if key not in own and key != same_label(name):  # it may be a line of a label file
        wanted = parse_label(tidy_name(wanted), f"the mapping of {name!r}").name
        key = same_label(wanted)
    if labels is not None and key not in own:
        raise InputError(
            f"the mapping says {name!r} is {wanted!r}, which is none of the labels {', '.join(labels.names[:5])}"
            f"{', ...' if len(labels) > 5 else ''}"
        )
    return own.setdefault(key, tidy_name(wanted))


def read_label_map(path: Path) -> dict[str, str | None]:
    """A mapping that was saved: ``{"Kitty": "cat", "thing": null}``; a line of a label file may stand for its name.

    Raises:
        InputError: if it is missing or something else.
    """
    try:
        content = json.loads(read_text(path)) if path.is_file() else None
    except ValueError as error:
        raise InputError(
            f"{path}: expected JSON with the label of each name, could not read it ({error})"
        ) from error
    if content is None:
        raise InputError(f"{path}: no such file; expected JSON with the label of each name")
    if not isinstance(content, dict) or not all(
        value is None or isinstance(value, str) for value in content.values()
    ):
        raise InputError(f'{path}: expected an object such as {{"Kitty": "cat", "thing": null}}')
    return {str(name): value for name, value in content.items()}


def save_label_map(path: Path, found: LabelMap) -> None:
    """Write a mapping, to be changed by hand and given again."""
    with atomic_write(path) as temp:
        temp.write_text(json_text(dict(found.names), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
