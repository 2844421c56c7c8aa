"""The default parser: a small convolutional tagger in plain numpy, weights in the package, no download.

All captions of a batch lie in one flat row of tokens with two blanks between captions; blanks are zeroed
after each layer, so a caption never sees its neighbour and batching changes nothing.
"""

import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file

from tagalign.errors import ModelError
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tokens import tokenize

PACKAGED_MODEL = Path(__file__).parent / "models" / "distilled"

# ATR is an attribute of the next object ("red car"), ATL of one already named ("the car is red").
LABELS = ("O", "B-OBJ", "I-OBJ", "B-ATR", "I-ATR", "B-ATL", "I-ATL")
_O, _OBJ, _OBJ_IN, _ATR, _ATR_IN, _ATL, _ATL_IN = range(7)

_GAP = 2  # blank tokens between captions: the widest reach of one layer
_MAX_TYPES = 200_000  # cached word types, 64 floats each: 51 MB, then the cache starts anew
_CHUNK = 2048  # captions per pass: large enough for BLAS, small enough for the cache


def word_pieces(word: str) -> tuple[str, ...]:
    """Endings, beginnings and the shape of a word: what is known about a word never seen before."""
    shape = re.sub("[a-z]+", "a", re.sub("[0-9]+", "0", word)) + "#"
    endings = (word[-1:] + "<1", word[-2:] + "<2", word[-3:] + "<3", word[-4:] + "<4")
    return (*endings, word[:2] + ">2", word[:3] + ">3", word[:4] + ">4", shape)


class DistilledParser:
    """Objects and attributes from a trained tagger.

    Args:
        model_dir: a folder written by ``tagalign distil``; the packaged one by default.

    Raises:
        ModelError: if the folder is missing a file or a tensor, or they do not fit together.
    """

    name = "distilled"
    fields = ("objects", "attributes", "pairs")

    def __init__(self, model_dir: str | Path = PACKAGED_MODEL) -> None:
        folder = Path(model_dir)
        try:
            self._config = json.loads((folder / "config.json").read_text())
            words = (folder / "words.txt").read_text().split("\n")
            weights = load_file(folder / "model.safetensors")
            self._weights = {name: value.astype(np.float32) for name, value in weights.items()}
            self._word_ids = {word: i for i, word in enumerate(words)}
            self._num_layers = int(self._config["layers"])
        except Exception as error:
            raise ModelError(f"{folder} is not a distilled parser: {error}") from error
        self._forget_types()

    @property
    def settings(self) -> dict[str, object]:
        """Name and weight hash of the model."""
        return {"parser": self.name, "model": self._config["name"]}

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption; see ``Parser``."""
        parses = list[ParsedCaption]()
        for start in range(0, len(captions), _CHUNK):
            parses.extend(self._parse_chunk(captions[start : start + _CHUNK]))
        return parses

    def _parse_chunk(self, captions: Sequence[str]) -> list[ParsedCaption]:
        tokens = [tokenize(caption) for caption in captions]
        if len(self._type_ids) > _MAX_TYPES:
            self._forget_types()
        ids = list[int]()
        starts = list[int]()
        gap = [0] * _GAP
        type_ids = self._type_ids
        for words in tokens:
            ids += gap
            starts.append(len(ids))
            ids += [type_ids.get(word) or self._learn_type(word) for word in words]
        labels = self._label(np.array(ids + gap)).tolist()
        return [
            decode(words, labels[start : start + len(words)])
            for words, start in zip(tokens, starts, strict=True)
        ]

    def _forget_types(self) -> None:
        self._type_ids: dict[str, int] = {}
        self._types = np.zeros(
            (4096, self._weights["words"].shape[1]), dtype=np.float32
        )  # row 0 is the blank

    def _learn_type(self, word: str) -> int:
        """Embeds a word type once: its own vector (or the one of unknown words) plus those of its pieces."""
        index = len(self._type_ids) + 1
        if index == len(self._types):
            self._types = np.concatenate([self._types, np.zeros_like(self._types)])
        pieces = self._weights["pieces"]
        buckets = [zlib.crc32(piece.encode()) % len(pieces) for piece in word_pieces(word)]
        self._types[index] = self._weights["words"][self._word_ids.get(word, 1)] + pieces[buckets].sum(axis=0)
        self._type_ids[word] = index
        return index

    def _label(self, ids: Int[np.ndarray, " tokens"]) -> Int[np.ndarray, " tokens"]:
        mask = (ids > 0)[:, None]
        hidden = self._types[ids]
        for layer in range(self._num_layers):
            update = self._convolve(hidden, layer) * mask
            hidden = update if layer == 0 else hidden + update
        logits = hidden @ self._weights["out.weight"] + self._weights["out.bias"]
        labels: Int[np.ndarray, " tokens"] = logits.argmax(axis=1)
        return labels

    def _convolve(
        self, hidden: Float[np.ndarray, "tokens dim"], layer: int
    ) -> Float[np.ndarray, "tokens width"]:
        taps = self._weights[f"conv{layer}.weight"]  # (taps, dim, width)
        reach = len(taps) // 2
        padded = np.pad(hidden, ((reach, reach), (0, 0)))
        total = np.broadcast_to(self._weights[f"conv{layer}.bias"], (len(hidden), taps.shape[2])).copy()
        for offset, tap in enumerate(taps):
            total += padded[offset : offset + len(hidden)] @ tap
        return np.maximum(total, 0)


def decode(words: Sequence[str], labels: Sequence[int]) -> ParsedCaption:
    """Labels of one caption to tags and pairs.

    Args:
        words: tokens.
        labels: positions in ``LABELS``, one per token; an inside label without a beginning begins a tag.

    Returns:
        Tags in reading order. An attribute is paired with the next object, or with the last one before it
        if its label points back or no object follows.
    """
    objects, attributes = list[list[str]](), list[tuple[list[str], int, bool]]()
    previous = _O
    for word, label in zip(words, labels, strict=True):
        if label == _OBJ_IN and previous in (_OBJ, _OBJ_IN):
            objects[-1].append(word)
        elif label in (_ATR_IN, _ATL_IN) and previous > _OBJ_IN:
            attributes[-1][0].append(word)
        elif label in (_OBJ, _OBJ_IN):
            objects.append([word])
        elif label != _O:
            attributes.append(([word], len(objects), label in (_ATR, _ATR_IN)))
        previous = label
    names = [" ".join(o) for o in objects]
    pairs = list[tuple[str, str]]()
    for attribute, following, forward in attributes:
        owner = following if (forward and following < len(names)) or following == 0 else following - 1
        if owner < len(names):
            pairs.append((names[owner], " ".join(attribute)))
    return ParsedCaption(
        objects=tuple(dict.fromkeys(names)),
        attributes=tuple(dict.fromkeys(" ".join(a) for a, _, _ in attributes)),
        pairs=tuple(dict.fromkeys(pairs)),
    )
