"""``tagalign segment --rle``: masks of any number of photos as run-length code in Parquet parts, with shards and resume."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.batch_flow import cache_option, close_labelling, label_photos
from tagalign.cli.common import print_json

if TYPE_CHECKING:
    from tagalign.cli.segment import SegmentSettings
    from tagalign.tasks.photos.job import Labelled


def run_rle(settings: "SegmentSettings", options: dict[str, Any]) -> int:
    """Segment all photos.

    Args:
        settings: of the verb.
        options: of the method.
    """
    from tagalign.tasks.photos.job import JobSpec

    given = {"profile": settings.profile} if settings.profile else {}
    spec = JobSpec(
        kind="segment",
        model=settings.model,
        method=settings.method,
        options=options | given | cache_option(settings, settings.method),
        labels=settings.label_set(),
        device=settings.device,
        batch_size=settings.batch_size,
        workers=settings.workers,
    )
    job = spec.open()
    names = job.mask_names()
    sink = _png_writer(settings.out / "png", len(names)) if settings.png else None
    run = label_photos(
        settings,
        spec,
        job,
        images=settings.images,
        out=settings.out,
        sink=sink,
        on_done=_print_row if settings.json else None,
    )
    title = f"Masks of {', '.join(settings.images)[:80]}"
    return close_labelling(settings, settings, run, job, names, title=title)


def _png_writer(folder: Path, num_labels: int) -> Any:
    from tagalign.export.masks import save_mask

    def write(labelled: "Labelled") -> None:
        if labelled.segmentation is not None:
            path = folder / f"{png_name(labelled.source.key)}.png"
            save_mask(path, labelled.segmentation.labels, num_labels)

    return write


def png_name(key: str) -> str:
    """A key as one file name, folders joined by ``__``.

    >>> png_name("photos/day 1/a.jpg")
    'photos__day 1__a.jpg'
    """
    return "__".join(part for part in key.replace("\\", "/").split("/") if part not in {"", ".", ".."})[-200:]


def _print_row(labelled: "Labelled") -> None:
    if labelled.segmentation is None:
        raise AssertionError("a segment run gives masks")
    shares = {name: round(share, 6) for name, share in labelled.segmentation.shares().items()}
    print_json({"path": labelled.source.key, "shares": shares})
