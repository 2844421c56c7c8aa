"""The second pass of ``tag --look auto``: scores of the first, seen against the look, become tags; no photo is opened."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.labels import LabelSet
from tagalign.methods.looks.step import tagging_against
from tagalign.methods.thresholds import Threshold
from tagalign.tasks.photos.rows import read_rows, size_of, tag_row
from tagalign.tasks.photos.run import PhotoRun
from tagalign.types import Tagging


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
    chosen_by = threshold or method.tag_threshold
    for number in second.pending():
        _copy(first.error_path(number), second.error_path(number))
        _copy(first.note_path(number), second.note_path(number))
        _copy(first.embed_path(number), second.embed_path(number))
        found: list[dict[str, Any]] = list(read_rows([first.part_path(number)], ["key", "size", "scores"]))
        against = method.step.score_rows([row["scores"] for row in found], labels)
        rows = []
        for row, seen in zip(found, against, strict=True):
            tagging = tagging_against(row["scores"], seen, labels, chosen_by)
            rows.append(tag_row(str(row["key"]), size_of(row), tagging, threshold=threshold))
            yield str(row["key"]), tagging
        second.table.write(second.part_path(number), rows)


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        with atomic_write(target) as temp:
            shutil.copyfile(source, temp)
