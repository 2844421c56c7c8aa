"""``vocabulary.tsv``: written by ``tagalign vocabulary``, edited by people and spreadsheets, read by everything else."""

import csv
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.tags.lists import read_table
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.parses import FIELD_OF_KIND, KINDS
from tagalign.tags.same_label import same_label, tidy_name

COLUMNS = ("id", "tag", "kind", "count")
FILE_NAME = "vocabulary.tsv"
ALIASES = "aliases"  # an optional fifth column, words joined by "|"

_KINDS = {kind: kind for kind in KINDS} | {field: kind for kind, field in FIELD_OF_KIND.items()}


class VocabularyEntry(NamedTuple):
    """A line of the list: a tag and how many captions have it."""

    tag: str
    kind: str
    captions: int
    aliases: tuple[str, ...] = ()


def is_vocabulary(path: str | Path) -> bool:
    """Whether this names a vocabulary, as a ``.tsv`` or as the folder it lies in, and not a plain list of names."""
    return Path(path).suffix == ".tsv" or Path(path).is_dir()


def write_entries(path: str | Path, entries: Iterable[VocabularyEntry]) -> None:
    """Write tab-separated lines; only a tag that holds a quote or a tab is quoted.

    Raises:
        InputError: if the file cannot be written.
    """
    entries = list(entries)
    wide = any(entry.aliases for entry in entries)
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow((*COLUMNS, ALIASES) if wide else COLUMNS)
        for i, entry in enumerate(entries):
            cells = (i, entry.tag, entry.kind, entry.captions)
            writer.writerow((*cells, "|".join(entry.aliases)) if wide else cells)


def read_entries(path: str | Path) -> list[VocabularyEntry]:
    """Read the list whatever wrote it last: marks, line ends, quotes, other encodings, blank lines, columns in any order.

    Tags stay as they are written but for outer blanks and the composition of letters. Those that no caption can ever
    match are named in a warning.

    Args:
        path: the file, or the folder that ``tagalign vocabulary`` wrote.

    Raises:
        DataError: if the file cannot be read, a line is malformed, or a tag stands twice in a kind.
    """
    path = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
    rows = [(line, _entry(path, line, cells)) for line, cells in read_table(path, COLUMNS)]
    first: dict[tuple[str, str], int] = {}
    for line, entry in rows:
        known = first.setdefault((entry.kind, same_label(entry.tag)), line)
        if known != line:
            raise DataError(
                f"{path}:{line}: the {entry.kind} {entry.tag!r} stands twice in one kind, first in line {known}; "
                "remove one"
            )
    _warn(path, [entry for _, entry in rows])
    return [entry for _, entry in rows]


def _entry(path: Path, line: int, cells: dict[str, str]) -> VocabularyEntry:
    kind, count = _KINDS.get(cells.get("kind", "").casefold()), _count(cells.get("count", ""))
    tag = unicodedata.normalize("NFC", tidy_name(cells.get("tag", "")))
    if kind is None or count is None or not tag:
        raise DataError(
            f"{path}:{line}: expected {'<TAB>'.join(COLUMNS)}, got {'<TAB>'.join(cells.values())!r}"
        )
    words = (tidy_name(word) for word in cells.get(ALIASES, "").split("|"))
    return VocabularyEntry(tag, kind, count, tuple(filter(None, words)))


def _count(text: str) -> int | None:
    """A number as spreadsheets show it, ``1,234`` or ``12.0``; an empty cell counts nothing."""
    try:
        number = float(text.replace(",", "").replace("\u00a0", "") or 0)
    except ValueError:
        return None
    return int(number) if number >= 0 and number.is_integer() else None


def _warn(path: Path, entries: Sequence[VocabularyEntry]) -> None:
    """Say which tags no caption can have, and which are other words for one before them."""
    never, doubled, seen = list[str](), list[str](), dict[tuple[str, str], str]()
    for entry in entries:
        form = normalize_tag(entry.tag, entry.kind)
        if not form:
            never.append(entry.tag)
        elif (known := seen.setdefault((entry.kind, form), entry.tag)) != entry.tag:
            doubled.append(f"{entry.tag} = {known}")
    for tags, words in (
        (never, "can never be found in a caption"),
        (doubled, "are other forms of a tag before them, which gets their captions"),
    ):
        if tags:
            shown = ", ".join(tags[:5]) + (", ..." if len(tags) > 5 else "")
            warnings.warn(f"{path}: {len(tags)} tags {words}: {shown}", stacklevel=2)
