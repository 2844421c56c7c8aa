"""The network of the distilled parser in plain numpy: tokens in, one label per token out.

All captions of a batch lie in one flat row of tokens with blanks between them; blanks are zeroed after each layer, so a
caption never sees its neighbour and batching changes nothing. The first layer is looked up per word type, not computed.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from safetensors.numpy import load_file

from tagalign.errors import ModelError
from tagalign.tags.alignment import LABELS

REACH = 2  # tokens that the first layer sees to either side; the number of blanks between captions
_MAX_TYPES = 60_000  # word types kept ready, about 2 kB each; then the cache starts anew


def word_pieces(word: str) -> tuple[str, ...]:
    """Endings, beginnings and the shape of a word: what is known about a word never seen before."""
    shape = re.sub("[a-z]+", "a", re.sub("[0-9]+", "0", word)) + "#"
    endings = (word[-1:] + "<1", word[-2:] + "<2", word[-3:] + "<3", word[-4:] + "<4")
    return (*endings, word[:2] + ">2", word[:3] + ">3", word[:4] + ">4", shape)


def piece_buckets(word: str, buckets: int) -> list[int]:
    """Rows of the table of pieces that belong to a word."""
    return [zlib.crc32(piece.encode()) % buckets for piece in word_pieces(word)]


class Tagger:
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
    def load(cls, folder: Path) -> "Tagger":
        """Reads ``words.txt`` and ``model.safetensors``.

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
                    and taps // 2 <= REACH
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
        labels, starts, lengths = self._flat(captions)
        flat = labels.tolist()
        return [flat[start : start + n] for start, n in zip(starts.tolist(), lengths.tolist(), strict=True)]

    def label_sparse(self, captions: Sequence[Sequence[str]]) -> list[tuple[list[int], list[int]]]:
        """The places of each caption's tokens whose label is not 0, and these labels; faster to walk than ``label``."""
        labels, starts, lengths = self._flat(captions)
        at = np.flatnonzero(labels)
        ends = np.searchsorted(at, starts + lengths)
        first = np.searchsorted(at, starts)
        places = (at - np.repeat(starts, ends - first)).tolist()
        marks = labels[at].tolist()
        return [(places[a:b], marks[a:b]) for a, b in zip(first.tolist(), ends.tolist(), strict=True)]

    def _flat(
        self, captions: Sequence[Sequence[str]]
    ) -> tuple[Int[np.ndarray, " tokens"], Int[np.ndarray, " captions"], Int[np.ndarray, " captions"]]:
        """Labels of the flat row of tokens, where each caption begins in it, and its length."""
        lengths = np.array([len(tokens) for tokens in captions], dtype=np.int64)
        ids, starts = self._ids(captions)
        scores = self._scores(ids)
        labels = viterbi(scores, starts, lengths, self._weights["transitions"], self._weights["first"])
        return labels, starts, lengths

    def _ids(
        self, captions: Sequence[Sequence[str]]
    ) -> tuple[Int[np.ndarray, " tokens"], Int[np.ndarray, " captions"]]:
        if len(self._types) > _MAX_TYPES:
            self._forget()
        types, blanks = self._types, [0] * REACH
        ids, starts = list[int](), list[int]()
        for tokens in captions:
            ids += blanks
            starts.append(len(ids))
            try:
                ids += [types[token] for token in tokens]
            except KeyError:
                ids += [types.get(token) or self._learn(token) for token in tokens]
        return np.array(ids + blanks, dtype=np.int64), np.array(starts, dtype=np.int64)

    def _forget(self) -> None:
        self._types: dict[str, int] = {}
        taps, _, width = self._weights["conv0.weight"].shape
        self._first_layer = np.zeros((4096, taps, width), dtype=np.float32)  # row 0 is the blank

    def _learn(self, word: str) -> int:
        """Computes once what a word adds to the first layer at each of its places."""
        index = len(self._types) + 1
        if index == len(self._first_layer):
            self._first_layer = np.concatenate([self._first_layer, np.zeros_like(self._first_layer)])
        pieces = self._weights["pieces"]
        embedding = self._weights["words"][self._words.get(word, 1)] + pieces[
            piece_buckets(word, len(pieces))
        ].sum(0)
        self._first_layer[index] = np.einsum("tio,i->to", self._weights["conv0.weight"], embedding)
        self._types[word] = index
        return index

    def _scores(self, ids: Int[np.ndarray, " tokens"]) -> Float[np.ndarray, "tokens labels"]:
        mask = ids > 0
        hidden = self._look_up(ids)
        hidden *= mask[:, None]
        for layer in range(1, self._layers):
            hidden += self._convolve(hidden, layer, mask)
        scores: Float[np.ndarray, "tokens labels"] = (
            hidden @ self._weights["out.weight"] + self._weights["out.bias"]
        )
        return scores

    def _look_up(self, ids: Int[np.ndarray, " tokens"]) -> Float[np.ndarray, "tokens width"]:
        """The first layer: the sum of what the words around each token add."""
        table = self._first_layer
        taps = table.shape[1]
        total = np.broadcast_to(self._weights["conv0.bias"], (len(ids), table.shape[2])).copy()
        for tap in range(taps):
            shift = tap - taps // 2
            if shift < 0:
                total[-shift:] += table[ids[:shift], tap]
            else:
                total[: len(ids) - shift] += table[ids[shift:], tap]
        return np.maximum(total, 0, out=total)

    def _convolve(
        self, hidden: Float[np.ndarray, "tokens width"], layer: int, mask: Bool[np.ndarray, " tokens"]
    ) -> Float[np.ndarray, "tokens width"]:
        weight = self._weights[f"conv{layer}.weight"]
        reach = len(weight) // 2
        total = hidden @ weight[reach] + self._weights[f"conv{layer}.bias"]
        for distance in range(1, reach + 1):
            total[distance:] += hidden[:-distance] @ weight[reach - distance]
            total[:-distance] += hidden[distance:] @ weight[reach + distance]
        np.maximum(total, 0, out=total)
        total *= mask[:, None]
        return total


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
    best = scores[np.minimum(begin, len(scores) - 1)] + first
    back = list[np.ndarray]()
    for step in range(1, longest):
        active = int(np.searchsorted(-size, -step, side="left"))  # captions with more than `step` tokens
        through = best[:active, :, None] + transitions
        back.append(through.argmax(axis=1))
        best[:active] = through.max(axis=1) + scores[begin[:active] + step]
    label = best.argmax(axis=1)
    for step in range(longest - 1, -1, -1):
        active = int(np.searchsorted(-size, -step, side="left"))
        labels[begin[:active] + step] = label[:active]
        if step:
            label[:active] = back[step - 1][np.arange(active), label[:active]]
    return labels
