"""Scores of a frozen tagger by the key of a pair: a folder that ``tagalign tag`` wrote about the photos of the pairs.

A photo is named by its path there and by its own key in a file of pairs, so keys meet in one of a few forms, which is found
by looking at some pairs. Of each photo the best labels alone are kept: 8 bytes each, and 8 bytes a key.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float, Int

from tagalign.data.batches import FeatureBatch
from tagalign.data.pair_records import ShardRef
from tagalign.data.tag_join import FEW, some_keys
from tagalign.errors import DataError, InputError
from tagalign.ops.distillation import best_scores
from tagalign.ops.tag_rows import TagRows
from tagalign.tags.row_hashes import key_hash
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.tasks.photos.result_labels import result_names

PhotoHashes = Int[np.ndarray, " photos"]
ROWS = 1000

KEY_FORMS: Mapping[str, Callable[[str], str]] = {
    "path": lambda key: key,
    "path without ending": lambda key: os.path.splitext(key)[0],  # noqa: PTH122 (a key is no path)
    "file name": lambda key: key.rpartition("/")[2],
    "file name without ending": lambda key: os.path.splitext(key.rpartition("/")[2])[0],  # noqa: PTH122
}
"""What of a photo's path may be the key of its pair; the most exact first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TeacherScores:
    """What a tagger says of photos, the labels of one kind beside each other.

    Attributes:
        names: of the labels.
        parts: numbers of labels of each kind, in the order of ``names``; their sum is the number of names.
        hashes: of the keys, ascending.
        indptr: photo ``i`` owns ``labels[indptr[i]:indptr[i + 1]]``.
        labels: numbers of the best labels, ascending within a photo.
        scores: theirs, above 0.
    """

    names: tuple[str, ...]
    parts: tuple[int, ...]
    hashes: PhotoHashes
    indptr: Int[np.ndarray, " photos_plus_1"]
    labels: Int[np.ndarray, " entries"]
    scores: Float[np.ndarray, " entries"]

    def __len__(self) -> int:
        return len(self.hashes)

    def rows(self, keys: Sequence[str]) -> TagRows:
        """The scores of some pairs as weighted tags; a pair that the tagger did not see has none."""
        found = [self._row(key) for key in keys]
        counts = torch.tensor([len(labels) for labels, _ in found], dtype=torch.int64)
        return TagRows(
            images=torch.arange(len(keys)).repeat_interleave(counts),
            tags=torch.from_numpy(_joined([labels for labels, _ in found], np.int64)),
            num_images=len(keys),
            weights=torch.from_numpy(_joined([scores for _, scores in found], np.float32)),
        )

    def _row(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        wanted = key_hash(key)
        place = int(np.searchsorted(self.hashes, wanted))
        if place == len(self.hashes) or int(self.hashes[place]) != wanted:
            return self.labels[:0], self.scores[:0]
        span = slice(int(self.indptr[place]), int(self.indptr[place + 1]))
        return self.labels[span], self.scores[span]

    @cached_property
    def mark(self) -> str:
        """16 hex digits of all of it: a resumed run needs the same."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for array in (np.array(self.parts), self.hashes, self.indptr, self.labels, self.scores):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def taught(batch: FeatureBatch, teacher: TeacherScores | None) -> FeatureBatch:
    """A batch with the tagger's scores of its pairs, where its features are; itself without a tagger.

    Raises:
        InputError: for a batch whose pairs have no keys.
    """
    if teacher is None:
        return batch
    if len(batch.keys) != len(batch):
        raise InputError(
            "scores of a tagger are joined by key, and these pairs have none; give pairs with keys"
        )
    return replace(batch, teacher=teacher.rows(batch.keys).to(batch.features.device))


def _joined(parts: Sequence[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)


def load_teacher(
    folder: str | Path, refs: Sequence[ShardRef], *, top: int, vocabulary: TagVocabulary | None = None
) -> TeacherScores:
    """The scores of a folder that ``tagalign tag`` wrote, by the keys of pairs.

    Args:
        folder: with ``settings.json``, which names the labels, and ``tags/part-*.parquet``.
        refs: the pairs that are trained on; some of their keys are looked at.
        top: labels that are kept of a photo.
        vocabulary: a label that it holds as an attribute alone is one; others are objects.

    Raises:
        DataError: if the folder has no scores of tags or damaged ones, a score is negative, few keys are of pairs, or
            two photos share the key of a pair.
    """
    folder = Path(folder)
    names = result_names(folder)
    order, parts = _by_kind(names, vocabulary)
    hashes: dict[str, list[np.ndarray]] = {form: [] for form in KEY_FORMS}
    lengths, labels, scores = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    examples = list[str]()
    for keys, table in _blocks(folder, len(names)):
        examples += keys[: 3 - len(examples)]
        for form, of in KEY_FORMS.items():
            hashes[form].append(np.fromiter((key_hash(of(key)) for key in keys), np.int64, len(keys)))
        best = best_scores(torch.from_numpy(table[:, order]), top=top)
        lengths.append(np.bincount(best.images.numpy(), minlength=len(keys)))
        labels.append(best.tags.numpy().astype(np.int32))
        scores.append(best.weights.numpy() if best.weights is not None else np.zeros(0, np.float32))
    if not examples:
        raise DataError(f"{folder}: no row of tags in it; give a folder that tagalign tag wrote")
    chosen = _chosen_form(
        {form: np.concatenate(part) for form, part in hashes.items()}, refs, folder, examples
    )
    places = np.argsort(chosen, kind="stable")
    indptr, entries = _reordered(np.concatenate(lengths), places)
    return TeacherScores(
        names=tuple(names[i] for i in order),
        parts=parts,
        hashes=chosen[places],
        indptr=indptr,
        labels=np.concatenate(labels)[entries],
        scores=np.concatenate(scores)[entries],
    )


def _reordered(lengths: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row pointers after rows of these lengths are put in another order, and where each entry stood before."""
    starts = (np.cumsum(lengths) - lengths)[places]
    indptr = np.concatenate([[0], np.cumsum(lengths[places])]).astype(np.int64)
    return indptr, np.repeat(starts - indptr[:-1], lengths[places]) + np.arange(indptr[-1])


def _by_kind(names: Sequence[str], vocabulary: TagVocabulary | None) -> tuple[list[int], tuple[int, ...]]:
    """The labels with attributes last, and how many there are of both; one part where one kind alone occurs."""
    ids = {} if vocabulary is None else vocabulary.ids
    traits = [i for i, name in enumerate(names) if ("attribute", name) in ids and ("object", name) not in ids]
    things = [i for i in range(len(names)) if i not in set(traits)]
    return [*things, *traits], tuple(len(part) for part in (things, traits) if part)


def _blocks(folder: Path, count: int) -> Iterator[tuple[list[str], np.ndarray]]:
    """Keys and the scores of all labels, a thousand photos at a time."""
    for path in sorted((folder / "tags").glob("part-*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=ROWS, columns=["key", "scores"]):
                    keys, lists = batch.column("key").to_pylist(), batch.column("scores")
                    flat = np.asarray(lists.flatten(), dtype=np.float32)
                    if (
                        len(flat) != len(keys) * count
                        or not np.isfinite(flat).all()
                        or flat.min(initial=0) < 0
                    ):
                        raise DataError(
                            f"{path}: expected {count} scores of at least 0 for every photo, as many as settings.json has "
                            "labels; tag the photos again, with a method whose scores are probabilities"
                        )
                    yield keys, flat.reshape(len(keys), count)
        except (OSError, KeyError, pa.ArrowException) as error:
            raise DataError(f"{path}: not a part of what tagalign tag writes ({error})") from error


def _chosen_form(
    hashes: Mapping[str, PhotoHashes], refs: Sequence[ShardRef], folder: Path, examples: Iterable[str]
) -> PhotoHashes:
    """The hashes of the form in which most pairs that are looked at are found; the first of equal ones."""
    keys = some_keys(refs)
    wanted = np.fromiter(map(key_hash, keys), np.int64, len(keys))
    found = {form: int(np.isin(wanted, own).sum()) for form, own in hashes.items()}
    form = max(found, key=lambda name: found[name])
    if found[form] < FEW * len(keys):
        raise DataError(
            f"{folder}: holds scores of {found[form]} of {len(keys)} pairs that were looked at; their keys are like "
            f"{', '.join(map(repr, keys[:3]))}, its photos are {', '.join(map(repr, examples))}; tag these pairs' photos"
        )
    if len(np.unique(hashes[form])) < len(hashes[form]):
        raise DataError(f"{folder}: two photos have one key ({form}); give pairs whose keys are their paths")
    return hashes[form]
