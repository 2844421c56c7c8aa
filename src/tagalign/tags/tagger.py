"""The network of the distilled parser in plain numpy: tokens in, one label per token out.

All captions of a batch lie in one flat row of tokens with blanks between them; blanks are zeroed after each layer, so a
caption never sees its neighbour and batching changes nothing. The first layer is looked up per word type, not computed.
"""

import itertools
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file
from scipy.linalg.blas import sgemm

from tagalign.errors import ModelError
from tagalign.tags.alignment import LABELS

REACH = 2  # tokens that the first layer sees to either side; the number of blanks between captions
_PIECE = 64  # captions whose hidden layer stays in the processor's cache; 256 were a third slower
_MAX_TYPES = 60_000  # word types kept ready, about 2 kB each; then the cache starts anew


def word_pieces(word: str) -> tuple[str, ...]:
    """Endings, beginnings and the shape of a word: what is known about a word never seen before."""
    shape = re.sub("[a-z]+", "a", re.sub("[0-9]+", "0", word)) + "#"
    endings = (word[-1:] + "<1", word[-2:] + "<2", word[-3:] + "<3", word[-4:] + "<4")
    return (*endings, word[:2] + ">2", word[:3] + ">3", word[:4] + ">4", shape)


def piece_buckets(word: str, buckets: int) -> list[int]:
    """Rows of the table of pieces that belong to a word."""
    return [zlib.crc32(piece.encode()) % buckets for piece in word_pieces(word)]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledRow:
    """Captions in one row with blanks before, between and after them.

    Attributes:
        words: of the row; "" is a blank.
        labels: positions in ``LABELS``; 0 at blanks.
        starts: where each caption begins.
    """

    words: list[str]
    labels: Int[np.ndarray, " tokens"]
    starts: Int[np.ndarray, " captions"]


