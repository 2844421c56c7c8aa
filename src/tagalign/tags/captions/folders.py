"""A folder of photos with captions beside them, like an unpacked tar: ``NAME.jpg`` with ``NAME.txt`` or ``NAME.json``.

The key is the path below the folder without its last ending. How letters are written in endings does not matter.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagalign.tags.captions.rows import ReadRow, RowRule, bad_row, checked, photo_endings
from tagalign.tags.captions.samples import record_row
from tagalign.tags.text_files import decode


@dataclass(frozen=True, slots=True)
class FolderSample:
    """One photo and the files beside it.

    Attributes:
        photo: its path.
        text: of its caption, where there is one.
        record: of its JSON record, where there is one.
    """

    photo: Path
    text: Path | None
    record: Path | None

    def row(self, folder: Path, rule: RowRule) -> ReadRow:
        """Its caption."""
        key = self.photo.relative_to(folder).with_suffix("").as_posix()
        if (content := _read(self.text)) is not None:
            return checked(key, decode(content), self.photo, str(self.photo))
        if (content := _read(self.record)) is not None:
            return record_row(key, content, rule, self.photo)
        return bad_row(self.photo, "no caption beside it", "no caption")


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError:
        return None


def folder_samples(folder: Path, files: Sequence[Path]) -> list[FolderSample]:
    """The photos among the files of a folder, by name, with what lies beside them.

    Args:
        folder: named for messages alone.
        files: of the folder and those below; see ``sources.files_below``.
    """
    beside: dict[tuple[str, str], Path] = {}
    photos, endings = list[tuple[Path, str]](), frozenset(photo_endings())
    for path in files:
        stem, ending = os.path.splitext(path)  # noqa: PTH122 (a million Path objects are slow)
        kind = ending.lower().lstrip(".")
        if kind in endings:
            photos.append((path, stem))
        elif kind in ("txt", "json"):
            beside.setdefault((stem, kind), path)
    return [
        FolderSample(path, beside.get((stem, "txt")), beside.get((stem, "json")))
        for path, stem in sorted(photos)
    ]


def folder_rows(folder: Path, samples: Sequence[FolderSample], rule: RowRule) -> Iterator[ReadRow]:
    """The captions of a folder's photos."""
    return (sample.row(folder, rule) for sample in samples)
