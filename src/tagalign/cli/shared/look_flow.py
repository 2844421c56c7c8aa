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
    return None if look is None or str(look) == AUTO else Path(look)


def refuse_auto(flags: Any) -> None:
    """Refuse what needs the look of a whole folder before it is there.

    Raises:
        InputError: naming the flag.
    """
    if flags.engine == "ray" or flags.shard != "0/1":
        flag = "--engine ray" if flags.engine == "ray" else f"--shard {flags.shard}"
        raise InputError(
            f"--look auto waits for all photos and cannot be cut ({flag}); make the look first (tagalign look, which takes "
            "--shard), then give it as --look LOOK"
        )


def tag_with_auto_look(
    flow: Flow, spec: "JobSpec", job: "Job", on_row: "Callable[[str, Tagging], None] | None"
) -> tuple["PhotoRun", "Job"]:
    """Both passes; the second opens no photo.

    Args:
        flow: of the verb.
        spec: what is asked, without a look.
        job: the same, opened.
        on_row: prints the tags of a photo.

    Returns:
        The run of tags, and its job with the look.
    """
    from tagalign.methods.looks.files import write_look
    from tagalign.tasks.folder_look.gather import gather
    from tagalign.tasks.folder_look.question import LookQuestion, ScoreRows
    from tagalign.tasks.photos.job import Job
    from tagalign.tasks.photos.run import clear_run, open_run
    from tagalign.tasks.photos.sinks import TagRows

    question: Any = spec.question
    asked = LookQuestion(labels=question.labels)
    first_spec = dataclasses.replace(spec, question=asked)
    first_job = Job(spec=first_spec, asked=asked.put(job.method))
    folder = flow.out / FOLDER
    first = dataclasses.replace(flow, out=folder, on_done=None).run(first_spec, first_job, ScoreRows())
    write_look(folder, gather(first_job, [first]))
    method = job.method.with_look(folder)
    tag_job = Job(spec=spec, asked=question.put(method))
    if flow.flags.overwrite:
        clear_run(flow.out)
    inputs = _same_photos(flow, first)
    second = open_run(tag_job.describe(), inputs, flow.out, TagRows(), part_size=flow.flags.part_size)
    _tag(flow, first, second, tag_job, on_row)
    return second, tag_job


def _same_photos(flow: Flow, first: "PhotoRun") -> Any:
    from tagalign.tasks.folder_look.second_pass import SamePhotos

    return SamePhotos(items=flow.images, results=flow.out, manifest=first.manifest.path)


def _tag(flow: Flow, first: "PhotoRun", second: "PhotoRun", job: "Job", on_row: Any) -> None:
    from tagalign.tasks.folder_look.second_pass import tag_again

    question: Any = job.spec.question
    flow.record(job, None)
    for key, tagging in tag_again(first, second, job.method, question.labels, question.threshold):
        if on_row is not None:
            on_row(key, tagging)