class WordTagger:
    """Labels tokens.

    ``labels = viterbi(out(relu(conv(... relu(conv(words + pieces))))))`` with a table of label transitions.

    Args:
        words: word -> row of the table of words; row 0 is the blank, row 1 an unknown word.
        weights: "words", "pieces", "conv{i}.weight" (taps, in, out), "conv{i}.bias", "out.weight", "out.bias",
            "transitions" (from, to), "first".

    Raises:
        ModelError: if a tensor is missing or does not fit.
    """

    def __init__(self, words: Mapping[str, int], weights: Mapping[str, np.ndarray]) -> None:
        self._words = dict(words)
        self._weights = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        self._layers = sum(name.endswith(".weight") and name.startswith("conv") for name in weights)
        self._check()
        self._forget()

    def __getstate__(self) -> tuple[dict[str, int], dict[str, np.ndarray]]:
        """Words and weights; what was computed from them stays behind, and a copy may have read-only arrays (Ray)."""
        return self._words, self._weights

    def __setstate__(self, state: tuple[dict[str, int], dict[str, np.ndarray]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @classmethod
    def load(cls, folder: Path) -> "WordTagger":
        """Read ``words.txt`` and ``model.safetensors``.

        Raises:
            ModelError: if a file is missing or damaged, or the tensors do not fit.
        """
        try:
            words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
            weights = load_file(folder / "model.safetensors")
        except Exception as error:
            raise ModelError(f"{folder} is not a distilled parser: {error}") from error
        return cls({word: i for i, word in enumerate(words)}, weights)

    def _check(self) -> None:
        try:
            shapes = {name: value.shape for name, value in self._weights.items()}
            width = shapes["words"][1]
            fits = (
                len(self._words) <= shapes["words"][0] and shapes["pieces"][1] == width and self._layers > 0
            )
            for i in range(self._layers):
                taps, inner, outer = shapes[f"conv{i}.weight"]
                fits &= (
                    taps % 2 == 1
                    and taps // 2 <= (REACH if i == 0 else 1)  # see `_scores`
                    and inner == width
                    and shapes[f"conv{i}.bias"] == (outer,)
                )
                width = outer
            labels = (len(LABELS),)
            fits &= shapes["out.weight"] == (width, *labels) and shapes["out.bias"] == labels
            fits &= shapes["transitions"] == labels * 2 and shapes["first"] == labels
            fits &= len(shapes) == 6 + 2 * self._layers  # nothing that would be left unused
        except (KeyError, ValueError) as error:
            raise ModelError(f"the distilled parser lacks {error}") from error
        if not fits:
            raise ModelError(f"the tensors of the distilled parser do not fit together: {shapes}")

    def label(self, captions: Sequence[Sequence[str]]) -> list[list[int]]:
        """Labels of all captions.

        Args:
            captions: tokens of each.

        Returns:
            Positions in ``LABELS``, one per token.
        """
        row = self.label_row(captions)
        flat, starts = row.labels.tolist(), row.starts.tolist()
        return [flat[start : start + len(tokens)] for start, tokens in zip(starts, captions, strict=True)]

    def label_row(self, captions: Sequence[Sequence[str]]) -> LabelledRow:
        """Labels of all captions in one row, with blanks between them."""
        lengths = np.array([len(tokens) for tokens in captions], dtype=np.int64)
        words, ids, starts = self._row(captions)
        edges = [0, *(starts[_PIECE::_PIECE] - REACH), len(ids)]
        scores = np.concatenate([self._scores(ids[a:b]) for a, b in itertools.pairwise(edges)])
        labels = viterbi(scores, starts, lengths, self._weights["transitions"], self._weights["first"])
        return LabelledRow(words=words, labels=labels, starts=starts)

    def _row(
        self, captions: Sequence[Sequence[str]]
    ) -> tuple[list[str], Int[np.ndarray, " tokens"], Int[np.ndarray, " captions"]]:
        """Words and their numbers in one row, and where each caption begins in it."""
        if len(self._types) > _MAX_TYPES:
            self._forget()
        blanks = [""] * REACH
        flat, starts = list[str](), list[int]()
        for tokens in captions:
            flat += blanks
            starts.append(len(flat))
            flat += tokens
        flat += blanks
        ids = np.fromiter(map(self._types.__getitem__, flat), dtype=np.int64, count=len(flat))
        return flat, ids, np.array(starts, dtype=np.int64)

    def _forget(self) -> None:
        self._types = _Numbers(self._learn)
        self._types[""] = 0  # the blank
        taps, _, width = self._weights["conv0.weight"].shape
        self._first_layer = np.zeros((4096, taps, width), dtype=np.float32)

    def _learn(self, word: str) -> int:
        """Compute once what a word adds to the first layer at each of its places."""
        index = len(self._types)
        if index == len(self._first_layer):
            self._first_layer = np.concatenate([self._first_layer, np.zeros_like(self._first_layer)])
        pieces = self._weights["pieces"]
        embedding = self._weights["words"][self._words.get(word, 1)] + pieces[
            piece_buckets(word, len(pieces))
        ].sum(0)
        self._first_layer[index] = embedding @ self._weights["conv0.weight"]
        return index

    def _scores(self, ids: Int[np.ndarray, " tokens"]) -> Float[np.ndarray, "tokens labels"]:
        """Scores of a part of the row; 0 at blanks.

        Later layers reach one token far and see nothing beyond their ends, so one blank between two captions is enough.
        """
        blank = ids == 0
        kept = np.flatnonzero(~(blank & np.append(blank[1:], True)))
        scores = np.zeros((len(ids), len(LABELS)), dtype=np.float32)
        if not len(kept):  # captions without a word, which BLAS would not take
            return scores
        blanks = np.flatnonzero(blank[kept])
        hidden = self._look_up(ids, kept)
        hidden[blanks] = 0
        for layer in range(1, self._layers):
            hidden += self._convolve(hidden, layer)
            hidden[blanks] = 0
        scores[kept] = hidden @ self._weights["out.weight"] + self._weights["out.bias"]
        return scores

    def _look_up(
        self, ids: Int[np.ndarray, " tokens"], kept: Int[np.ndarray, " kept"]
    ) -> Float[np.ndarray, "kept width"]:
        """The first layer at some places: what the words around each add, one row of the table for each of them."""
        _, taps, width = self._first_layer.shape
        rows = self._first_layer.reshape(-1, width)
        around = np.pad(ids, taps // 2) * taps
        # "clip": the numbers are our own, and looking for wrong ones costs a sixth of the time
        total: Float[np.ndarray, "kept width"] = rows.take(around[kept], axis=0, mode="clip")
        for tap in range(1, taps):
            total += rows.take(around[kept + tap] + tap, axis=0, mode="clip")
        total += self._weights["conv0.bias"]
        return np.maximum(total, 0, out=total)

    def _convolve(
        self, hidden: Float[np.ndarray, "tokens width"], layer: int
    ) -> Float[np.ndarray, "tokens width"]:
        """A layer with its neighbours; BLAS adds each product to the sum in place, seen transposed as it wants it."""
        weight = self._weights[f"conv{layer}.weight"]
        reach = len(weight) // 2
        total = np.empty((len(hidden), weight.shape[2]), dtype=np.float32)
        total[:] = self._weights[f"conv{layer}.bias"]
        for tap, taps_weight in enumerate(weight):
            shift = tap - reach
            source = hidden[max(0, shift) : len(hidden) + min(0, shift)]
            target = total[max(0, -shift) : len(hidden) - max(0, shift)]
            sgemm(1.0, taps_weight.T, source.T, beta=1.0, c=target.T, overwrite_c=True)
        return np.maximum(total, 0, out=total)


class _Numbers(dict[str, int]):
    """Word -> its number; a word that is met for the first time gets one from ``learn``."""

    def __init__(self, learn: Callable[[str], int]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, word: str) -> int:
        self[word] = number = self._learn(word)
        return number


def viterbi(
    scores: Float[np.ndarray, "tokens labels"],
    starts: Int[np.ndarray, " captions"],
    lengths: Int[np.ndarray, " captions"],
    transitions: Float[np.ndarray, "labels labels"],
    first: Float[np.ndarray, " labels"],
) -> Int[np.ndarray, " tokens"]:
    """The best row of labels of each caption, all captions one step at a time.

    ``max_y first[y_0] + sum_t scores[t, y_t] + sum_t transitions[y_{t-1}, y_t]``

    Args:
        scores: of every token of the flat row.
        starts: where each caption begins in it.
        lengths: tokens of each caption; may be 0.
        transitions: from one label to the next.
        first: of the first label.

    Returns:
        Labels for the flat row; 0 outside of captions.
    """
    labels = np.zeros(len(scores), dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    begin, size = starts[order], lengths[order]
    longest = int(size[0]) if len(size) else 0
    active = np.searchsorted(-size, -np.arange(longest), side="left")  # captions with more than `step` tokens
    columns = np.ascontiguousarray(scores.T)
    best = [columns[:, begin[: active[0]]] + first[:, None]] if longest else []
    for step in range(1, longest):
        n = active[step]
        through = best[-1][:, None, :n] + transitions[:, :, None]
        best.append(through.max(axis=0) + columns[:, begin[:n] + step])
    label = np.zeros(0, dtype=np.int64)
    for step in range(longest - 1, -1, -1):
        here, n = best[step], len(label)
        came = here.argmax(axis=0)  # where a caption ends; where it goes on, from its next label back
        came[:n] = (here[:, :n] + transitions[:, label]).argmax(axis=0)
        label = came
        labels[begin[: len(label)] + step] = label
    return labels
