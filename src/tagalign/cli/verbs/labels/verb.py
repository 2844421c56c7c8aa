"""``tagalign labels check FILE [PHOTOS]``: can these labels be used, and can a model tell them apart?

``import`` and ``overlap`` stand in ``lists``.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.verbs.labels.settings import LabelsSettings

if TYPE_CHECKING:
    from tagalign.tags.label_words import LabelProblem
    from tagalign.types import LabelSet, Tagging

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
    from tagalign.tasks.label_check import FEW_PHOTOS, model_problems, photo_problems
    from tagalign.tasks.photos.inputs import refuse_missing
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import TagQuestion

    if settings.images:
        refuse_missing(settings.images)
    warn_tiny(settings.model)
    job = JobSpec(question=TagQuestion(labels=labels), **settings.job_facts("tag")).open()
    problems = model_problems(job.labels, job.method)
    if not settings.images:
        return problems
    taggings = list(_taggings(settings, job))
    if len(taggings) < FEW_PHOTOS:
        print(
            f"note: photos are too few to compare labels, got {len(taggings)}; give at least {FEW_PHOTOS}",
            file=sys.stderr,
        )
    return problems + photo_problems(labels, taggings, bound=settings.bound)


def _taggings(settings: LabelsSettings, job: Any) -> "Iterator[Tagging]":
    from itertools import islice

    from tagalign.tasks.photos.inputs import Inputs
    from tagalign.tasks.photos.keys import printable

    sources = islice(Inputs(items=settings.images), settings.limit)
    for answered in progress(job.run(sources), "photos"):
        if answered.error is not None:
            print(f"error: {printable(str(answered.error))}", file=sys.stderr)
            continue
        yield answered.answer


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
