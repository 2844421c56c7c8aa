"""From the rows of an evaluation to its scores; knows neither method nor images, so stored rows can be scored again.

Scores here are percent, as tables print them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from tagalign.evaluate.bootstrap import Statistic
from tagalign.evaluate.boxes import ImageBoxes, detection_scores, label_precisions
from tagalign.evaluate.captioning import caption_scores, cider, rouge_l, tokenize
from tagalign.evaluate.ranking import final_scores, owners_of, rule_of
from tagalign.evaluate.referring import ReferringScores
from tagalign.evaluate.retrieval import ranks, recall_at
from tagalign.evaluate.rows import Row
from tagalign.evaluate.segmentation import Confusion
from tagalign.evaluate.spice import NAME, mean, same_word, spice_scores
from tagalign.evaluate.statistics import map_statistic, miou_statistic, ratio_statistic
from tagalign.evaluate.tagging import (
    average_precisions,
    label_recall,
    mean_average_precision,
    precision_recall,
)
from tagalign.evaluate.vqa import vqa_accuracy
from tagalign.tags.wordnet import read_wordnet

Scoring = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one evaluation, percent.

    Attributes:
        metrics: by name; the first is the one papers report.
        per_class: one table per kind of number, by class name; absent classes are NaN.
        statistics: the metrics that an interval can be given for, as functions of drawings of the images.
    """

    metrics: dict[str, float]
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)
    statistics: dict[str, Statistic] = field(default_factory=dict)


def confusion_of(rows: Sequence[Row], num_classes: int) -> Confusion:
    """The confusion matrix of all images."""
    confusion = Confusion(num_classes)
    flat = confusion.matrix.flatten()
    for row in rows:
        cells = torch.tensor(row["cells"], dtype=torch.int64).view(-1, 2)
        flat.index_add_(0, cells[:, 0], cells[:, 1])
    confusion.matrix = flat.view(num_classes, num_classes)
    confusion.images = len(rows)
    return confusion


