"""The default parser: a small tagger trained on another parser's output. Weights in the package, no download."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tagalign.errors import ModelError
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.spans import decode_row
from tagalign.tags.tagger import LabelledRow, WordTagger
from tagalign.tags.tokens import tokenize
from tagalign.tags.words import word_set

PACKAGED_MODEL = Path(__file__).parent / "models" / "distilled"
FORMAT = 1

_CHUNK = 1024  # captions per pass
_MAX_CLEANED = 200_000  # tags kept ready

Rewrites = Mapping[tuple[str, str], str]
"""``(kind, words in the caption) -> tag``: what the teacher calls by another name, e.g. "cell phone" -> "cellphone"."""


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
        self._tagger = WordTagger.load(folder)
        self._rewrites = load_rewrites(folder / "rewrites.tsv")
        self._cleaners = _cleaners(self._rewrites)
        self._hash = model_hash(folder)

    @property
    def settings(self) -> dict[str, object]:
        """Name and hash of the model."""
        return {"parser": self.name, "model": self._hash}

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption; see ``Parser``."""
        found = list[ParsedCaption]()
        for start in range(0, len(captions), _CHUNK):
            tokens = [tokenize(caption) for caption in captions[start : start + _CHUNK]]
            found += decode_row(self._tagger.label_row(tokens), *self._cleaners)
        return found

    def label_tokens(self, captions: Sequence[str]) -> list[tuple[list[str], list[int]]]:
        """Tokens of each caption, and a position in ``alignment.LABELS`` for each of them."""
        found = list[tuple[list[str], list[int]]]()
        for start in range(0, len(captions), _CHUNK):
            tokens = [tokenize(caption) for caption in captions[start : start + _CHUNK]]
            found.extend(zip(tokens, self._tagger.label(tokens), strict=True))
        return found

    def decode(self, tokens: Sequence[str], labels: Sequence[int]) -> ParsedCaption:
        """Labels of one caption to tags; see ``decode``."""
        return decode(tokens, labels, self._rewrites)


def decode(tokens: Sequence[str], labels: Sequence[int], rewrites: Rewrites | None = None) -> ParsedCaption:
    """Labels of one caption to tags and pairs.

    Args:
        tokens: of the caption.
        labels: positions in ``alignment.LABELS``; an inside label without a beginning begins a tag.
        rewrites: names that replace the caption's words.

    Returns:
        Tags in reading order. An attribute is paired with the next object, or with the last one before it if its
        label points back or no object follows.
    """
    row = LabelledRow(
        words=list(tokens), labels=np.array(labels, dtype=np.int64), starts=np.zeros(1, dtype=np.int64)
    )
    return decode_row(row, *_cleaners(rewrites or {}))[0]


class _Cleaner(dict[str, str]):
    """A tag in the caption's words -> the tag: trimmed, then by its other name; "" for what is no tag. A cache."""

    def __init__(self, kind: str, rewrites: Rewrites) -> None:
        super().__init__()
        self._kind, self._rewrites = kind, rewrites

    def __missing__(self, words: str) -> str:
        if len(self) > _MAX_CLEANED:
            self.clear()
        tag = trim(words, head=self._kind == "object")
        self[words] = tag = self._rewrites.get((self._kind, tag), tag)
        return tag


def _cleaners(rewrites: Rewrites) -> tuple[_Cleaner, _Cleaner]:
    return _Cleaner("object", rewrites), _Cleaner("attribute", rewrites)


def trim(tag: str, *, head: bool = False) -> str:
    """A tag without marks, and without function words at its ends.

    Args:
        tag: tokens of a caption, joined by blanks.
        head: the last word must be able to name a thing; verb forms and adjectives that cannot go too.

    Example:
        >>> trim("double - glazed"), trim("city will"), trim("of"), trim("road performs", head=True)
        ('double glazed', 'city', '', 'road')
    """
    words = [word for word in tag.split(" ") if word[0].isalnum()]
    closed = word_set("closed")
    last = closed | word_set("not_heads") if head else closed
    while words and words[-1] in last:
        words.pop()
    while words and words[0] in closed:
        words.pop(0)
    return " ".join(words)


def load_rewrites(path: Path) -> dict[tuple[str, str], str]:
    """Read lines of ``kind, words, tag``; no file means no rewrites.

    Raises:
        ModelError: if a line is malformed.
    """
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if any(len(row) != 3 for row in rows):
        raise ModelError(f"{path}: every line must be kind<TAB>words<TAB>tag")
    return {(kind, words): tag for kind, words, tag in rows}


def model_hash(folder: Path) -> str:
    """A hash of everything that changes what a model folder finds.

    Raises:
        ModelError: for a folder of another version, or a damaged one.
    """
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "rewrites.tsv", "words.txt"):
        path = folder / name
        digest.update(path.read_bytes() if path.exists() else b"")
    try:
        if json.loads((folder / "config.json").read_text(encoding="utf-8"))["format"] != FORMAT:
            raise ModelError(f"{folder} was written by another version of tagalign; distil it again")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}/config.json is missing or damaged: {error}") from error
    return digest.hexdigest()[:12]
