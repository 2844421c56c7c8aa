"""Lists of names that releases hold, read from their files on the user's disk: tag lists and classes of data sets.

None of these lists is shipped: their files are under licences of their own (named in the table), and what a user has stays
what the release says. Formats are those of the files as they lie in the releases.
"""

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.data.benchmarks.restricted_pickle import read_plain_pickle
from tagalign.errors import DataError, InputError
from tagalign.labels import Label, LabelSet
from tagalign.registry import find_entry
from tagalign.tags.same_label import same_label, tidy_name
from tagalign.tags.text_files import read_text

RECOGNIZE_ANYTHING = "xinyu1205/recognize-anything at 7cb804a, Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class ReleasedList:
    """A kind of list.

    Attributes:
        what: it holds.
        file: of the release, as it is called there.
        source: release and licence.
        read: the names of a file, in its order, repeats included.
        lines: how many names the release has; 0 where several releases differ.
    """

    what: str
    file: str
    source: str
    read: Callable[[Path], Sequence[str]]
    lines: int = 0


@dataclass(frozen=True, kw_only=True)
class ImportedList:
    """What was read.

    Attributes:
        labels: each name once.
        names: how many the file has.
        source: release and licence.
        note: what the user should know; empty for nothing.
    """

    labels: LabelSet
    names: int
    source: str
    note: str = ""


def _lines(path: Path) -> list[str]:
    """One name per line."""
    return [name for line in read_text(path).split("\n") if (name := tidy_name(line))]


def _openimages(path: Path) -> list[str]:
    """``/m/011k07,Tortoise`` per line, with or without a header; or one name per line."""
    if path.suffix.lower() != ".csv":
        return _lines(path)
    rows = [row for row in csv.reader(read_text(path).splitlines()) if row]
    if rows and rows[0][0].lower() == "labelname":
        rows = rows[1:]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2 or not row[0].startswith("/"):
            raise DataError(f"{path}, row {number}: expected /m/ID,NAME, got {','.join(row)[:60]!r}")
    return [tidy_name(name) for _, name in rows]


def _imagenet(path: Path) -> list[str]:
    """``{"0": ["n01440764", "tench"], ...}``, or one name per line."""
    if path.suffix.lower() != ".json":
        return _lines(path)
    content = _json(path)
    try:
        rows = sorted((int(key), str(value[1])) for key, value in content.items())
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise DataError(f'{path}: expected {{"0": ["n01440764", "tench"], ...}} ({error})') from error
    return [tidy_name(name.replace("_", " ")) for _, name in rows]


def _cifar100(path: Path) -> list[str]:
    """100 fine, then 20 coarse names: ``meta`` of the Python archive, or the text files of the binary one."""
    if path.is_dir():
        found = next(
            (path / name for name in ("meta", "fine_label_names.txt") if (path / name).is_file()), None
        )
        if found is None:
            raise DataError(f"{path}: expected meta, or fine_label_names.txt and coarse_label_names.txt")
        return _cifar100(found)
    if path.suffix.lower() == ".txt":
        names = [*_lines(path), *_lines(path.with_name("coarse_label_names.txt"))]
    else:
        content = read_plain_pickle(path)
        if not isinstance(content, dict) or not {"fine_label_names", "coarse_label_names"} <= content.keys():
            raise DataError(f"{path}: expected CIFAR-100's meta with fine_label_names and coarse_label_names")
        names = [*map(str, content["fine_label_names"]), *map(str, content["coarse_label_names"])]
    return [tidy_name(name.replace("_", " ")) for name in names]


def _hico(path: Path) -> list[str]:
    """The verbs of ``person VERB OBJECT`` per line, each once."""
    found = []
    for number, line in enumerate(_lines(path), start=1):
        words = line.split(" ")
        if len(words) != 3 or words[0] != "person":
            raise DataError(f"{path}, line {number}: expected 'person VERB OBJECT', got {line[:60]!r}")
        found.append(words[1].replace("_", " "))
    return list(dict.fromkeys(found))


