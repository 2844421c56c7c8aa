"""The default parser: a small tagger trained on another parser's output. Weights in the package, no download."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from tagalign.errors import ModelError
from tagalign.tags.alignment import LEFT, OBJECT, OBJECT_IN, OUT, RIGHT
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tagger import Tagger
from tagalign.tags.tokens import tokenize
from tagalign.tags.words import word_set

PACKAGED_MODEL = Path(__file__).parent / "models" / "distilled"
FORMAT = 1

_CHUNK = 256  # captions per pass: large enough for BLAS, small enough for the cache (1024 was a fifth slower)

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
        self._tagger = Tagger.load(folder)
        self._rewrites = load_rewrites(folder / "rewrites.tsv")
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
            marked = self._tagger.label_sparse(tokens)
            found += [_decode(words, *one, self._rewrites) for words, one in zip(tokens, marked, strict=True)]
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
    places = [i for i, label in enumerate(labels) if label]
    return _decode(tokens, places, [labels[i] for i in places], rewrites)


def _decode(
    tokens: Sequence[str], places: Sequence[int], labels: Sequence[int], rewrites: Rewrites | None
) -> ParsedCaption:
    """``decode`` for the tokens that have a label, at ``places``; most have none."""
    objects, attributes = list[str](), list[tuple[str, int, bool]]()
    previous, last = OUT, -2
    for i, label in zip(places, labels, strict=True):
        token = tokens[i]
        if i > last + 1:
            previous = OUT
        if label == OBJECT_IN and previous in (OBJECT, OBJECT_IN):
            objects[-1] = f"{objects[-1]} {token}"
        elif label <= OBJECT_IN:
            objects.append(token)
        elif label not in (RIGHT, LEFT) and previous > OBJECT_IN:
            words, place, forward = attributes[-1]
            attributes[-1] = (f"{words} {token}", place, forward)
        else:
            attributes.append((token, len(objects), label < LEFT))
        previous, last = label, i
    objects, attributes = _trimmed(objects, attributes)
    if rewrites:
        objects = [rewrites.get(("object", name), name) for name in objects]
        attributes = [
            (rewrites.get(("attribute", name), name), place, forward) for name, place, forward in attributes
        ]
    return ParsedCaption(
        objects=tuple(dict.fromkeys(objects)),
        attributes=tuple(dict.fromkeys([name for name, _, _ in attributes])),
        pairs=_pairs(objects, attributes) if attributes and objects else (),
    )


def _trimmed(
    objects: list[str], attributes: list[tuple[str, int, bool]]
) -> tuple[list[str], list[tuple[str, int, bool]]]:
    """Without marks and without function words at the ends of tags; what has no other words is no tag."""
    names = [trim(name, head=True) for name in objects]
    if attributes:
        attributes = [(trim(name), place, forward) for name, place, forward in attributes]
    if all(names):
        return names, [attribute for attribute in attributes if attribute[0]]
    kept = [sum(map(bool, names[:i])) for i in range(len(names) + 1)]  # places among the objects that stay
    moved = [(name, kept[place], forward) for name, place, forward in attributes if name]
    return [name for name in names if name], moved


@lru_cache(maxsize=200_000)
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


def _pairs(
    objects: Sequence[str], attributes: Sequence[tuple[str, int, bool]]
) -> tuple[tuple[str, str], ...]:
    pairs = dict[tuple[str, str], None]()
    for name, place, forward in attributes:
        owner = place if (forward and place < len(objects)) or place == 0 else place - 1
        pairs[objects[owner], name] = None
    return tuple(pairs)


def load_rewrites(path: Path) -> dict[tuple[str, str], str]:
    """Reads lines of ``kind, words, tag``; no file means no rewrites.

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
    """A hash of everything that changes what a model folder finds."""
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
