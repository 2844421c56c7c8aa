"""``tagalign refer``: the region a phrase means."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.shared.flag_values import check_least, check_text
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import print_json
from tagalign.cli.shared.photo_flow import Flow, RunFlags
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tasks.photos.stream import Answered


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReferSettings(ModelFlags, RunFlags):
    """Find the region that a phrase means, in one photo or in many.

    Writes NAME.png (0 or 1 per pixel) and NAME.overlay.png (region, box, phrase) per photo, and regions.jsonl. A run that
    was stopped goes on where it was when the same command is given again.
    Example: tagalign refer park.jpg --phrase "the brown dog" --model openai/clip-vit-base-patch16
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    threshold: float | None = None
    """The region is where the phrase's map, scaled to [0, 1], is above this; by default the method's own (0.6)."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the method's own."""
    stitch: bool = False
    """Cut the photo into windows and join them before the last block of the encoder, which then sees the whole photo."""
    phrase: str
    """What to find, e.g. "the brown dog"."""
    out: Path = Path("regions")
    """Folder for the results."""
    json: bool = False
    """Print one JSON object per photo on standard output: its mask, box XYXY in pixels, score, share of the photo."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        check_least(self, {"short_side": 1})
        check_text("--phrase", self.phrase)
        if not self.phrase.strip():
            raise InputError("--phrase is empty; give it words such as 'the brown dog'")


def run(settings: ReferSettings) -> int:
    """Refer in all photos; one that fails is listed in ``errors.jsonl``."""
    from tagalign.tasks.photos.inputs import refuse_missing

    refuse_missing(settings.images)
    facts = settings.job_facts(
        "refer",
        phrase_threshold=settings.threshold,
        short_side=settings.short_side,
        stitch=settings.stitch or None,
    )
    warn_tiny(settings.model)
    from tagalign.cli.shared.mask_sinks import RegionFiles
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import ReferQuestion

    spec = JobSpec(question=ReferQuestion(phrase=settings.phrase), **facts, workers=settings.workers)
    job = spec.open()
    flow = Flow(
        settings=settings,
        images=settings.images,
        out=settings.out,
        names=lambda _: ("background", settings.phrase),
        on_done=partial(_print_row, settings) if settings.json else None,
        tell=_in_words,
    )
    return flow.close(flow.run(spec, job, RegionFiles(folder=settings.out)), "region")


def _in_words(answered: "Answered") -> str:
    found = answered.answer
    return "no region" if found.box is None else f"box {found.box} (XYXY, pixels), score {found.score:.2f}"


def _print_row(settings: ReferSettings, answered: "Answered") -> None:
    from tagalign.cli.shared.mask_sinks import region_values

    mask = str(settings.out / f"{answered.source.name}.png")
    print_json({"path": answered.source.key, "mask": mask, **region_values(answered)})
