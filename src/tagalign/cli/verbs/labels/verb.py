"""``tagalign labels check FILE [PHOTOS]``: can these labels be used, and can a model tell them apart?"""

import dataclasses
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import counted, print_json
from tagalign.errors import InputError

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelsSettings(ModelFlags):
    """Check a list of labels before it is used.

    Lists labels that stand twice, words that stand for two labels or exclude their own, forms of one word, groups in a
    circle; with --model also words it does not know and labels it reads alike; with photos also labels whose scores rise
    and fall together there, and labels of no photo. Exit code 2 where the list would be refused, else 0.
    Example: tagalign labels check labels.txt photos/ --model openai/clip-vit-base-patch16
    """

    action: Annotated[Literal["check"], tyro.conf.Positional]
    """`check`."""
    labels: Annotated[str, tyro.conf.Positional]
    """A label file (.txt, .csv, .tsv, .json), names with commas, or the name of a benchmark's list."""
    images: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Files, folders, glob patterns, lists of paths (.txt) or tars to ask about them."""
    bound: float = 0.95
    """Labels whose scores correlate at least so much over the photos are alike."""
    photos: int = 1000
    """At most so many photos, the first ones."""
    json: bool = False
    """Print one JSON object per problem on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.bound <= 1:
            raise InputError(f"--bound must be above 0 and at most 1, got {self.bound:g}")
        if self.photos < 1:
            raise InputError(f"--photos must be at least 1, got {self.photos}")
        for flag in ("bound", "photos"):
            if not self.images and getattr(self, flag) != getattr(LabelsSettings, flag):
                raise InputError(f"--{flag} is about photos; give some behind the labels, or leave it out")

    def auto_model(self) -> str:
        """Without photos and a model by name none is opened: words are looked at without a download."""
        return super().auto_model() if self.images else ""


def run(settings: LabelsSettings) -> int:
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

    sources = islice(Inputs(items=settings.images), settings.photos)
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
