"""One drawn copy: what is asked for, the mark that says it is drawn, and the writing."""

from pathlib import Path

from tagalign.atomic import atomic_write
from tagalign.data.benchmarks.catalog import Benchmark, find_benchmark
from tagalign.data.benchmarks.drawn import MARK_FILE, MARK_TEXT, DrawnCopy, drawn_copy_of
from tagalign.data.rehearsal.request import CopyRequest, WatchCount, silent
from tagalign.data.rehearsal.writers import WRITERS, images_of_split
from tagalign.errors import InputError, UnknownNameError
from tagalign.json_text import json_text


def write_copy(
    name: str, folder: Path, *, split: str | None = None, images: int | None = None, seed: int = 0,
    watch: WatchCount = silent,
) -> DrawnCopy:  # fmt: skip
    """Draw a benchmark: its official tree, file names, splits, encodings and picture sizes, filled with shapes.

    An interrupted copy is made whole by the same call; the same seed gives the same pixels and files.

    Args:
        name: one of ``BENCHMARKS``, but not of the drawn world, which needs no copy.
        folder: an empty or new folder, or an earlier copy with the same settings.
        split: of the benchmark; the default one when None.
        images: how many pictures; the official number when None.
        seed: of the drawing.
        watch: a progress bar over the pictures.

    Raises:
        UnknownNameError: for an unknown benchmark or split.
        InputError: for a folder that holds something else, or a number below 1 or above the official one.
    """
    benchmark = find_benchmark(name)
    request = _request(benchmark, folder, split or benchmark.default_split, images, seed)
    begun = _begin(request)
    if begun.complete:
        return begun
    WRITERS[benchmark.layout](request, watch)
    return _mark(request, complete=True)


def _request(benchmark: Benchmark, folder: Path, split: str, images: int | None, seed: int) -> CopyRequest:
    if benchmark.layout == "tiny-world":
        raise InputError(f"{benchmark.name} is drawn when it is asked for; it needs no copy")
    if benchmark.layout == "own":
        raise InputError(f"{benchmark.name} is data of yours: tagalign import annotations makes it")
    if split not in benchmark.splits:
        raise UnknownNameError(f"split of {benchmark.name}", split, benchmark.splits)
    official = images_of_split(benchmark, split)
    if images is not None and not 1 <= images <= official:
        raise InputError(
            f"--images must be 1 to {official:,} (all of {benchmark.name} {split}), got {images:,}"
        )
    count = images or official
    units = benchmark.splits[split]
    return CopyRequest(
        folder=folder, benchmark=benchmark, split=split, images=count, official_images=official,
        units=max(count, round(units * count / official)) if benchmark.unit != "images" else count, seed=seed,
    )  # fmt: skip


def _begin(request: CopyRequest) -> DrawnCopy:
    """Write the mark before the first file, so that nobody takes a half copy for the data."""
    folder = request.folder
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    found = drawn_copy_of(folder)
    wanted = _as_mark(request, complete=False)
    if found is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; a drawn copy wants a folder of its own")
        return _mark(request, complete=False)
    if (found.benchmark, found.split, found.images, found.seed) != (
        wanted.benchmark, wanted.split, wanted.images, wanted.seed,
    ):  # fmt: skip
        raise InputError(
            f"{folder} holds a copy of {found.benchmark} {found.split} ({found.images:,} images, seed {found.seed}); "
            "take another folder, or the same settings"
        )
    return found


def _as_mark(request: CopyRequest, *, complete: bool) -> DrawnCopy:
    return DrawnCopy(
        benchmark=request.benchmark.name, split=request.split, images=request.images, units=request.units,
        seed=request.seed,
        complete=complete,
    )  # fmt: skip


def _mark(request: CopyRequest, *, complete: bool) -> DrawnCopy:
    mark = _as_mark(request, complete=complete)
    with atomic_write(request.folder / MARK_FILE) as temp:
        content = {"what": MARK_TEXT} | vars(mark)
        temp.write_text(json_text(content, indent=1) + "\n", encoding="utf-8")
    return mark
