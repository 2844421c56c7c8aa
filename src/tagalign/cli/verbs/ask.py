"""``tagalign ask``: the answer to a question about photos."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.shared.flag_values import check_text
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import print_json
from tagalign.cli.shared.photo_flow import Flow, RunFlags
from tagalign.cli.verbs.caption import WRITERS, job_facts
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tasks.photos.job import Job
    from tagalign.tasks.photos.stream import Answered


@dataclasses.dataclass(frozen=True, kw_only=True)
class AskSettings(ModelFlags, RunFlags):
    """Ask a question about a photo, or about many, and print the answers.

    Example: tagalign ask photo.jpg "what color is the car?" --model my-tag2text
    """

    image: Annotated[str, tyro.conf.Positional]
    """A photo, or a folder, a pattern, a list of paths (.txt), a tar, or - for paths on standard input."""
    question: Annotated[str, tyro.conf.Positional]
    """The question, in quotes."""
    out: Path | None = None
    """Folder for answers.jsonl, so that a long run can be resumed; without it answers are only printed."""
    use_tags: bool = True
    """Join the recognised tags to the question."""
    threshold: str | None = None
    """Which tags count as recognised: `absolute:0.5`, `top:5`, ..."""
    beams: int = 3
    """Beam search with so many hypotheses; 1 is greedy."""
    json: bool = False
    """Print a JSON object per photo with the answer and the tags."""

    def auto_model(self) -> str:
        """None: the photo model writes nothing."""
        raise InputError(WRITERS)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        check_text("the question", self.question)
        if not self.question.strip():
            raise InputError("expected a question such as 'what color is the car?', got an empty one")
        if self.beams < 1:
            raise InputError(f"--beams must be at least 1, got {self.beams}")
        if self.out is None and (self.shard != "0/1" or self.engine != "local" or self.overwrite):
            raise InputError("--shard, --engine and --overwrite need --out: a folder for the answers")


def run(settings: AskSettings) -> int:
    """Answer on standard output, and in a folder where one is given."""
    from tagalign.tasks.photos.inputs import refuse_missing

    refuse_missing((settings.image,))
    facts = job_facts(settings, "ask")
    warn_tiny(settings.model, "FOLDER with a trained Tag2Text")
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import AskQuestion
    from tagalign.tasks.photos.sinks import AnswerRows

    spec = JobSpec(
        question=AskQuestion(question=settings.question, use_tags=settings.use_tags),
        **facts,
        workers=settings.workers,
    )
    job = spec.open()
    if settings.out is None:
        return _print_all(settings, job)
    flow = Flow(
        settings=settings,
        images=(settings.image,),
        out=settings.out,
        on_done=(lambda answered: _print(settings, job, answered, is_one=False))
        if settings.engine == "local" or settings.json
        else None,
    )
    return flow.close(flow.run(spec, job, AnswerRows()), "answer")


def _print_all(settings: AskSettings, job: "Job") -> int:
    from tagalign.tasks.photos.inputs import Inputs, standard_input
    from tagalign.tasks.photos.keys import printable

    inputs = Inputs(items=[settings.image], lines=standard_input())
    # for one photo the answer stands alone, so that a script can take the line as it is
    is_one = Path(settings.image).is_file()
    done = failed = 0
    for answered in job.run(inputs):
        if answered.error is not None:
            print(f"error: {printable(str(answered.error))}", file=sys.stderr)
            failed += 1
        else:
            _print(settings, job, answered, is_one=is_one)
            done += 1
    return 2 if failed and not done else 0


def _print(settings: AskSettings, job: "Job", answered: "Answered", *, is_one: bool) -> None:
    from tagalign.methods.protocols import Recogniser

    if not settings.json:
        print(answered.answer if is_one else f"{answered.source.key}: {answered.answer}", flush=True)
        return
    is_told = settings.use_tags and isinstance(job.method, Recogniser)
    print_json(
        {
            "path": answered.source.key,
            "question": settings.question,
            "answer": answered.answer,
            "tags": list(job.method.recognise(answered.encoded).tags) if is_told else [],
        }
    )
