"""``--look auto``: all photos are scored, the scores say what is ordinary in the folder, and then become tags."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.photo_flow import Flow
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tasks.photos.job import Job, JobSpec
    from tagalign.tasks.photos.run import PhotoRun
    from tagalign.types import Tagging

AUTO = "auto"
FOLDER = "look"
"""Inside of the folder of the results."""


def look_option(look: str | Path | None) -> Path | None:
    """The option of the method; None where there is no look yet."""
    if look is None or str(look) == AUTO:
        return None
    from tagalign.methods.looks.head import read_head

    read_head(Path(look))  # what is no look is said before a model is loaded
    return Path(look)


def look_folder(look: Path | None) -> Path | None:
    """The look that a verb was given which cannot make one on its way.

    Raises:
        InputError: for ``auto``, which needs all photos before the first answer.
    """
    # a folder that somebody named auto is a look like any other
    if look is not None and str(look) == AUTO and not look.exists():
        raise InputError(
            "--look auto is for `tagalign tag` alone, which scores the folder before it answers; make the look first "
            "(tagalign look PHOTOS --labels ... --out LOOK), then give it as --look LOOK"
        )
    return look


def refuse_auto(flags: Any) -> None:
    """Refuse what needs the look of a whole folder before it is there.

    Raises:
        InputError: naming the flag.
    """
    given = {
        "--engine ray": flags.engine == "ray",
        f"--shard {flags.shard}": flags.shard != "0/1",
        f"--threshold {flags.threshold}": (flags.threshold or "").startswith("from:"),
        "--calibrate": flags.calibrate is not None,
        f"--disagreement {flags.disagreement}": flags.disagreement is not None,
    }
    for flag, is_given in given.items():
        if is_given:
            raise InputError(
                f"--look auto waits for all photos, {flag} does not; make the look first (tagalign look), then give it as "
                "--look LOOK"
            )


def tag_with_auto_look(
    flow: Flow, spec: "JobSpec", on_row: "Callable[[str, Tagging], None] | None"
) -> tuple["PhotoRun", "Job"]:
    """Both passes. The second opens no photo; for a method that scores patches it opens those that could not be kept.

    Args:
        flow: of the verb.
        spec: what is asked, without a look.
        on_row: prints the tags of a photo.

    Returns:
        The run of tags, and its job with the look.
    """
    from tagalign.methods.looks.files import write_look
    from tagalign.tasks.folder_look.gather import gather
    from tagalign.tasks.folder_look.kept import AskedAgain, KeptPhotos
    from tagalign.tasks.folder_look.patches import sink_of
    from tagalign.tasks.folder_look.question import AskedLook, LookQuestion
    from tagalign.tasks.photos.job import Job

    question: Any = spec.question
    looking = dataclasses.replace(spec, question=LookQuestion(labels=question.labels)).open()
    if not isinstance(looking.asked, AskedLook):
        raise AssertionError("a look was asked for")
    folder, sink = flow.out / FOLDER, sink_of(looking)
    whole = looking.asked.whole
    with KeptPhotos(spill=folder) as kept:
        # what learns from patches needs them again, scores are not enough
        if whole is not looking.method:
            looking.asked.kept = kept
        names = flow.names
        first = dataclasses.replace(flow, out=folder, names=names, on_done=None, tell=None).run(
            looking.spec, looking, sink
        )
        write_look(folder, gather(looking, [first], sink))
        asked = question.put(whole.with_look(folder))
        if whole is looking.method:
            job = Job(spec=spec, asked=asked)
            return _from_scores(flow, first, job, on_row), job
        job = Job(spec=spec, asked=AskedAgain(question, asked.method, asked.labels, kept))
        return _from_patches(flow, first, job), job


def _from_patches(flow: Flow, first: "PhotoRun", job: "Job") -> "PhotoRun":
    from tagalign.tasks.photos.sinks import TagParquet

    second = _open_second(flow, first, job)
    flow.answer(job, second, TagParquet())
    return second


def _from_scores(
    flow: Flow, first: "PhotoRun", job: "Job", on_row: "Callable[[str, Tagging], None] | None"
) -> "PhotoRun":
    from tagalign.tasks.folder_look.second_pass import tag_again

    second = _open_second(flow, first, job)
    flow.record(job, None)
    question: Any = job.spec.question
    for key, tagging in tag_again(first, second, job.method, question.labels, question.threshold):
        if on_row is not None:
            on_row(key, tagging)
    return second


def _open_second(flow: Flow, first: "PhotoRun", job: "Job") -> "PhotoRun":
    from tagalign.tasks.photos.run import clear_run, open_same_photos
    from tagalign.tasks.photos.sinks import TagParquet

    # the first pass has its own folder and cleared that alone
    if flow.settings.overwrite:
        clear_run(flow.out)
    return open_same_photos(first, job.describe(), flow.out, TagParquet())
