"""Objects that captions name, counted once a caption: candidates for the labels of their photos."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from tagalign.tags.captions import BadRow, find_sources, read_captions
from tagalign.tags.normalize import normalize_repeated
from tagalign.tags.parses import Parser

BATCH = 500
MOST = 1000
"""Objects that are counted on: a folder is not about its thousandth thing."""
LEAST = 2
"""Captions that name an object at least; what one caption names is mostly a slip."""


def caption_objects(
    inputs: Sequence[str | Path], parser: Parser, *, most: int = MOST, least: int = LEAST
) -> dict[str, int]:
    """Captions per object in its canonical form, most frequent first, then by name.

    Args:
        inputs: files and folders as ``tagalign parse`` takes them; records that cannot be used are passed over.
        parser: finds the objects.
        most: objects at most.
        least: captions that must name it.

    Raises:
        InputError: if an input means nothing.
        DataError: if one cannot be read.
    """
    counts = Counter[str]()
    for batch in _batches(_captions(inputs)):
        for parsed in parser.parse(batch):
            counts.update({normalize_repeated(one) for one in parsed.objects} - {""})
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {name: count for name, count in order[:most] if count >= least}


def _captions(inputs: Sequence[str | Path]) -> Iterator[str]:
    for source in find_sources(inputs):
        for row in read_captions(source.path):
            if not isinstance(row, BadRow):
                yield row.caption


def _batches(captions: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(captions)
    while batch := list(islice(stream, BATCH)):
        yield batch
