"""The second pass of ``tag --look auto``: scores of the first, seen against the look, become tags; no photo is opened."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.methods.looks.step import finish_tagging
from tagalign.methods.thresholds import Threshold
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.manifest import read_manifest
from tagalign.tasks.photos.rows import read_rows, size_of, tag_row
from tagalign.tasks.photos.run import PhotoRun
from tagalign.tasks.photos.source import PhotoSource
from tagalign.types import LabelSet, Tagging


@dataclass(kw_only=True)
class SamePhotos(Inputs):
    """The photos of another run, as it listed them: standard input is read once, and a folder may change in between.

    Attributes:
        manifest: of that run.
    """

    manifest: Path = Path()

    def __iter__(self) -> Iterator[PhotoSource]:
        """All photos."""
        yield from read_manifest(self.manifest)


def tag_again(
    first: PhotoRun, second: PhotoRun, method: Any, labels: LabelSet, threshold: Threshold | None
) -> Iterator[tuple[str, Tagging]]:
    """Write the parts of the second run from those of the first, which has the same photos in the same parts.

    Args:
        first: whose rows hold a tagger's own scores.
        second: that is written.
        method: the tagger with a look.
        labels: that were asked.
        threshold: instead of the method's own.

    Yields:
        Key and tags of every photo that was not written before.
    """
    for number in second.pending():
        _copy(first.error_path(number), second.error_path(number))
        _copy(first.note_path(number), second.note_path(number))
        _copy(first.embed_path(number), second.embed_path(number))
        rows = []
        for row in read_rows([first.part_path(number)], ["key", "size", "scores"]):
            key, size = str(row["key"]), size_of(row)
            tagging = finish_tagging(row["scores"], labels, threshold or method.tag_threshold, method.step)  # type: ignore[arg-type]
            rows.append(tag_row(key, size, tagging, threshold=threshold))
            yield key, tagging
        second.table.write(second.part_path(number), rows)


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        with atomic_write(target) as temp:
            shutil.copyfile(source, temp)