def _vcoco(path: Path) -> list[str]:
    """``action_name`` of each entry of ``vcoco_*.json``, each once: an action has an entry for each of its roles' files."""
    content = _json(path)
    try:
        names = [str(row["action_name"]).replace("_", " ") for row in content]
    except (TypeError, KeyError) as error:
        raise DataError(f'{path}: expected a list of {{"action_name": ...}} ({error})') from error
    return list(dict.fromkeys(names))


def _coco91(path: Path) -> list[str]:
    """Names of ids 1 to 91 of ``ID: NAME`` per line: COCO's things with the eleven that were never annotated."""
    found = {}
    for number, line in enumerate(_lines(path), start=1):
        match = re.fullmatch(r"(\d+): (.+)", line)
        if match is None:
            raise DataError(f"{path}, line {number}: expected 'ID: NAME', got {line[:60]!r}")
        found[int(match[1])] = match[2]
    return [name for key, name in sorted(found.items()) if 1 <= key <= 91]


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise DataError(f"{path}: no JSON ({error})") from error


RELEASED_LISTS: Mapping[str, ReleasedList] = {
    "ram": ReleasedList(
        what="tags of RAM, which the release trains Tag2Text with too",
        file="ram/data/ram_tag_list.txt", source=RECOGNIZE_ANYTHING, read=_lines, lines=4585,
    ),
    "tag2text": ReleasedList(
        what="tags of the Tag2Text checkpoint",
        file="ram/data/tag2text_ori_tag_list.txt", source=RECOGNIZE_ANYTHING, read=_lines, lines=3429,
    ),
    "openimages": ReleasedList(
        what="classes of OpenImages",
        file="oidv7-class-descriptions.csv, or openimages_common_214_ram_taglist.txt of recognize-anything",
        source=f"OpenImages, CC BY 4.0; {RECOGNIZE_ANYTHING}", read=_openimages,
    ),
    "imagenet": ReleasedList(
        what="the 1,000 classes of ImageNet",
        file="datasets/imagenet_multi/imagenet_multi_1000_taglist.txt, or imagenet_class_index.json",
        source=RECOGNIZE_ANYTHING, read=_imagenet, lines=1000,
    ),
    "cifar100": ReleasedList(
        what="100 fine and 20 coarse classes of CIFAR-100",
        file="meta of cifar-100-python, or fine_label_names.txt of cifar-100-binary",
        source="Krizhevsky 2009; no licence is stated", read=_cifar100, lines=120,
    ),
    "hico": ReleasedList(
        what="the verbs of HICO",
        file="datasets/hico/hico_600_taglist.txt", source=RECOGNIZE_ANYTHING, read=_hico, lines=117,
    ),
    "vcoco": ReleasedList(
        what="the actions of V-COCO",
        file="data/vcoco/vcoco_test.json", source="s-gupta/v-coco, BSD 2-Clause", read=_vcoco, lines=26,
    ),
    "coco91": ReleasedList(
        what="the 91 things of COCO",
        file="labels.txt of nightrome/cocostuff", source="COCO-Stuff, CC BY 4.0", read=_coco91, lines=91,
    ),
}  # fmt: skip
"""By the word of ``tagalign labels import``."""


def import_label_list(kind: str, path: Path) -> ImportedList:
    """Read a list of a release.

    Args:
        kind: one of ``RELEASED_LISTS``.
        path: its file, as the release has it.

    Raises:
        UnknownNameError: for another kind.
        InputError: for a file that is not there, cannot be read, or holds no names.
    """
    one = find_entry("kind of list", kind, RELEASED_LISTS)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected {one.file} ({one.source})")
    try:
        names = one.read(path)
    except DataError as error:
        raise InputError(f"{error}; expected {one.file}") from error
    if not names:
        raise InputError(f"{path}: holds no names; expected {one.file}")
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(same_label(name), name)
    labels = tuple(Label(name=name) for name in first.values())
    return ImportedList(
        labels=LabelSet(name=kind, labels=labels),
        names=len(names),
        source=one.source,
        note=_note(one, len(names)),
    )


def _note(one: ReleasedList, names: int) -> str:
    if not one.lines or names == one.lines:
        return ""
    return f"the release has {one.lines:,} names, this file {names:,}; is it {one.file}?"
