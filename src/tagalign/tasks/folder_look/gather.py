"""From the scores of all photos to a look: moments of the parts, which add up without rounding."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError, first_names
from tagalign.methods.looks.look import Look, Photos, lay_prompts, lay_scores, photo_mark
from tagalign.methods.looks.profiles import LookProfile, look_profile
from tagalign.ops.looks.moments import Moments
from tagalign.tasks.folder_look.patches import gather_bank
from tagalign.tasks.folder_look.question import ScoreRows
from tagalign.tasks.folder_look.templates import gather_experts
from tagalign.tasks.folder_look.weighing import weigh
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.rows import read_rows, size_of
from tagalign.tasks.photos.run import PhotoRun

LEAST_PHOTOS = 2
FEW_PHOTOS = 20
"""SPARC asks for so many at least: below, a deviation is mostly chance."""
ROWS = 1000
"""Photos in memory at a time."""


def gather(job: Job, runs: Sequence[PhotoRun], sink: ScoreRows) -> Look:
    """The look of a folder whose photos were all asked.

    Args:
        job: that asked.
        runs: all shards, complete.
        sink: that wrote their parts.

    Raises:
        InputError: for fewer than two photos that could be read.
    """
    question: Any = job.spec.question
    profile = look_profile(question.profile)
    photos = Photos(count=0, mark=0)
    moments = Moments.zeros(len(question.labels))
    parts, count = [path for run in runs for path in run.parts()], len(question.labels)
    for marks, both in score_blocks(parts):
        scores = both[:, :count]
        photos += Photos(count=len(marks), mark=sum(marks) % Photos.MODULUS)
        moments += moments_of(scores, profile)
    look = Look(
        facts=job.method.look_facts(),
        labels=question.labels,
        profile=profile,
        photos=photos,
        moments=moments,
        tensors=gather_bank(runs, sink),
        experts=gather_experts(runs, sink),
    )
    check_photos(look)
    if not question.compounds:
        return look

    def laid() -> Iterator[tuple[Tensor, Tensor]]:
        for _, both in score_blocks(parts):
            own, prompts = both[:, :count], both[:, count:]
            yield lay_scores(own, profile), lay_prompts(prompts, own, profile)

    return replace(look, compounds=weigh(question.compounds, question.labels, laid, moments))


def moments_of(scores: Float[Tensor, "photos labels"], profile: LookProfile) -> Moments:
    """Moments of a tagger's own scores."""
    return Moments.of(lay_scores(scores, profile).numpy())


def score_blocks(parts: Sequence[Path]) -> Iterator[tuple[list[int], Float[Tensor, "photos labels"]]]:
    """Marks and scores of the photos of some parts, ``ROWS`` at a time."""
    marks: list[int] = []
    scores: list[Any] = []
    for row in read_rows(parts, ["key", "size", "scores"]):
        marks.append(photo_mark(str(row["key"]), size_of(row)))
        scores.append(row["scores"])
        if len(marks) == ROWS:
            yield marks, torch.from_numpy(np.array(scores, dtype=np.float32))
            marks, scores = [], []
    if marks:
        yield marks, torch.from_numpy(np.array(scores, dtype=np.float32))


def check_photos(look: Look) -> None:
    """Say what a look cannot tell.

    Raises:
        InputError: for fewer than two photos.
    """
    count, alike = look.photos.count, look.alike()
    if count < LEAST_PHOTOS:
        raise InputError(
            f"a look compares photos with each other: expected at least {LEAST_PHOTOS} that can be read, got {count}"
        )
    if count < FEW_PHOTOS:
        warnings.warn(
            f"a look at {count} photos: deviations are mostly chance below {FEW_PHOTOS}; give it more of the folder",
            stacklevel=2,
        )
    if alike:
        shown = first_names(alike, 5)
        warnings.warn(
            f"scores do not differ between the photos for {len(alike)} of {len(look.labels)} labels ({shown}): "
            "with this look they say nothing",
            stacklevel=2,
        )
