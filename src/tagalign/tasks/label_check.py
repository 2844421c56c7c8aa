"""What a model and a folder of photos say about labels: unknown words, labels that cannot be told apart, labels of no photo.

What the words alone show is found in ``tags.label_words``; all of it is listed by ``tagalign labels check``.
"""

from collections.abc import Iterable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import Backbone
from tagalign.labels import LabelSet
from tagalign.methods.label_rows import mean_rows
from tagalign.tags.label_words import LabelProblem, ProblemKind
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.rows import read_rows
from tagalign.tasks.photos.run import PhotoRun, open_run
from tagalign.tasks.photos.sinks import TagParquet
from tagalign.types import EncodedLabels, Tagging

ALIKE_TEXT = 0.98
"""Cosine of two labels' texts from which a model reads them nearly the same; unlike words of CLIP have about 0.8."""
ALIKE_SCORES = 0.95
"""Correlation of the scores of two labels over the photos from which nobody can tell them apart here."""
FEW_PHOTOS = 20
"""Below, a correlation is mostly chance, and a label of no photo says nothing."""
PIECE_LETTERS = 2.0
"""Letters per piece up to which a tokenizer spells a word instead of knowing it."""
LEAST_LETTERS = 5
ROWS = 1024
"""Labels compared with all others at a time: 10,000 labels need 40 MB."""
MOST_PAIRS = 200


@runtime_checkable
class OnBackbone(Protocol):
    """A method that reads labels through the tokenizer of an encoder."""

    backbone: Backbone


def model_problems(labels: EncodedLabels, method: Any) -> list[LabelProblem]:
    """Words that the tokenizer only spells, and labels whose texts are nearly one."""
    found = (
        list(_unknown_words(labels.label_set, method.backbone.tokenizer))
        if isinstance(method, OnBackbone)
        else []
    )
    text = mean_rows(labels.embeds.float().cpu(), labels.owners.cpu(), len(labels.names))
    pairs = _likest(F.normalize(text, dim=-1), ALIKE_TEXT)
    return [
        *found,
        *(_alike(labels.names, i, j, value, "reads", "nearly alike (cosine") for value, i, j in pairs),
    ]


def _unknown_words(labels: LabelSet, tokenizer: Any) -> Iterator[LabelProblem]:
    words = {
        word: label.name
        for label in labels.labels
        for name in (label.name, *label.aliases, *label.negatives)
        for word in name.split()
        if len(word) >= LEAST_LETTERS
    }
    for word, label in words.items():
        pieces = _pieces(tokenizer, word)
        if len(word) / max(pieces, 1) <= PIECE_LETTERS:
            yield LabelProblem(
                kind="unknown-word",
                labels=(label,),
                text=f"{word!r} is no word that this model learned: it reads {pieces} pieces of it; take a commoner word",
            )


def _pieces(tokenizer: Any, word: str) -> int:
    """Tokens of a word beside the marks of the text, whatever pads it."""
    marks = {tokenizer.start_id, tokenizer.eos_id, tokenizer.pad_id}
    return sum(token not in marks for token in tokenizer([word])[0].tolist())


def open_check(job: Job, inputs: Inputs, folder: Path, *, most: int, part_size: int) -> PhotoRun:
    """Begin the run that asks photos about the labels, or go on with one that stopped.

    Args:
        job: that asks for tags.
        inputs: the photos.
        folder: of the results.
        most: photos at most, the first ones.
        part_size: photos per part.

    Raises:
        InputError: if the folder holds another run, or the inputs mean no photo.
    """
    numbers = count()
    return open_run(
        {**job.describe(), "photos": most},
        inputs,
        folder,
        TagParquet(),
        part_size=part_size,
        keep=lambda source: next(numbers) < most,
    )


def taggings_of(run: PhotoRun, labels: LabelSet) -> Iterator[Tagging]:
    """The answers of a run to ``labels``."""
    ids = {name: i for i, name in enumerate(labels.names)}
    for row in read_rows(run.parts(), ["tags", "scores"]):
        scores: Any = row["scores"]
        chosen = tuple(ids[name] for name in row["tags"])  # type: ignore[attr-defined]
        yield Tagging(names=labels.names, scores=tuple(scores), chosen=chosen)


def photo_problems(
    labels: LabelSet, taggings: Iterable[Tagging], *, bound: float = ALIKE_SCORES
) -> list[LabelProblem]:
    """Labels that no photo has, and pairs whose scores rise and fall together.

    Args:
        labels: that were asked.
        taggings: of the photos; below ``FEW_PHOTOS`` they say nothing.
        bound: of the correlation.
    """
    rows, present = list[Tensor](), [0] * len(labels)
    for tagging in taggings:
        rows.append(torch.tensor(tagging.scores, dtype=torch.float32))
        for i in tagging.chosen:
            present[i] += 1
    if len(rows) < FEW_PHOTOS:
        return []
    missing = [
        LabelProblem(
            kind="not-here",
            labels=(name,),
            text=f"{name!r} came out in none of {len(rows)} photos; leave it out, or try another word for it",
        )
        for name, count in zip(labels.names, present, strict=True)
        if not count
    ]
    pairs = _likest(_standard(torch.stack(rows)), bound)
    return [
        *(_alike(labels.names, i, j, v, "scores", "alike on these photos (correlation") for v, i, j in pairs),
        *missing,
    ]


def _standard(scores: Float[Tensor, "photos labels"]) -> Float[Tensor, "labels photos"]:
    """Unit vectors whose products are correlations of the logarithms; 0 for a label whose score never changes."""
    # logarithms: scores of a softmax differ by powers of ten, and as they are the few high ones alone would decide
    laid = scores.clamp_min(1e-8).log()
    centred = (laid - laid.mean(dim=0)).T
    return torch.where(centred.norm(dim=1, keepdim=True) > 1e-5, F.normalize(centred, dim=1), 0.0)


def _likest(unit: Float[Tensor, "labels dim"], bound: float) -> list[tuple[float, int, int]]:
    """Pairs whose product is at least ``bound``, likest first, at most ``MOST_PAIRS``."""
    found = list[tuple[float, int, int]]()
    for start, stop in pairwise([*range(0, len(unit), ROWS), len(unit)]):
        products = (unit[start:stop] @ unit.T).triu(diagonal=start + 1)
        rows, columns = (products >= bound).nonzero(as_tuple=True)
        values = products[rows, columns]
        best = values.argsort(descending=True, stable=True)[:MOST_PAIRS]
        found += [(float(values[k]), start + int(rows[k]), int(columns[k])) for k in best]
    return sorted(found, key=lambda pair: (-pair[0], pair[1], pair[2]))[:MOST_PAIRS]


def _alike(names: tuple[str, ...], i: int, j: int, value: float, verb: str, how: str) -> LabelProblem:
    kind: ProblemKind = "alike"
    return LabelProblem(
        kind=kind,
        labels=(names[i], names[j]),
        text=f"this model {verb} {names[i]!r} and {names[j]!r} {how} {value:.2f}); keep one, or name them further apart",
    )
