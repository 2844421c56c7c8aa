"""File names of results: one rule, and every name handed out before the first file is written.

A photo's results are ``NAME.png``, ``NAME.overlay.png``, ``NAME.trusty.png`` and ``NAME.LABEL.heat.png``. NAME is the
photo's own name without its ending where no other photo of the run has it, else its path with ``__`` between folders.
NAME never ends as a picture does and LABEL holds no dot, so two files agree only where NAME and LABEL do; and those are
handed out once, also on file systems that take ``A`` and ``a`` for one. They are names on every system, so that results
can be carried to any.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from tagalign.atomic import NAME_BYTES, marked, portable, shortened
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.photos.source import PhotoSource

PICTURES = (".overlay", ".heat", ".trusty")
"""How the names of pictures for people end, before ``.png``."""

LABEL_BYTES = 60
STEM_BYTES = NAME_BYTES - LABEL_BYTES - len("..heat.png")


class Reserved:
    """Names that are handed out once."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self, wanted: Iterable[str], key: str, limit: int) -> str:
        """The first wanted name that is free; where none is, the last with a mark made from ``key``."""
        name = ""
        for name in wanted:
            name = shortened(name, limit)
            if self._is_free(name):
                return name
        number = 0
        while not self._is_free(other := marked(name, f"{key}\0{number}" if number else key, limit)):
            number += 1
        return other

    def _is_free(self, name: str) -> bool:
        mark = hash(folded(name))  # 64 bits instead of names: a million photos
        is_free = mark not in self._taken
        self._taken.add(mark)
        return is_free


def folded(name: str) -> str:
    """What file systems may take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def stem(source: PhotoSource) -> str:
    """The photo's own name without its ending, as a file may be called."""
    path = source.path if source.member is None else source.member
    return clean(os.path.splitext(os.path.basename(path))[0])  # noqa: PTH119, PTH122 - a million of them


def clean(name: str) -> str:
    """Without leading dots (hidden files), characters that some system refuses, and an ending that pictures have.

    >>> clean(".a"), clean("b.overlay")[:10], clean("..."), clean("12:30?"), clean("nul")
    ('a', 'b.overlay-', 'image', '12_30_', 'nul_')
    """
    name = portable(printable(name).lstrip(".")) or "image"
    return marked(name, name, STEM_BYTES) if name.casefold().endswith(PICTURES) else name


def named(sources: Sequence[PhotoSource] | Iterable[PhotoSource], stems: Counter[int]) -> Iterator[str]:
    """A name for each source, in their order.

    Args:
        sources: all photos of the run, of all shards.
        stems: from ``count_stems`` of the same.
    """
    reserved = Reserved()
    for source in sources:
        own = stem(source)
        whole = clean("__".join(part for part in PurePath(source.key).parts if part not in {"/", "..", "."}))
        wanted = (own, whole) if stems[hash(folded(own))] == 1 else (whole,)
        yield reserved.take(wanted, source.key, STEM_BYTES)


def count_stems(sources: Iterable[PhotoSource]) -> Counter[int]:
    """How many photos have one name."""
    return Counter(hash(folded(stem(source))) for source in sources)


def label_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Each label as a part of a file name: letters and digits of any script, the rest ``_``; no two alike.

    >>> label_names(["dog", "T-shirt"])
    ('dog', 'T_shirt')
    """
    reserved = Reserved()
    found = ("".join(c if c.isalnum() else "_" for c in label) for label in labels)
    return tuple(
        reserved.take((name,), label, LABEL_BYTES) for name, label in zip(found, labels, strict=True)
    )
