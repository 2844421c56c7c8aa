"""A threshold per label from the clicks of a review: what a person let stand and took away says where each label begins."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagalign.errors import DataError, first_names
from tagalign.tags.same_label import same_label
from tagalign.tasks.calibration import best_f1_threshold
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.keys import path_of
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.review.clicks import Click, Clicks

FEWEST = 3
"""Photos that must have a label, and photos that must not, before its threshold is moved."""
LISTED = 5


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What some clicks teach.

    Attributes:
        per_label: from which score on a label is chosen; only labels with enough clicks.
        photos: that were scored.
        notes: what was left out and why, for people.
    """

    per_label: dict[str, float]
    photos: int
    notes: tuple[str, ...]


def learn_thresholds(job: Job, clicks: Clicks) -> Learned:
    """Score the accepted photos with the model of now, and take for each label the threshold of the highest F1.

    A photo says yes or no about the labels that it was asked for then, nothing about others. Photos that were drawn at
    random behind the doubts stand for all that were not judged: they weigh as much, else the thresholds would be those of
    doubtful photos alone.

    Raises:
        DataError: if no accepted photo is left, or none says anything about one of the labels.
    """
    accepted = [click for click in clicks.counting() if click.verdict == "accepted"]
    if not accepted:
        raise DataError(
            "no photo was accepted in this review; accept some (tagalign app --queue RESULTS) first"
        )
    names = job.labels.names
    notes = [*clicks.notes, *_unknown(accepted, names)]
    if disputed := clicks.disagreements():
        notes.append(
            f"judged more than once with different tags, the later click counts: {first_names(disputed, LISTED)}"
        )
    there = [click for click in accepted if _path(click).exists()]
    if gone := [click.photo for click in accepted if not _path(click).exists()]:
        notes.append(
            f"photos that were judged and are gone, {len(gone)}, are left out: {first_names(gone, LISTED)}"
        )
    scored, weights = [], _weights(there)
    for click, weight, answered in zip(there, weights, job.run(map(_source, there)), strict=True):
        if answered.error is None:
            scored.append((click, weight, answered.answer.scores))
        else:
            notes.append(f"left out: {answered.error}")
    if not scored:
        raise DataError(
            f"none of the {len(accepted)} accepted photos of this review can be read; " + "; ".join(notes)
        )
    per_label, kept = thresholds_of(names, scored)
    if kept:
        notes.append(f"too few clicks, the default stays: {first_names(kept, LISTED)}")
    return Learned(per_label=per_label, photos=len(scored), notes=tuple(notes))


def thresholds_of(
    names: Sequence[str], scored: Sequence[tuple[Click, float, Sequence[float]]]
) -> tuple[dict[str, float], list[str]]:
    """Thresholds of labels with enough clicks, and the other labels.

    Args:
        names: of the labels.
        scored: clicks, photos that each stands for, and the scores of the labels in its photo.
    """
    per_label, kept = dict[str, float](), list[str]()
    marks = [
        ({same_label(t) for t in click.tags}, {same_label(t) for t in click.labels}) for click, _, _ in scored
    ]
    for i, name in enumerate(names):
        own = same_label(name)
        pairs, weights = [], []
        for (_, weight, scores), (tags, asked) in zip(scored, marks, strict=True):
            if own in asked or own in tags:
                pairs.append((float(scores[i]), own in tags))
                weights.append(weight)
        positives = sum(present for _, present in pairs)
        if min(positives, len(pairs) - positives) < FEWEST:
            kept.append(f"{name} ({positives} of {len(pairs)} photos have it)")
        else:
            per_label[name] = best_f1_threshold(pairs, weights)
    return per_label, kept


def _weights(clicks: Sequence[Click]) -> list[float]:
    """Photos that each click stands for: itself, or of the draws behind the last doubt, its share of what was not judged."""
    queues = {click.queue for click in clicks if click.queue}
    if len(queues) != 1:
        return [1.0] * len(clicks)
    last = max((c.rank for c in clicks if c.drawn == "doubt" and c.rank is not None), default=-1)
    draws = [c.drawn == "random" and c.rank is not None and c.rank > last for c in clicks]
    photos = max(c.photos or 0 for c in clicks)
    rest = max(1.0, (photos - draws.count(False)) / max(1, draws.count(True)))
    return [rest if is_draw else 1.0 for is_draw in draws]


def _unknown(clicks: Sequence[Click], names: Sequence[str]) -> list[str]:
    """Labels of the clicks that are none of those of now: renamed, or of another list."""
    known = {same_label(name) for name in names}
    others = Counter(
        label for click in clicks for label in {*click.labels, *click.tags} if same_label(label) not in known
    )
    listed = [f"{label} ({count} x)" for label, count in others.most_common()]
    return (
        [f"labels of the review that are none of these, left out: {first_names(listed, LISTED)}"]
        if others
        else []
    )


def _path(click: Click) -> Path:
    """Where the photo lies, else where it would from here."""
    there = Path(path_of(click.folder)) / path_of(click.photo)
    return there if there.exists() else Path(path_of(click.photo))


def _source(click: Click) -> PhotoSource:
    return PhotoSource(path=str(_path(click)))
