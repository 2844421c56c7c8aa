"""What inputs mean: files, folders, patterns, ranges; the same for parsing captions and for training on pairs."""

import glob
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagalign.errors import InputError
from tagalign.tags.captions.documents import document_rows
from tagalign.tags.captions.folders import folder_samples
from tagalign.tags.captions.lines import jsonl_rows, txt_rows
from tagalign.tags.captions.parquet import parquet_rows
from tagalign.tags.captions.rows import ReadRow, RowRule
from tagalign.tags.captions.tables import csv_rows, tsv_rows
from tagalign.tags.text_files import PACKINGS, printable

TAR, JSONL, FOLDER, TEXT, DOCUMENT = "tar", "jsonl", "folder", "txt", "json"
FILE_READERS: dict[str, Callable[[Path, RowRule], Iterator[ReadRow]]] = {
    JSONL: jsonl_rows,
    DOCUMENT: document_rows,
    "csv": csv_rows,
    "tsv": tsv_rows,
    TEXT: txt_rows,
    "parquet": parquet_rows,
}
ENDINGS = {f".{kind}": kind for kind in (*FILE_READERS, TAR)} | {".ndjson": JSONL}
"""Endings of files with their kinds; those of ``PACKINGS`` may follow."""

_SHORT = {".tgz": (TAR, ".gz"), ".txz": (TAR, ".xz"), ".tbz2": (TAR, ".bz2"), ".tbz": (TAR, ".bz2")}
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass(frozen=True, order=True, slots=True)
class CaptionSource:
    """Captions that are read as a whole.

    Attributes:
        path: of a file, or of a folder of photos with captions beside them.
        kind: a value of ``ENDINGS`` or ``FOLDER``.
        root: folder that names of results are relative to.
        packing: see ``open_packed``.
    """

    path: Path
    kind: str
    root: Path
    packing: str = ""


def kind_of(path: Path) -> tuple[str, str] | None:
    """Kind and packing of a file by its name: ``a.jsonl.gz`` gives ``("jsonl", ".gz")``; None for other files."""
    ending = path.suffix.lower()
    if ending in _SHORT:
        return _SHORT[ending]
    packing = ending if ending in PACKINGS else ""
    kind = ENDINGS.get((Path(path.stem) if packing else path).suffix.lower())
    return None if kind is None else (kind, packing)


def known_kind(path: Path) -> tuple[str, str]:
    """See ``kind_of``.

    Raises:
        InputError: for other files.
    """
    if (known := kind_of(path)) is None:
        raise InputError(
            f"{path}: cannot tell what this file holds; expected an ending of {', '.join(ENDINGS)}"
        )
    return known


def find_sources(inputs: Sequence[str | Path], *, leave_out: Sequence[Path] = ()) -> list[CaptionSource]:
    """The sources that inputs mean, sorted, each once.

    A folder means the tars in it and below; without tars its tables (JSONL, CSV, TSV, Parquet) and its text files that
    lie beside no photo; without those its photos with captions beside them. A JSON document must be named: it is more
    often settings than captions. ``cc3m/{00000..00331}.tar`` is a range.

    Args:
        inputs: see above.
        leave_out: folders that hold results and no captions.

    Raises:
        InputError: if an input means nothing.
    """
    found = set[CaptionSource]()
    for item in inputs:
        paths = list(_paths(str(item)))
        sources = [source for path, root in paths for source in _sources(path, root, leave_out)]
        if not sources:
            raise InputError(f"{item}: {_why_nothing(Path(item), bool(paths))}")
        found.update(sources)
    return sorted(found)


def _paths(item: str) -> Iterator[tuple[Path, Path | None]]:
    """Files and folders that an input means; None as the root stands for a file's own folder."""
    if match := _RANGE.search(item):
        first, last = match.groups()
        for i in range(int(first), int(last) + 1):
            path = Path(item[: match.start()] + f"{i:0{len(first)}d}" + item[match.end() :])
            yield path, None
    elif Path(item).exists():
        yield Path(item), None
    else:
        parts = Path(item).parts
        fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        root = Path(*parts[:fixed])
        for name in sorted(glob.glob(item, recursive=True)):  # noqa: PTH207 (absolute patterns)
            if Path(name).is_dir() or kind_of(Path(name)) is not None:
                yield Path(name), root


