"""Image-caption pairs from WebDataset tars, JSONL, Parquet and folders; the one reader that everything uses."""

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tagalign.data.folder_shard import FolderShard, folder_pieces
from tagalign.data.pair_records import BrokenPairError, Pair, PairShard, ShardRef
from tagalign.data.table_shards import JsonlShard, ParquetShard, jsonl_pieces, parquet_pieces
from tagalign.data.tar_shard import TarShard
from tagalign.errors import DataError, InputError

SHARD_KINDS: dict[str, Callable[[ShardRef], PairShard]] = {
    "tar": TarShard,
    "jsonl": JsonlShard,
    "parquet": ParquetShard,
    "folder": FolderShard,
}

_PIECES: dict[str, Callable[[Path], list[ShardRef]]] = {
    ".tar": lambda path: [ShardRef(path=path, kind="tar")],
    ".jsonl": jsonl_pieces,
    ".jsonl.gz": jsonl_pieces,
    ".parquet": parquet_pieces,
}

# tars first: img2dataset leaves a Parquet file with the download log beside every tar
_PREFERENCE = ((".tar",), (".jsonl", ".jsonl.gz"), (".parquet",))
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def open_shard(ref: ShardRef) -> PairShard:
    """The pairs of a shard.

    Raises:
        DataError: if it cannot be read at all.
    """
    return SHARD_KINDS[ref.kind](ref)


def find_shards(inputs: Sequence[str | Path]) -> list[ShardRef]:
    """The shards that files, folders, patterns and ranges mean, sorted, each once.

    A folder means its tars; without tars its JSONL files, without those its Parquet files, without any its images with
    captions beside them. ``cc3m/{00000..00331}.tar`` is a range.

    Raises:
        InputError: if an input means nothing.
        DataError: if a file cannot be read.
    """
    refs: list[ShardRef] = []
    for item in inputs:
        found = [ref for path in _paths(str(item)) for ref in _pieces(path)]
        if not found:
            raise InputError(f"{item}: {_why_nothing(Path(item))}")
        refs += found
    return sorted(set(refs))


def _paths(item: str) -> list[Path]:
    if match := _RANGE.search(item):
        first, last = match.groups()
        names = [f"{i:0{len(first)}d}" for i in range(int(first), int(last) + 1)]
        return [Path(item[: match.start()] + name + item[match.end() :]) for name in names]
    if Path(item).exists():
        return [Path(item)]
    return [Path(name) for name in sorted(glob.glob(item, recursive=True))]  # noqa: PTH207 (absolute patterns)


def _pieces(path: Path) -> list[ShardRef]:
    if path.is_dir():
        for endings in _PREFERENCE:
            files = sorted(p for p in path.rglob("*") if p.name.lower().endswith(endings) and p.is_file())
            if files:
                return [ref for file in files for ref in _pieces(file)]
        return folder_pieces(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    for ending, pieces in _PIECES.items():
        if path.name.lower().endswith(ending):
            return pieces(path)
    raise InputError(f"{path}: pairs come in {', '.join(_PIECES)} or a folder of images with .txt captions")


def _why_nothing(path: Path) -> str:
    if path.is_dir():
        return "no tar, JSONL, Parquet or image in this folder"
    return "holds no pairs" if path.exists() else "no such file, and no file matches it as a pattern"


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


def count_pairs(refs: Sequence[ShardRef]) -> int:
    """Pairs of all shards, broken ones included; opens each of them.

    Raises:
        DataError: if a shard cannot be read at all.
    """
    total = sum(len(open_shard(ref)) for ref in refs)
    if not total:
        raise DataError("the collection holds no pairs")
    return total
