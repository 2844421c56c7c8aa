"""Evaluate a method on a benchmark: gather rows, score them, put intervals on the scores."""

from pathlib import Path
from typing import Any

import numpy as np

from tagalign.data.benchmarks.named_background import NamedBackground, with_background
from tagalign.data.benchmarks.records import (
    CaptionSet,
    SegmentationSet,
)
from tagalign.errors import DataError, UnknownNameError
from tagalign.evaluate.ask_dense import AskBoxes, AskReferring, AskSegmentation, fit_labels
from tagalign.evaluate.ask_retrieval import AskRetrieval, look_again
from tagalign.evaluate.ask_words import AskCaptions, AskQuestions, AskTags
from tagalign.evaluate.bootstrap import RESAMPLES, Interval, interval, resample
from tagalign.evaluate.caption_tags import AskCaptionTags
from tagalign.evaluate.engine import Asker, Gathered, Plan, gather
from tagalign.evaluate.ranking import RankingRule
from tagalign.evaluate.results import Result, now
from tagalign.evaluate.score import SCORERS, Scores
from tagalign.labels import LabelSet
from tagalign.methods.package_versions import package_versions
from tagalign.methods.protocols import Method
from tagalign.methods.table import background_is_a_name
from tagalign.private_paths import without_folders


def asker_for(
    kind: str,
    method: Method[Any],
    data: Any,
    *,
    labels: LabelSet | None = None,
    rule: RankingRule | None = None,
    wordnet: Path | None = None,
) -> Asker:
    """What asks a method about a benchmark of a kind.

    Args:
        kind: ``segmentation``, ``referring``, ``tagging``, ``captions``, ``retrieval`` (of a caption
            benchmark), ``caption-tags`` (of a tagging benchmark), ``questions`` or ``boxes``.
        method: what answers.
        data: the opened benchmark.
        labels: other words for the same classes; the benchmark's own by default.
        rule: what counts beside the cosine in retrieval; nothing by default.
        wordnet: folder of synonyms for the SPICE of captions.

    Raises:
        UnknownNameError: for another kind.
        InputError: if the labels do not fit the benchmark, or the method has not what the rule counts.
    """
    if kind in {"segmentation", "tagging", "boxes"}:
        asked = fit_labels(data.labels, labels)
        # a method that learned "background" from masks has no rule for it: it is asked by name, like any class
        if kind == "segmentation" and data.has_background and background_is_a_name(method.method):
            data, asked = NamedBackground(data), with_background(asked)
        with_labels = {"segmentation": AskSegmentation, "tagging": AskTags, "boxes": AskBoxes}
        asker: Asker = with_labels[kind](method, data, asked)
        return asker
    if kind == "caption-tags":
        # sentences choose their own words: synonyms count unless other labels are given
        return AskCaptionTags(method, data, fit_labels(data.labels, labels or data.labels))
    if kind == "retrieval":
        return AskRetrieval(method, data, rule or RankingRule())
    if kind == "captions":
        return AskCaptions(method, data, wordnet)
    plain = {"referring": AskReferring, "questions": AskQuestions}
    if kind not in plain:
        raise UnknownNameError("kind of benchmark", kind, SCORERS)
    other: Asker = plain[kind](method, data)
    return other


def summarize(
    asker: Asker,
    gathered: Gathered,
    *,
    allow_missing: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    protocol: str | None = None,
) -> Result:
    """Scores and intervals of gathered rows.

    Args:
        asker: what gathered them.
        gathered: its rows.
        allow_missing: print a number although images are missing; the result says how many.
        resamples: drawings of the images for the intervals; 0 for none.
        seed: of the drawings.
        protocol: its name, for the record.

    Raises:
        DataError: if images are missing, naming how many, unless ``allow_missing``.
    """
    counted = sum(_count(row) for row in gathered.rows)
    expected = _expected(asker, gathered)
    if not gathered.rows:
        raise DataError(f"0 of {expected or gathered.listed:,} {asker.data.unit}: nothing was measured")
    if not allow_missing:
        _refuse_smaller(asker, gathered, counted, expected)
    scores = SCORERS[asker.kind](gathered.rows, asker.scoring())
    # results are published and compared: a folder is called by its last name, settings.json has the whole path
    facts = without_folders(gathered.settings)
    # the model stands once, in a field of its own
    record = {name: value for name, value in facts.items() if name != "model"}
    return Result(
        metrics=scores.metrics,
        per_class=scores.per_class,
        intervals=_intervals(scores, len(gathered.rows), resamples, seed),
        settings=record
        | {"protocol": protocol, "resamples": resamples, "seed": seed, "allow_missing": allow_missing},
        model=dict(facts.get("model", {})),
        scoring=asker.scoring(),
        images=len(gathered.rows),
        expected=expected,
        counted=counted,
        unit=asker.data.unit,
        versions=package_versions(),
        created=now(),
    )


