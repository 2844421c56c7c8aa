"""Image-caption pairs from tars, tables, JSON documents and folders: the photos of the rows that ``tags.captions`` reads."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tagalign.data.folder_shard import FolderShard, folder_pieces
from tagalign.data.pair_records import BrokenPairError, Pair, PairShard, ShardRef
from tagalign.data.table_shards import (
    DocumentShard,
    JsonlShard,
    ParquetShard,
    TableShard,
    csv_pieces,
    line_pieces,
    parquet_pieces,
)
from tagalign.data.tar_shard import TarShard
from tagalign.errors import InputError
from tagalign.tags.captions import CaptionSource, find_sources

SHARD_KINDS: dict[str, Callable[[ShardRef], PairShard]] = {
    "tar": TarShard,
    "jsonl": JsonlShard,
    "csv": TableShard,
    "tsv": TableShard,
    "parquet": ParquetShard,
    "json": DocumentShard,
    "folder": FolderShard,
}

_PIECES: dict[str, Callable[[Path], list[ShardRef]]] = {
    "tar": lambda path: [ShardRef(path=path, kind="tar")],
    "jsonl": lambda path: line_pieces(path, "jsonl"),
    "csv": csv_pieces,
    "tsv": lambda path: line_pieces(path, "tsv"),
    "parquet": parquet_pieces,
    "json": lambda path: [ShardRef(path=path, kind="json")],
    "folder": folder_pieces,
}


def open_shard(ref: ShardRef) -> PairShard:
    """The pairs of a shard.

    Raises:
        DataError: if it cannot be read at all.
    """
    return SHARD_KINDS[ref.kind](ref)


def find_shards(inputs: Sequence[str | Path]) -> list[ShardRef]:
    """The shards that files, folders, patterns and ranges mean, sorted, each once; see ``captions.find_sources``.

    Raises:
        InputError: if an input means nothing, or captions alone.
        DataError: if a file cannot be read.
    """
    sources = find_sources(inputs)
    named = {Path(item) for item in inputs}
    useless = {source: why for source in sources if (why := _why_no_photos(source))}
    for source, why in useless.items():
        if source.path in named or len(useless) == len(sources):
            raise InputError(f"{source.path}: {why}")
        warnings.warn(f"{source.path} is left out: {why}", stacklevel=2)
    return sorted({ref for s in sources if s not in useless for ref in _PIECES[s.kind](s.path)})


def _why_no_photos(source: CaptionSource) -> str:
    """Why a source of captions gives no pairs; empty where it does."""
    if source.kind not in _PIECES:
        return (
            "a text file holds captions alone; pairs come in tars, JSONL, CSV, TSV, Parquet, JSON, or a folder of images "
            "with .txt captions"
        )
    return (
        "unpack it first; photos are read from plain tars alone"
        if source.kind == "tar" and source.packing
        else ""
    )


def read_pairs(
    inputs: Sequence[str | Path], *, on_broken: Callable[[BrokenPairError], None] | None = None
) -> Iterator[Pair]:
    """All pairs in the order of their shards; broken ones go to ``on_broken`` and are left out.

    Raises:
        DataError: if a shard cannot be read at all.
    """
    for ref in find_shards(inputs):
        shard = open_shard(ref)
        for number in range(len(shard)):
            try:
                yield shard.pair(number)
            except BrokenPairError as error:
                if on_broken is not None:
                    on_broken(error)
