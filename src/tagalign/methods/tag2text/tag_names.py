"""A tag list whose key is the index: a name may stand several times (a noun and a verb spelled alike)."""

import difflib
from collections import defaultdict
from collections.abc import Sequence

from tagalign.errors import InputError
from tagalign.labels import Label
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.tokens import tokenize


class TagNames:
    """Names in index order, and the indices behind a name.

    Attributes:
        names: as the model's list spells them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._normal: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self.names):
            self._exact[name].append(index)
            self._normal[normalize_tag(name)].append(index)
        self._longest = max((len(name.split()) for name in self.names), default=0)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> list[int]:
        """All indices with this name, else with its normal form ("Dogs" finds "dog"); none when unknown."""
        return list(self._exact.get(name) or self._normal.get(normalize_tag(name)) or [])

    def mentioned(self, text: str) -> list[int]:
        """Indices of all tags that a text names, ascending: longest match first, plurals count."""
        words = [word for word in tokenize(text.lower()) if word[0].isalnum()]
        found: set[int] = set()
        place = 0
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                if indices := self.find(" ".join(words[place : place + length])):
                    found.update(indices)
                    place += length
                    break
            else:
                place += 1
        return sorted(found)

    def indices(self, label: Label) -> list[int]:
        """All indices that a label means, by its name or an alias.

        Raises:
            InputError: if the list has none of them.
        """
        found = dict.fromkeys(i for name in (label.name, *label.aliases) for i in self.find(name))
        if not found:
            raise self._unknown(label.name)
        return list(found)

    def excluding(self, label: Label) -> list[int]:
        """All indices that the negatives of a label mean; none that the label means itself.

        Raises:
            InputError: if the list has one of the negatives not.
        """
        own, found = set(self.indices(label)), dict[int, None]()
        for word in label.negatives:
            indices = self.find(word)
            if not indices:
                raise self._unknown(word)
            found |= dict.fromkeys(i for i in indices if i not in own)
        return list(found)

    def _unknown(self, name: str) -> InputError:
        near = difflib.get_close_matches(name, self.names, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        return InputError(
            f"{name!r} is not among the {len(self)} tags this Tag2Text model was trained with{hint}. "
            "For any other name use a method with an open list: --method tagclip"
        )
