"""``tagalign labels check FILE [PHOTOS]``: can these labels be used, and can a model tell them apart?

``import`` and ``overlap`` stand in ``lists``.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.verbs.labels.settings import LabelsSettings

if TYPE_CHECKING:
    from tagalign.labels import LabelSet
    from tagalign.tags.label_words import LabelProblem
    from tagalign.tasks.photos.job import Job
    from tagalign.types import Tagging

KINDS = {
    "repeated": "twice",
    "synonym-of-two": "two labels",
    "own-negative": "excludes itself",
    "groups": "groups",
    "negative-is-label": "excluded label",
    "plural": "one word",
    "unknown-word": "unknown word",
    "alike": "alike",
    "not-here": "no photo",
}
"""What each kind of problem is called in the table."""


def run(settings: LabelsSettings) -> int:
    """Check, import or compare."""
    if settings.action == "check":
        return _check(settings)
    from tagalign.cli.verbs.labels.lists import import_list, print_overlap

    return import_list(settings) if settings.action == "import" else print_overlap(settings)


def _check(settings: LabelsSettings) -> int:
    """Look at the words, then at the model, then at the photos; a list that is refused ends with the words."""
    from tagalign.tags.label_sets import read_label_set
    from tagalign.tags.label_words import word_problems

    labels, _ = read_label_set(settings.labels)
    problems = word_problems(labels)
    is_refused = any(problem.refused for problem in problems)
    # a list that will be refused would be encoded for nothing
    if not is_refused and settings.model:
        problems += _asked(settings, labels)
    for problem in problems:
        _print(settings, problem)
    refused = sum(problem.refused for problem in problems)
    tail = f", {refused} of them to be mended before it can be used" if refused else ""
    print(f"{counted(len(labels), 'label')}: {counted(len(problems), 'problem')}{tail}", file=sys.stderr)
    if is_refused and settings.model:
        print(f"note: {settings.model} was not asked; mend the list, then check again", file=sys.stderr)
    return 2 if is_refused else 0


def _asked(settings: LabelsSettings, labels: "LabelSet") -> "list[LabelProblem]":
    from tagalign.tasks.photos.inputs import refuse_missing

    if settings.images:
        refuse_missing(settings.images)
    facts = settings.job_facts("tag")
    warn_tiny(settings.model)
    from tagalign.tasks.label_check import FEW_PHOTOS, model_problems, photo_problems
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import TagQuestion

    job = JobSpec(question=TagQuestion(labels=labels), **facts).open()
    problems = model_problems(job.labels, job.method)
    if not settings.images:
        return problems
    with _folder(settings.out) as folder:
        taggings = list(_taggings(settings, job, folder))
    if len(taggings) < FEW_PHOTOS:
        print(
            f"note: photos are too few to compare labels, got {len(taggings)}; give at least {FEW_PHOTOS}",
            file=sys.stderr,
        )
    return problems + photo_problems(labels, taggings, bound=settings.bound)


@contextmanager
def _folder(out: Path | None) -> "Iterator[Path]":
    """Where the answers of the photos are kept: for good, or while the check runs."""
    if out is not None:
        yield out
        return
    with TemporaryDirectory(prefix="tagalign-check-") as folder:
        yield Path(folder)


def _taggings(settings: LabelsSettings, job: "Job", folder: Path) -> "Iterator[Tagging]":
    """Ask the photos that were not asked before, then read all answers."""
    from tagalign.tasks.label_check import open_check, taggings_of
    from tagalign.tasks.photos.inputs import Inputs, standard_input
    from tagalign.tasks.photos.keys import printable
    from tagalign.tasks.photos.run import answer_run, clear_run, close_run
    from tagalign.tasks.photos.sinks import TagParquet

    if settings.overwrite:
        clear_run(folder)
    inputs = Inputs(items=settings.images, lines=standard_input(), results=folder)
    run = open_check(job, inputs, folder, most=settings.limit, part_size=settings.part_size)
    before = sum(run.done())
    if before:
        print(f"{before} of {counted(run.manifest.count, 'photo')} done before", file=sys.stderr)
    for answered in progress(answer_run(run, job, TagParquet()), "photos", total=run.manifest.count - before):
        if answered.error is not None:
            print(f"error: {printable(str(answered.error))}", file=sys.stderr)
    close_run(run)
    yield from taggings_of(run, job.labels.label_set)


def _print(settings: LabelsSettings, problem: "LabelProblem") -> None:
    if settings.json:
        print_json(
            {
                "kind": problem.kind,
                "labels": list(problem.labels),
                "refused": problem.refused,
                "text": problem.text,
            }
        )
        return
    print(f"{'!' if problem.refused else ' '} {KINDS[problem.kind]:<16}{problem.text}")
