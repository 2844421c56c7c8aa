"""What can be reviewed: a folder of photos, or the results of a run, opened by their place."""

import os
from collections.abc import Callable
from pathlib import Path

from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.texts import say
from tagalign.errors import InputError
from tagalign.export.result_index import ResultIndex
from tagalign.tasks.photos.doubts import DoubtKind
from tagalign.tasks.photos.keys import key_of
from tagalign.tasks.photos.result_labels import SETTINGS, result_names
from tagalign.tasks.photos.walk import Walk
from tagalign.tasks.review.queue import read_queue

MOST_FOLDERS = 500
"""That a picker lists."""

ReviewOpener = Callable[[str], ReviewStore]


def open_place(folder: Path, out: Path | None) -> ReviewStore:
    """Photos below a folder; where it holds the results of a run, those.

    Args:
        folder: to review.
        out: of the clicks; by default ``review`` here, or inside the results.

    Raises:
        InputError: if it is no folder, or there is nothing to review in it.
        DataError: for results that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(say("review.no_such", folder=key_of(str(folder))))
    return open_run(folder, None, out) if is_run(folder) else open_photos(folder, out)


def open_photos(folder: Path, out: Path | None) -> ReviewStore:
    """All photos below a folder, by name."""
    return ReviewStore(folder, photos_of(folder), (out or Path("review")).resolve())


def open_run(folder: Path, order: DoubtKind | None, out: Path | None) -> ReviewStore:
    """The photos of a run, those most likely to be wrong first, with its tags and masks."""
    queue = read_queue(folder, result_names(folder), order)
    photos = [one.key for one in queue.photos]
    out = (out or folder / "review").resolve()
    return ReviewStore(Path.cwd(), photos, out, queue=queue, results=ResultIndex(folder))


def is_run(folder: Path) -> bool:
    """Whether ``tag`` or ``segment`` wrote the folder."""
    return (folder / SETTINGS).is_file()


def photos_of(folder: Path) -> list[str]:
    """Keys of the photos below a folder, relative to it, in order; ``keys.path_of`` leads back to the file.

    What every verb finds there, but for photos inside of tars, which a browser cannot be handed.
    """
    found = Walk().below(str(folder))
    files = (source.path for source in found if source.problem is None and source.member is None)
    return sorted(key_of(os.path.relpath(path, folder)) for path in files)


def folders_in(folder: Path) -> list[tuple[str, str]]:
    """Folders inside one, as a picker shows them, and their paths; the one above stands first.

    Raises:
        InputError: if it cannot be looked into.
    """
    try:
        inside = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        raise InputError(say("review.closed", folder=key_of(str(folder)), reason=error.strerror)) from error
    shown = [(say("review.above"), str(folder.parent))] if folder.parent != folder else []
    for one in inside[:MOST_FOLDERS]:
        name = key_of(one.name)
        shown.append((say("review.run", name=name) if is_run(one) else name, str(one)))
    return shown