def score_segmentation(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """Dataset-level mIoU and its company, seen and unseen apart where the benchmark has such a split."""
    names: list[str] = list(scoring["classes"])
    confusion = confusion_of(rows, len(names))
    metrics = {
        "miou": confusion.miou(),
        "pixel_accuracy": confusion.pixel_accuracy(),
        "mean_accuracy": confusion.mean_accuracy(),
    }
    if unseen := set(scoring.get("unseen", ())):
        seen = [i for i in range(len(names)) if i not in unseen]
        metrics |= {
            "miou_seen": confusion.miou_seen(seen),
            "miou_unseen": confusion.miou_unseen(seen),
            "hiou": confusion.hiou(seen),
        }
    per_class = {"iou": confusion.iou().tolist(), "accuracy": confusion.accuracy().tolist()}
    tables = {kind: _by_name(names, values) for kind, values in per_class.items()}
    if unseen:
        tables["iou_unseen"] = {name: tables["iou"][name] for i, name in enumerate(names) if i in unseen}
    return Scores(
        metrics=_percent(metrics),
        per_class=tables,
        statistics={"miou": miou_statistic(rows, len(names))},
    )


def score_referring(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """Mean IoU over expressions, overall IoU, precision at five IoU thresholds."""
    scores = ReferringScores()
    for row in rows:
        for inside, union in row["areas"]:
            scores.add(inside, union)
    metrics = {"miou": scores.miou(), "overall_iou": scores.overall_iou()}
    metrics |= {f"precision@{t}": scores.precision(t) for t in (0.5, 0.6, 0.7, 0.8, 0.9)}
    per_row = [[inside / union if union else 1.0 for inside, union in row["areas"]] for row in rows]
    sums = [(math.fsum(values), float(len(values))) for values in per_row]
    areas = [(float(sum(a for a, _ in row["areas"])), float(sum(b for _, b in row["areas"]))) for row in rows]
    statistics = {"miou": ratio_statistic(sums), "overall_iou": ratio_statistic(areas)}
    return Scores(metrics=_percent(metrics), statistics=statistics)


def score_tagging(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """Mean average precision in both conventions, and precision, recall and F1 of the chosen tags."""
    names: list[str] = list(scoring["classes"])
    scores = torch.tensor([row["scores"] for row in rows], dtype=torch.float64).view(len(rows), len(names))
    truth = torch.tensor([row["truth"] for row in rows], dtype=torch.int64).view(len(rows), len(names))
    chosen = torch.zeros(len(rows), len(names), dtype=torch.bool)
    for line, row in enumerate(rows):
        chosen[line, row["chosen"]] = True
    precisions = average_precisions(scores, truth)
    metrics = {
        "map": mean_average_precision(precisions),
        "map_empty_as_zero": mean_average_precision(precisions, empty="zero"),
    }
    for average in ("micro", "macro"):
        found = precision_recall(chosen, truth, average=average)
        metrics |= {
            f"{average}_f1": found.f1,
            f"{average}_precision": found.precision,
            f"{average}_recall": found.recall,
        }
    per_class = {"ap": precisions.tolist(), "recall": label_recall(chosen, truth).tolist()}
    return Scores(
        metrics=_percent(metrics),
        per_class={kind: _by_name(names, values) for kind, values in per_class.items()},
        statistics={"map": map_statistic(scores.numpy(), truth.numpy())},
    )


def score_captions(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """CIDEr, BLEU, ROUGE-L and our SPICE of all images, and of each part of the set on its own."""
    spices = (
        [float(row[NAME]) for row in rows] if all(NAME in row for row in rows) else _spices(rows, scoring)
    )
    whole = _caption_metrics(rows)
    # the three of Tag2Text's Table 2 first: tables show no more
    metrics = {"cider": whole.pop("cider"), "bleu4": whole.pop("bleu4"), NAME: mean(spices), **whole}
    for domain in sorted({row["domain"] for row in rows if row.get("domain")}):
        part = _caption_metrics([row for row in rows if row["domain"] == domain])
        of_part = [value for row, value in zip(rows, spices, strict=True) if row["domain"] == domain]
        metrics |= {f"cider_{domain}": part["cider"], f"bleu4_{domain}": part["bleu4"]}
        metrics[f"{NAME}_{domain}"] = mean(of_part)
    own = [tokenize(row["caption"]) for row in rows]
    truths = [[tokenize(text) for text in row["references"]] for row in rows]
    # document frequencies stay those of all images: drawing images again must not change what a word is worth
    ciders = [(value, 1.0) for value in cider(own, truths)]
    rouges = [(rouge_l(candidate, texts), 1.0) for candidate, texts in zip(own, truths, strict=True)]
    statistics = {
        "cider": ratio_statistic(ciders),
        "rouge_l": ratio_statistic(rouges),
        NAME: ratio_statistic([(value, 1.0) for value in spices]),
    }
    return Scores(metrics=_percent(metrics), statistics=statistics)


def _spices(rows: Sequence[Row], scoring: Scoring) -> list[float]:
    """Of rows of older releases, which did not hold them; their result named the folder of synonyms."""
    wordnet = scoring.get("wordnet")
    alike = same_word if wordnet is None else read_wordnet(Path(wordnet)).alike
    return spice_scores([row["caption"] for row in rows], [row["references"] for row in rows], alike=alike)


def _caption_metrics(rows: Sequence[Row]) -> dict[str, float]:
    found = caption_scores([row["caption"] for row in rows], [row["references"] for row in rows])
    return {name: found[name] for name in ("cider", "bleu4", "rouge_l", "bleu1", "bleu2", "bleu3")}


def score_caption_tags(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """Precision and recall of the labels that captions name; the mean over labels first, as the papers print it.

    There are no scores, so no average precision. A label that no caption names has precision 0.
    """
    names: list[str] = list(scoring["classes"])
    truth = torch.tensor([row["truth"] for row in rows], dtype=torch.int64).view(len(rows), len(names))
    chosen = torch.zeros(len(rows), len(names), dtype=torch.bool)
    for line, row in enumerate(rows):
        chosen[line, row["chosen"]] = True
    metrics: dict[str, float] = {}
    averages: tuple[Literal["macro", "micro"], ...] = ("macro", "micro")
    for average in averages:
        found = precision_recall(chosen, truth, average=average)
        metrics |= {
            f"{average}_precision": found.precision,
            f"{average}_recall": found.recall,
            f"{average}_f1": found.f1,
        }
    hits = (chosen & (truth == 1)).sum(1).double().tolist()
    given = (chosen & (truth >= 0)).sum(1).double().tolist()
    present = (truth == 1).sum(1).double().tolist()
    recall = label_recall(chosen, truth).tolist()
    return Scores(
        metrics=_percent(metrics),
        per_class={"recall": _by_name(names, recall)},
        statistics={
            "micro_precision": ratio_statistic(list(zip(hits, given, strict=True))),
            "micro_recall": ratio_statistic(list(zip(hits, present, strict=True))),
        },
    )


def score_retrieval(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """Recall at 1, 5 and 10 both ways by the cosine of embeddings and what ``scoring`` names beside it.

    Ties count against the method. Intervals draw the queries again; the images and sentences that are searched stay all
    of them.
    """
    owners = owners_of(rows)
    owns = owners[None, :] == torch.arange(len(rows))[:, None]
    scores = final_scores(rows, rule_of(scoring))
    to_text, to_image = ranks(scores.to_text, owns), ranks(scores.to_image.T, owns.T)
    metrics: dict[str, float] = {}
    statistics: dict[str, Statistic] = {}
    for name, rank, owner in (("text", to_text, torch.arange(len(rows))), ("image", to_image, owners)):
        for k in (1, 5, 10):
            metrics[f"{name}_recall@{k}"] = recall_at(rank, k)
            hits = torch.zeros(len(rows), dtype=torch.float64).index_add_(0, owner, (rank <= k).double())
            pairs = list(
                zip(hits.tolist(), owner.bincount(minlength=len(rows)).double().tolist(), strict=True)
            )
            statistics[f"{name}_recall@{k}"] = ratio_statistic(pairs)
    return Scores(metrics=_percent(metrics), statistics=statistics)


def score_questions(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """VQA accuracy over questions; one person's answer makes it exact match."""
    accuracies = [
        [vqa_accuracy(answer, truths) for answer, truths in zip(row["answers"], row["truths"], strict=True)]
        for row in rows
    ]
    sums = [(math.fsum(values), float(len(values))) for values in accuracies]
    total = sum(count for _, count in sums)
    value = math.fsum(top for top, _ in sums) / total if total else math.nan
    return Scores(metrics=_percent({"accuracy": value}), statistics={"accuracy": ratio_statistic(sums)})


def score_boxes(rows: Sequence[Row], scoring: Scoring) -> Scores:
    """COCO's box AP; no interval, because drawing the images a thousand times would take hours."""
    names: list[str] = list(scoring["classes"])
    images = [_image_boxes(row) for row in rows]
    ap = label_precisions(images, len(names)).mean(1)
    metrics = detection_scores(images, len(names))
    return Scores(metrics=_percent(metrics), per_class={"ap": _by_name(names, ap.tolist())})


def _image_boxes(row: Row) -> ImageBoxes:
    found = np.asarray(row["found"], dtype=np.float64).reshape(-1, 6)
    return ImageBoxes(
        found=found[:, :4],
        scores=found[:, 4],
        found_labels=found[:, 5].astype(np.int64),
        true=np.asarray(row["boxes"], dtype=np.float64).reshape(-1, 4),
        true_labels=np.asarray(row["labels"], dtype=np.int64),
        crowd=np.asarray(row["crowd"], dtype=bool),
        areas=np.asarray(row["areas"], dtype=np.float64),
    )


def _percent(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: 100 * value for name, value in metrics.items()}


def _by_name(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Percent by class name; a name that the benchmark repeats gets its id."""
    repeated = {name for name in names if names.count(name) > 1}
    keys = [f"{name} ({i})" if name in repeated else name for i, name in enumerate(names)]
    return dict(zip(keys, (100 * value for value in values), strict=True))


SCORERS: dict[str, Callable[[Sequence[Row], Scoring], Scores]] = {
    "segmentation": score_segmentation,
    "referring": score_referring,
    "tagging": score_tagging,
    "captions": score_captions,
    "caption-tags": score_caption_tags,
    "retrieval": score_retrieval,
    "questions": score_questions,
    "boxes": score_boxes,
}
"""How the rows of each kind of benchmark are scored."""
