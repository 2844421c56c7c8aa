"""Annotations as clicks of a review: what was let stand, drawn and taken away says where each label begins."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from tagalign.data.annotations.laid import LaidAnnotations, LaidPhoto
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.records import VOID
from tagalign.errors import DataError
from tagalign.tasks.photos.keys import key_of, path_of
from tagalign.tasks.photos.rows import read_rows
from tagalign.tasks.photos.tables import MASK_FILES, MASKS, TAGS, read_lines
from tagalign.tasks.review.clicks import Click, append_clicks

AT_ONCE = 500
"""Clicks that go to the disk together."""
Given = Callable[[str], tuple[str, ...] | None]
"""What a run said about the photo at a place; None where it said nothing."""


def write_clicks(
    laid: LaidAnnotations, folder: Path, path: Path, *, given: Given = lambda place: None
) -> int:
    """Append a click for each photo that a person has judged or passed over.

    A photo that was judged says yes to the labels that are in it and no to all others. What a model had suggested is the
    run's answer where one is given, else what the file tells of it.

    Args:
        laid: the annotations.
        folder: of the photos.
        path: of the clicks.
        given: an earlier answer of ours.

    Returns:
        The number of clicks.
    """
    clicks, count = _clicks(laid, key_of(str(folder.resolve())), given), 0
    while some := list(islice(clicks, AT_ONCE)):
        append_clicks(path, some)
        count += len(some)
    return count


def _clicks(laid: LaidAnnotations, folder: str, given: Given) -> Iterator[Click]:
    for one in laid:
        yield _click(one, folder, laid.labels, given(one.photo.place))


def _click(one: LaidPhoto, folder: str, labels: tuple[str, ...], given: tuple[str, ...] | None) -> Click:
    marked, photo = one.marked, key_of(one.photo.place)
    if marked.said_by == "nobody":
        return Click(photo=photo, verdict="skipped", folder=folder, size=one.photo.size, labels=labels)
    masks = tuple(
        (region.label, region.code)
        for region in marked.regions
        if region.code is not None and not region.is_box and region.label != VOID
    )
    return Click(
        photo=photo,
        verdict="accepted",
        folder=folder,
        size=one.photo.size,
        labels=labels,
        given=marked.given if given is None else given,
        tags=marked.labels,
        masks=masks,
        source=marked.source,
    )


def answers_of_run(run: Path, photos: PhotoFolder) -> dict[str, tuple[str, ...]]:
    """The labels that ``tagalign tag`` or ``segment`` gave to each photo, by its place in the folder.

    Raises:
        DataError: if the folder holds no results.
    """
    found: dict[str, tuple[str, ...]] = {}
    for table in (TAGS, MASKS, MASK_FILES):
        for path in sorted((run / table.folder).glob(f"part-*{table.ending}")):
            for row in read_lines(path) if table.schema is None else read_rows([path]):
                labels = row.get("tags") or row.get("names") or row.get("shares") or ()
                key = path_of(str(row["path"] if "path" in row else row["key"]))
                try:
                    found[photos.find(key).place] = tuple(map(str, labels))  # type: ignore[arg-type]
                except DataError:
                    continue  # of another folder
    if not found:
        raise DataError(f"{run}: no results of tag or segment about photos of {photos.folder}")
    return found
