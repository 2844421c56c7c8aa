"""Annotations as clicks of a review: what was let stand, drawn and taken away says where each label begins."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tagalign.data.annotations.laid import LaidAnnotations, LaidPhoto
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.records import VOID
from tagalign.errors import DataError
from tagalign.tasks.photos.keys import key_of, path_of
from tagalign.tasks.photos.rows import read_rows
from tagalign.tasks.photos.tables import MASK_FILES, MASKS, TAGS, read_lines
from tagalign.tasks.review.clicks import Click, append_clicks, click_lines

AT_ONCE = 500
"""Clicks that go to the disk together."""
Given = Callable[[str], tuple[str, ...] | None]
"""What a run said about the photo at a place; None where it said nothing."""


@dataclass(frozen=True, kw_only=True)
class WrittenClicks:
    """What was appended.

    Attributes:
        new: clicks.
        repeated: photos whose last click said the same before.
    """

    new: int
    repeated: int


def write_clicks(
    laid: LaidAnnotations,
    folder: Path,
    path: Path,
    *,
    given: Given = lambda place: None,
    follow: Callable[[LaidAnnotations], Iterable[LaidPhoto]] = iter,
) -> WrittenClicks:
    """Append a click for each photo that a person has judged or passed over.

    A photo that was judged says yes to the labels that are in it and no to all others. What a model had suggested is the
    run's answer where one is given, else what the file tells of it. A photo whose last click says the same already gets
    none: an import that was stopped is finished by the same command, and one that is repeated changes nothing.

    Args:
        laid: the annotations.
        folder: of the photos.
        path: of the clicks.
        given: an earlier answer of ours.
        follow: passes the photos on and shows how far they are.
    """
    before = _last_said(path)
    count = repeated = 0
    clicks = _clicks(follow(laid), laid.labels, key_of(str(folder.resolve())), given)
    while some := list(islice(clicks, AT_ONCE)):
        new = [click for click in some if before.get(_place(click)) != _said(click)]
        if new:
            append_clicks(path, new)
        count, repeated = count + len(new), repeated + len(some) - len(new)
    return WrittenClicks(new=count, repeated=repeated)


def _last_said(path: Path) -> dict[tuple[str, str], int]:
    """What the last click about each photo says, as a number: the clicks themselves may not fit into memory."""
    if not path.exists():
        return {}
    return {_place(click): _said(click) for clicks, _ in click_lines(path) for click in clicks}


def _place(click: Click) -> tuple[str, str]:
    return click.folder, click.photo


def _said(click: Click) -> int:
    return hash(replace(click, at=""))


def _clicks(laid: Iterable[LaidPhoto], labels: tuple[str, ...], folder: str, given: Given) -> Iterator[Click]:
    for one in laid:
        yield _click(one, folder, labels, given(one.photo.place))


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