def _sources(path: Path, root: Path | None, leave_out: Sequence[Path]) -> Iterator[CaptionSource]:
    if path.is_dir():
        yield from _in_folder(path, root or path, leave_out)
    elif not path.exists():
        raise InputError(f"{path}: no such file")
    else:
        kind, packing = known_kind(path)
        yield CaptionSource(path, kind, root or path.parent, packing)


def _in_folder(folder: Path, root: Path, leave_out: Sequence[Path]) -> Iterator[CaptionSource]:
    files = files_below(folder, leave_out)
    known = {path: kind for path in files if (kind := kind_of(path)) is not None and kind[0] != DOCUMENT}
    photos = [s for s in folder_samples(folder, files) if s.text is not None or s.record is not None]
    beside = {sample.text for sample in photos}
    tars = [path for path, kind in known.items() if kind[0] == TAR]
    tables = [path for path, kind in known.items() if kind[0] != TAR and path not in beside]
    orphans = [path for path in tables if known[path][0] == TEXT]
    if tars:
        _tell(folder, tables, "beside tars are taken for their logs")
    elif photos and len(tables) == len(orphans):
        _tell(folder, orphans, "lie beside no photo")
        yield CaptionSource(folder, FOLDER, root)
    for path in tars or (tables if len(tables) > len(orphans) or not photos else []):
        yield CaptionSource(path, known[path][0], root, known[path][1])
    if photos and not tars and len(tables) > len(orphans):
        _tell(folder, [s.photo for s in photos], "with captions lie beside tables, which are read instead")
    if not known and not photos and folder_samples(folder, files):
        yield CaptionSource(folder, FOLDER, root)  # each photo is then named as one without a caption


def _tell(folder: Path, left: Sequence[Path], why: str) -> None:
    if left:
        first = printable(left[0].relative_to(folder))
        warnings.warn(
            f"{printable(folder)}: {len(left)} files ({first}, ...) {why}; they are left out unless they are named",
            stacklevel=2,
        )


def files_below(folder: Path, leave_out: Sequence[Path] = ()) -> list[Path]:
    """All files of a folder and those below it, without hidden ones and without what this program wrote.

    Folders that are links are followed, each once. One that cannot be read is passed over with a warning.
    """
    files, seen = list[Path](), set[tuple[int, int]]()
    left = {path.resolve() for path in leave_out}

    def passed_over(error: OSError) -> None:
        warnings.warn(f"{error.filename}: cannot be read ({error.strerror}); passed over", stacklevel=2)

    for place, folders, names in os.walk(folder, followlinks=True, onerror=passed_over):
        stat = os.stat(place)  # noqa: PTH116
        is_known = (stat.st_dev, stat.st_ino) in seen
        seen.add((stat.st_dev, stat.st_ino))
        if (
            is_known
            or Path(place).resolve() in left
            or (place != str(folder) and is_output(Path(place), names))
        ):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(path for path in files if path.is_file())


def is_output(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder holds results of ``parse`` or ``label``; its shards are no captions to be read."""
    return any(name.startswith("manifest") and name.endswith(".json") for name in names) and (
        _is_manifest(folder / next(n for n in names if n.startswith("manifest") and n.endswith(".json")))
    )


def _is_manifest(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(20).replace(b"\n", b"").replace(b" ", b"").startswith(b'{"settings":')
    except OSError:
        return False


def _why_nothing(path: Path, exists: bool) -> str:
    if path.is_dir():
        return "no tar, table, text file or photo with a caption in this folder"
    return "holds no captions" if exists else "no such file, and no file matches it as a pattern"
