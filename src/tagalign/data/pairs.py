"""Image-caption pairs from tars, tables, JSON documents and folders: the photos of the rows that ``tags.captions`` reads."""

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
from tagalign.tags.captions import Source, find_sources

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
    return sorted({ref for source in find_sources(inputs) for ref in _pieces(source)})


def _pieces(source: Source) -> list[ShardRef]:
    if source.kind not in _PIECES:
        raise InputError(
            f"{source.path}: a text file holds captions alone; pairs come in tars, JSONL, CSV, TSV, Parquet, JSON, or a "
            "folder of images with .txt captions"
        )
    if source.kind == "tar" and source.packing:
        raise InputError(f"{source.path}: unpack it first; photos are read from plain tars alone")
    return _PIECES[source.kind](source.path)


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