def _count(row: dict[str, Any]) -> int:
    """How many of the benchmark's unit a row stands for."""
    # one row is one photo; the official number of these sets counts phrases and questions
    for name in ("areas", "answers"):
        if name in row and ("phrases" in row or "questions" in row):
            return len(row[name])
    return 1


def _expected(asker: Asker, gathered: Gathered) -> int:
    """How many there should be: the official number, or with a limit what the first images hold."""
    data = asker.data
    # a limit was asked for, so the official number is no longer what there should be
    if gathered.settings.get("limit") is None and data.expected:
        return data.expected
    return sum(data.count(i) for i in range(gathered.listed))


def _refuse_smaller(asker: Asker, gathered: Gathered, counted: int, expected: int) -> None:
    if counted == expected:
        return
    first = f"; first: {gathered.failures[0][1]}" if gathered.failures else ""
    raise DataError(
        f"{asker.data.name} {asker.data.split}: {counted:,} of {expected:,} {asker.data.unit} were measured; no number is "
        f"printed over another set than the official one (--allow-missing prints it all the same){first}"
    )


def _intervals(scores: Scores, images: int, resamples: int, seed: int) -> dict[str, Interval]:
    if not resamples:
        return {}
    drawn = {
        name: resample(statistic, images, resamples=resamples, seed=seed)
        for name, statistic in scores.statistics.items()
    }
    return {name: interval(np.asarray(values)) for name, values in drawn.items()}


def evaluate(
    kind: str,
    method: Method[Any],
    data: Any,
    *,
    labels: LabelSet | None = None,
    plan: Plan | None = None,
    **options: Any,
) -> Result:
    """Ask a method about every image of a benchmark and score its answers.

    Args:
        kind: what is asked: ``segmentation``, ``referring``, ``tagging``, ``captions``,
            ``caption-tags``, ``questions`` or ``boxes``.
        method: that can answer it.
        data: a benchmark of this kind, from ``open_benchmark``.
        labels: other words for the same classes, where there are any.
        plan: batch size, workers, folder of the rows, limit.
        options: of ``summarize``.

    Raises:
        InputError: if method and benchmark do not agree about a background class.
        DataError: if images or masks are missing or damaged.
    """
    asker = asker_for(kind, method, data, labels=labels)
    return summarize(asker, gather(asker, plan or Plan()), **options)


def evaluate_segmentation(
    method: Method[Any],
    data: SegmentationSet,
    *,
    labels: LabelSet | None = None,
    plan: Plan | None = None,
    **options: Any,
) -> Result:
    """Segment every image of a benchmark and score it: mIoU, pixel and mean accuracy, seen and unseen where split.

    Args:
        method: a ``Segmenter``; with its background rule on if and only if the benchmark has a background class. One without
            such a rule that was trained with masks (``trusty``) is asked for "background" by name.
        data: from ``open_benchmark`` or ``tiny_segmentation``.
        labels: other words for the same classes.
        plan: batch size, workers, folder of the rows, limit.
        options: of ``summarize``.

    Raises:
        InputError: if method and benchmark do not agree about a background class.
        DataError: if images or masks are missing or damaged.

    Example:
        >>> import tagalign
        >>> from tagalign.data.benchmarks.tiny import tiny_segmentation
        >>> model = tagalign.load("tiny", method="clip")  # doctest: +SKIP
        >>> evaluate_segmentation(model.implementation, tiny_segmentation(scenes=8)).metrics["miou"]  # doctest: +SKIP
        7.3
    """
    return evaluate("segmentation", method, data, labels=labels, plan=plan, **options)


def evaluate_retrieval(
    method: Method[Any],
    data: CaptionSet,
    *,
    rule: RankingRule | None = None,
    plan: Plan | None = None,
    **options: Any,
) -> Result:
    """Rank the images of a benchmark for every sentence, and the sentences for every image: recall at 1, 5 and 10.

    Args:
        method: with embeddings to search with.
        data: images with sentences.
        rule: weight of shared tags, and how many of the best are looked at again; the cosine alone by default.
        plan: batch size, workers, folder of the rows, limit.
        options: of ``summarize``.

    Raises:
        InputError: if the method has no embeddings, or not what the rule counts.
    """
    asker, plan = AskRetrieval(method, data, rule or RankingRule()), plan or Plan()
    return summarize(asker, look_again(asker, gather(asker, plan), plan), **options)
