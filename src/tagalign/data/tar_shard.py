"""WebDataset tars by number: the headers are read once, then any sample with one seek. A cut-off tar keeps what is whole."""

import os
import tarfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tagalign.data.pair_records import IMAGE_ENDINGS, BrokenPairError, Pair, ShardRef, caption_of
from tagalign.errors import DataError

Span = tuple[int, int]
"""First byte and number of bytes inside the tar."""

MAX_TEXT_BYTES = 1 << 20


@dataclass(slots=True)
class _Sample:
    key: str
    image: Span | None = None
    text: Span | None = None
    record: Span | None = None
    is_cut: bool = field(default=False)


class TarShard:
    """Samples ``KEY.jpg`` + ``KEY.txt`` (or the caption of ``KEY.json``), in the order of the tar.

    The key is the member's name up to the first dot of its file name, like WebDataset reads it.

    Raises:
        DataError: if the file is not a plain tar.
    """

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        self._samples = list(_index(ref.path).values())
        self._file = os.open(ref.path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def __len__(self) -> int:
        return len(self._samples)

    def pair(self, number: int) -> Pair:
        """One sample; its image is read here and not decoded."""
        sample = self._samples[number]
        place = f"{self.path}:{sample.key}"
        if sample.is_cut:
            raise BrokenPairError("shard cut off", place)
        caption = caption_of(self._read(sample.text), self._read(sample.record), place)
        if sample.image is None:
            raise BrokenPairError("no image", place)
        return Pair(
            key=sample.key, image=os.pread(self._file, sample.image[1], sample.image[0]), caption=caption
        )

    def _read(self, span: Span | None) -> bytes | None:
        return None if span is None else os.pread(self._file, min(span[1], MAX_TEXT_BYTES), span[0])


def _index(path: Path) -> dict[str, _Sample]:
    samples: dict[str, _Sample] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            size = os.fstat(file.fileno()).st_size
            whole = _walk(tar, samples, size) and _has_end_mark(file, tar.offset)
        if not whole:
            warnings.warn(f"{path}: cut off after {len(samples)} samples", stacklevel=2)
    except tarfile.ReadError as error:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the tar is empty (0 bytes)") from error
        raise DataError(
            f"{path}: not a plain tar ({error}); unpack a compressed one first, its samples cannot be found "
            "without reading it whole"
        ) from error
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    return samples


def _walk(tar: tarfile.TarFile, samples: dict[str, _Sample], size: int) -> bool:
    """Note all members; False where the tar ends inside of one."""
    try:
        for member in tar:
            _add(samples, member, size)
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps every header: 30 MB for 10,000 samples
    except tarfile.ReadError:
        return False
    return True


def _has_end_mark(file: IO[bytes], offset: int) -> bool:
    """A tar ends with blocks of zeros; one that was cut between two members just stops."""
    file.seek(offset)
    return len(file.read(tarfile.BLOCKSIZE)) == tarfile.BLOCKSIZE


def _add(samples: dict[str, _Sample], member: tarfile.TarInfo, size: int) -> None:
    folder, _, name = member.name.rpartition("/")
    stem, _, ending = name.partition(".")
    if not member.isfile() or not stem:
        return
    key = f"{folder}/{stem}" if folder else stem
    sample = samples.setdefault(key, _Sample(key))
    span = (member.offset_data, member.size)
    sample.is_cut |= sum(span) > size
    ending = ending.lower()
    if ending in IMAGE_ENDINGS:
        sample.image = span
    elif ending == "txt":
        sample.text = span
    elif ending == "json":
        sample.record = span
