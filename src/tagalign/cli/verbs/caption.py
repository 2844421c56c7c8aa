"""``tagalign caption``: a sentence for photos, guided by tags."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.shared.flag_values import check_text
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import print_json
from tagalign.cli.shared.photo_flow import DecodeFlags, Flow, RunFlags
from tagalign.cli.shared.renamed import Formerly
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.option_fields import Verb
    from tagalign.tasks.photos.stream import Answered


WRITERS = (
    "--model is needed: a folder with a trained Tag2Text (`tagalign train --method tag2text`, or `import tag2text`) "
    "or tiny for drawn scenes"
)
"""Why there is no model by default: no encoder of the hub writes sentences."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionSettings(ModelFlags, RunFlags, DecodeFlags):
    """Describe photos in one sentence each, guided by recognised tags or by yours.

    Writes captions.jsonl: path, caption, and the tags that guided it with their scores. A run that was stopped goes on where
    it was when the same command is given again.
    Example: tagalign caption photos/ --model my-tag2text --about "dog, frisbee"
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    out: Path = Path("captions")
    """Folder for the results."""
    about: Annotated[str | None, Formerly("tags")] = None
    """Comma-separated tags that the sentence shall be about; by default what the model recognises."""
    both: bool = False
    """Add recognised tags to those of --about."""
    threshold: str | None = None
    """Which tags count as recognised: `absolute:0.5`, `top:5`, ...; a lower one gives more detail."""
    beams: int = 3
    """Beam search with so many hypotheses; 1 is greedy."""
    top_p: float | None = None
    """Sample instead of searching, from the likeliest words that together reach this probability."""
    seed: int = 0
    """Of sampling."""
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def auto_model(self) -> str:
        """None: the photo model writes nothing."""
        raise InputError(WRITERS)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        check_text("--about", self.about)
        if self.beams < 1:
            raise InputError(f"--beams must be at least 1, got {self.beams}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"--top-p must lie in (0, 1], got {self.top_p}")
        if self.about is not None and not self.about.replace(",", " ").strip():
            raise InputError(
                "--about expects at least one tag, e.g. 'dog, frisbee'; leave it out for recognised tags"
            )
        if self.both and self.about is None:
            raise InputError("--both adds recognised tags to those of --about; give --about too")


def run(settings: CaptionSettings) -> int:
    """Caption all photos; one that fails is listed in ``errors.jsonl``."""
    from tagalign.tasks.photos.inputs import refuse_missing

    refuse_missing(settings.images)
    facts = job_facts(settings, "caption")
    warn_tiny(settings.model, "FOLDER with a trained Tag2Text")
    from tagalign.tasks.captioning import split_tags
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import CaptionQuestion
    from tagalign.tasks.photos.sinks import CaptionRows

    tags = None if settings.about is None else split_tags(settings.about)
    spec = JobSpec(
        question=CaptionQuestion(tags=tags, both=settings.both),
        **facts,
        workers=settings.workers,
        fast_decode=settings.fast_decode,
    )
    sink = CaptionRows()

    def show(answered: "Answered") -> None:
        if settings.json:
            print_json(sink.row(job, answered))
        else:
            print(f"{answered.source.key}: {answered.answer.text}", flush=True)

    job = spec.open()
    is_local = settings.engine == "local" or settings.json
    flow = Flow(
        settings=settings,
        images=settings.images,
        out=settings.out,
        on_done=show if is_local else None,
    )
    return flow.close(flow.run(spec, job, sink), "caption")


def job_facts(settings: Any, verb: "Verb") -> dict[str, Any]:
    """Fields of a ``JobSpec`` for verbs that write text."""
    flags = {name: getattr(settings, name, None) for name in ("threshold", "top_p")}
    if flags["top_p"] is not None:  # beams draw nothing
        flags["seed"] = settings.seed
    facts: dict[str, Any] = settings.job_facts(verb, num_beams=settings.beams, **flags)
    return facts
