"""The word lists as Python values. Plain files, so that a person can edit them; see ``README.md`` beside them."""

import hashlib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


def _lines(name: str) -> list[str]:
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def word_set(name: str) -> frozenset[str]:
    """The words of a list, blanks and lines alike."""
    return frozenset(word for line in _lines(name) for word in line.split())


@cache
def word_map(name: str) -> dict[str, str]:
    """A list of ``from to`` (one word each) or ``from > to`` lines."""
    pairs = (line.split(" > ") if " > " in line else line.split() for line in _lines(name))
    return {old.strip(): new.strip() for old, new in pairs}


@cache
def words_hash() -> str:
    """A hash of all lists, so that a run knows which ones it used."""
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.txt")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
