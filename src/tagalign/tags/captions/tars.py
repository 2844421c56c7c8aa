"""WebDataset tars, plain or packed: whose captions stand where. Photos are not read here.

A sample's key is the name of its members up to the first dot of the base name; what follows is the field (``txt``, ``jpg``,
``seg.png``), in any case. Members of one sample are joined wherever they stand.
"""

import os
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tagalign.errors import DataError
from tagalign.tags.captions.rows import PHOTO_ENDINGS, BadRow, Row, RowRule, bad_row, checked
from tagalign.tags.captions.samples import record_row
from tagalign.tags.text_files import decode, open_packed

Span = tuple[int, int]
"""First byte and number of bytes inside a plain tar."""

MAX_TEXT_BYTES = 1 << 20
_ENDINGS = (*PHOTO_ENDINGS, "txt", "json")


@dataclass(slots=True)
class TarSample:
    """One sample of a tar.

    Attributes:
        key: joins it with its tags.
        members: spans by field; where the tar is packed, the bytes of texts instead, and no photos.
        is_cut: whether the tar ends inside of it.
    """

    key: str
    members: dict[str, Span | bytes] = field(default_factory=dict)
    is_cut: bool = False

    def photo(self) -> Span | None:
        """Where its photo stands; None without one."""
        span = next((self.members[ending] for ending in PHOTO_ENDINGS if ending in self.members), None)
        return span if isinstance(span, tuple) else None

    def row(self, rule: RowRule, read: Callable[[Span], bytes]) -> Row:
        """Its caption: ``KEY.txt`` or, without one, the caption of ``KEY.json``."""
        if self.is_cut:
            return bad_row(self.key, "the tar is cut off inside of it", "shard cut off")
        text, record = self.members.get("txt"), self.members.get("json")
        if text is not None:
            return checked(self.key, decode(text if isinstance(text, bytes) else read(text)), self.key)
        if record is not None:
            return record_row(self.key, record if isinstance(record, bytes) else read(record), rule, self.key)
        dotted = sorted(name for name in self.members if "." in name)
        why = (
            f"; it has {', '.join(dotted)[:100]}, but a key ends at the first dot of a name" if dotted else ""
        )
        return bad_row(self.key, f"no caption in {self.key}.txt or {self.key}.json{why}", "no caption")


def tar_rows(path: Path, rule: RowRule, packing: str) -> Iterator[Row]:
    """The captions of a tar, sample by sample in the order in which they begin.

    Raises:
        DataError: if the tar is damaged, or holds no sample.
    """
    if packing:
        for sample in _packed_samples(path, packing):
            yield sample.row(rule, _never)
        return
    samples, is_whole = tar_samples(path)
    with path.open("rb") as file:
        for sample in samples:
            yield sample.row(rule, lambda span: read_span(file.fileno(), span))
    if not is_whole:
        yield BadRow("its end", f"the tar is cut off after {len(samples)} samples", "shard cut off")


def read_span(file: int, span: Span) -> bytes:
    """The bytes of a text."""
    return os.pread(file, min(span[1], MAX_TEXT_BYTES), span[0])


def _never(span: Span) -> bytes:
    raise AssertionError("texts of a packed tar are read at once")


def tar_samples(path: Path) -> tuple[list[TarSample], bool]:
    """The samples of a plain tar, from its headers alone, and whether it is whole.

    Raises:
        DataError: if the file is no plain tar, or holds no sample.
    """
    samples: dict[str, TarSample] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            size = os.fstat(file.fileno()).st_size
            is_whole = _walk(tar, samples, size) and _has_end_mark(file, tar.offset)
    except tarfile.ReadError as error:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the tar is empty (0 bytes)") from error
        raise DataError(
            f"{path}: not a plain tar ({error}); unpack a compressed one first, its samples cannot be found "
            "without reading it whole"
        ) from error
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    return _found(path, samples), is_whole


def _found(path: Path, samples: dict[str, TarSample]) -> list[TarSample]:
    if not samples:
        raise DataError(f"{path}: no sample KEY.jpg + KEY.txt in this tar")
    return list(samples.values())


def _packed_samples(path: Path, packing: str) -> list[TarSample]:
    """The samples of a packed tar with their texts in memory, because members may stand apart."""
    samples: dict[str, TarSample] = {}
    with open_packed(path, packing) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        for member in tar:
            if (place := _place(samples, member)) is not None:
                sample, name = place
                content = tar.extractfile(member) if name.endswith(("txt", "json")) else None
                sample.members[name] = content.read(MAX_TEXT_BYTES) if content else b""
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps every header
    return _found(path, samples)


def _walk(tar: tarfile.TarFile, samples: dict[str, TarSample], size: int) -> bool:
    """Note all members; False where the tar ends inside of one."""
    try:
        for member in tar:
            if (place := _place(samples, member)) is not None:
                sample, name = place
                span = (member.offset_data, member.size)
                sample.members[name] = span
                sample.is_cut |= sum(span) > size
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps every header: 30 MB for 10,000 samples
    except tarfile.ReadError:
        return False
    return True


def _has_end_mark(file: IO[bytes], offset: int) -> bool:
    """A tar ends with blocks of zeros; one that was cut between two members just stops."""
    file.seek(offset)
    return len(file.read(tarfile.BLOCKSIZE)) == tarfile.BLOCKSIZE


def _place(samples: dict[str, TarSample], member: tarfile.TarInfo) -> tuple[TarSample, str] | None:
    """The sample of a member and its field; None for folders, hidden files and what belongs to no pair."""
    folder, _, name = member.name.removeprefix("./").rpartition("/")
    stem, _, ending = name.partition(".")
    ending = sys.intern(ending.lower())  # a few names for millions of members
    if not member.isfile() or not stem or ending.rpartition(".")[2] not in _ENDINGS:
        return None
    key = f"{folder}/{stem}" if folder else stem
    return samples.setdefault(key, TarSample(key)), ending
