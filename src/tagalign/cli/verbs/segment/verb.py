"""``tagalign segment``: a label for every pixel of photos."""

from functools import partial
from typing import TYPE_CHECKING

from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import print_json
from tagalign.cli.shared.photo_flow import Flow, title_of, write_page
from tagalign.cli.verbs.segment.question import check_seen, job_spec
from tagalign.cli.verbs.segment.settings import SegmentSettings

if TYPE_CHECKING:
    from tagalign.tasks.photos.job import Job
    from tagalign.tasks.photos.sinks import Sink
    from tagalign.tasks.photos.stream import Answered


def run(settings: SegmentSettings) -> int:
    """Segment all photos; one that fails is listed in ``errors.jsonl``."""
    settings.check_labels()
    from tagalign.tasks.photos.inputs import refuse_missing

    refuse_missing(settings.images)
    settings.prompted_labels()  # what was typed wrongly is said before a model is looked for
    check_seen(settings)
    spec = job_spec(settings)
    warn_tiny(settings.model)
    job = spec.open()
    flow = Flow(
        settings=settings,
        images=settings.images,
        out=settings.out,
        names=lambda answered: job.mask_names() if answered is None else answered.answer.names,
        on_done=partial(_print_row, settings) if settings.json else None,
        tell=_in_words,
        with_names=settings.regions is not None,
    )
    masks = flow.run(spec, job, _sink(settings, job))
    if settings.summary:
        from tagalign.export.under_masks import photos_under_masks

        title, names = title_of("Masks", settings.images), flow.label_names(job)
        write_page(masks, job, names, title, order=settings.order, opener=photos_under_masks(settings.out))
    return flow.close(masks, "mask", page=settings.summary)


def _sink(settings: SegmentSettings, job: "Job") -> "Sink":
    from tagalign.cli.shared.mask_sinks import MaskFiles, MaskParts, heat_names

    if settings.rle:
        has_instances = settings.regions is not None or settings.instances
        return MaskParts(png=settings.out / "png" if settings.png else None, instances=has_instances)
    heat_maps = heat_names(job) if settings.heat_maps else ()
    return MaskFiles(
        folder=settings.out, overlay=settings.overlay, heat_maps=heat_maps, heat_side=settings.heat_side
    )


def _in_words(answered: "Answered") -> str:
    from tagalign.cli.shared.mask_sinks import rounded_shares

    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in rounded_shares(answered.answer).items())


def _print_row(settings: SegmentSettings, answered: "Answered") -> None:
    from tagalign.cli.shared.mask_sinks import rounded_shares
    from tagalign.tasks.photos.rows import instance_rows

    row = {"path": answered.source.key}
    if not settings.rle:
        row["mask"] = str(settings.out / f"{answered.source.name}.png")
    print_json(row | {"shares": rounded_shares(answered.answer), **instance_rows(answered.answer)})
