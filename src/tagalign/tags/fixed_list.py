"""Tags from a fixed list: the longest entry that stands in the caption, in any inflection (Tag2Text's row of Table 5)."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tags.lemmas import infinitive, singular
from tagalign.tags.lists import read_list
from tagalign.tags.parses import KINDS, ParsedCaption
from tagalign.tags.tokens import tokenize
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.tags.vocabulary_file import is_vocabulary
from tagalign.tags.words import word_map


class FixedListParser:
    """Finds the entries of a list in captions.

    Args:
        entries: ``(tag, kind)``; a tag may stand in several kinds.

    Example:
        >>> parser = FixedListParser([("hot dog", "object"), ("dog", "object"), ("run", "action")])
        >>> parse = parser.parse(["Hot dogs, and a dog running"])[0]
        >>> parse.objects, parse.actions
        (('hot dog', 'dog'), ('run',))
    """

    name = "fixed"
    fields = ("objects", "attributes", "pairs", "scenes", "actions")

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        self._table: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        digest = hashlib.sha256()
        for tag, kind in entries:
            digest.update(f"{tag}\t{kind}\n".encode())
            key = tuple(_stem(token) for token in tokenize(tag))
            if key:
                self._table.setdefault(key, []).append((tag, kind))
        self._longest = max(map(len, self._table), default=0)
        self._hash = digest.hexdigest()[:12]

    @property
    def settings(self) -> dict[str, object]:
        """Name and hash of the list."""
        return {"parser": self.name, "list": self._hash}

    @classmethod
    def load(cls, path: str | Path) -> "FixedListParser":
        """Read a list: a ``vocabulary.tsv`` or its folder, or a text file with one object per line.

        Raises:
            DataError: if the file cannot be read or is empty.
        """
        if is_vocabulary(path):
            vocabulary = TagVocabulary.load(path)
            entries = [(name, kind) for (kind, name) in vocabulary.ids]
        else:
            entries = [(line, "object") for line in read_list(Path(path))]
        if not entries:
            raise DataError(f"{path} holds no tags")
        return cls(entries)

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption; see ``Parser``. An attribute is paired with the object that follows it directly."""
        return [self._parse(tokenize(caption)) for caption in captions]

    def _parse(self, tokens: Sequence[str]) -> ParsedCaption:
        stems = [_stem(token) for token in tokens]
        found: dict[str, list[str]] = {kind: [] for kind in KINDS}
        pairs, waiting, position = list[tuple[str, str]](), list[str](), 0
        while position < len(stems):
            length = self._match(stems, position)
            entries = self._table[tuple(stems[position : position + length])] if length else []
            for tag, kind in entries:
                found[kind].append(tag)
            objects = [tag for tag, kind in entries if kind == "object"]
            attributes = [tag for tag, kind in entries if kind == "attribute"]
            pairs += [(objects[0], attribute) for attribute in waiting if objects]
            waiting = waiting + attributes if attributes and not objects else []
            position += max(length, 1)
        return ParsedCaption(
            objects=_unique(found["object"]),
            attributes=_unique(found["attribute"]),
            pairs=tuple(dict.fromkeys(pairs)),
            scenes=_unique(found["scene"]),
            actions=_unique(found["action"]),
        )

    def _match(self, stems: Sequence[str], position: int) -> int:
        """Length of the longest entry that begins here; 0 for none."""
        for length in range(min(self._longest, len(stems) - position), 0, -1):
            if tuple(stems[position : position + length]) in self._table:
                return length
        return 0


def _stem(token: str) -> str:
    """One form for all inflections of a word; not always a word itself."""
    noun = singular(word_map("spelling").get(token, token))
    return infinitive(noun)


def _unique(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))
