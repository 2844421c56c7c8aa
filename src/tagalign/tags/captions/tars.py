"""WebDataset tars, plain or packed: whose captions stand where. Photos are not read here.

A sample's key is the name of its members up to the first dot of the base name; what follows is the field (``txt``, ``jpg``,
``seg.png``), in any case. Members of one sample are joined wherever they stand, however accents are composed; of two members
of one name the first counts, and the other is named.
"""

import os
import sys
import tarfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tags.captions.rows import BadRow, ReadRow, RowRule, bad_row, checked, photo_endings
from tagalign.tags.captions.samples import record_row
from tagalign.tags.captions.span_file import SpanFile
from tagalign.tags.captions.tar_end import bad_end
from tagalign.tags.text_files import decode, open_packed, refuse_foreign

Span = tuple[int, int]
"""First byte and number of bytes inside a plain tar."""

MAX_TEXT_BYTES = 1 << 20
_HEAD = 16  # bytes that tell a packed file
TEXTS = ("txt", "json")


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
        span = next((self.members[ending] for ending in photo_endings() if ending in self.members), None)
        return span if isinstance(span, tuple) else None

    def row(self, rule: RowRule, read: Callable[[Span], bytes]) -> ReadRow:
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


@dataclass(slots=True)
class TarContents:
    """What stands in a tar.

    Attributes:
        samples: by key, as composed letters make it, in the order in which they begin.
        unusable: members of samples that cannot be used, and why.
        end: why something behind the last member is lost; None for a whole tar.
    """

    samples: dict[str, TarSample] = field(default_factory=dict)
    unusable: list[tuple[str, str]] = field(default_factory=list)
    end: str | None = None

    def sample(self, name: str) -> tuple[TarSample, str] | None:
        """The sample of a member, made if it is the first, and its field; None for what belongs to no pair."""
        if (place := _key_and_field(name)) is None:
            return None
        return self.samples.setdefault(_composed(place[0]), TarSample(place[0])), place[1]

    def add(self, member: tarfile.TarInfo, content: Callable[[tarfile.TarInfo, str], Span | bytes]) -> None:
        """Note a member; folders, and what belongs to no pair, are none."""
        if member.isdir() or (place := self.sample(member.name)) is None:
            return
        sample, name = place
        if name in sample.members:
            self.unusable.append((member.name, "a second member of this name; the first counts"))
        elif member.islnk() and (found := self._linked(member)) is not None:
            sample.members[name] = found
        elif not member.isreg() or member.issparse():
            self.unusable.append((member.name, _why(member)))
        else:
            sample.members[name] = content(member, name)

    def _linked(self, member: tarfile.TarInfo) -> Span | bytes | None:
        """A hard link stands behind the member that it leads to."""
        key, name = _key_and_field(member.linkname) or ("", "")
        target = self.samples.get(_composed(key))
        return None if target is None else target.members.get(name)


@cache
def _endings() -> frozenset[str]:
    return frozenset((*photo_endings(), *TEXTS))


def _key_and_field(name: str) -> tuple[str, str] | None:
    """What a member's name says; None for hidden files and what belongs to no pair."""
    folder, _, base = name.removeprefix("./").rpartition("/")
    stem, _, ending = base.partition(".")
    ending = sys.intern(ending.lower())  # a few names for millions of members
    if not stem or ending.rpartition(".")[2] not in _endings():
        return None
    return f"{folder}/{stem}" if folder else stem, ending


def _composed(key: str) -> str:
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def _why(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname}"
    return "stored with holes (tar --sparse)" if member.issparse() else "no file"


def tar_rows(path: Path, rule: RowRule, packing: str) -> Iterator[ReadRow]:
    """The captions of a tar, sample by sample in the order in which they begin, then what of it cannot be used.

    Raises:
        DataError: if the tar is damaged, or holds no sample.
    """
    if packing:
        contents = _packed_contents(path, packing)
        rows = [sample.row(rule, _never) for sample in contents.samples.values()]
    else:
        contents = tar_contents(path)
        with closing(SpanFile(path)) as file:
            for sample in contents.samples.values():
                yield sample.row(rule, lambda span: read_text_span(file, span))
        rows = []
    yield from rows
    for name, why in contents.unusable:
        if name.lower().endswith(TEXTS):
            yield bad_row(name, why, "unusable member")
    if contents.end is not None:
        yield BadRow(
            "its end", f"{contents.end}; {len(contents.samples)} samples stand before", "shard cut off"
        )


def read_text_span(file: SpanFile, span: Span) -> bytes:
    """The bytes of a text."""
    return file.read(span[0], min(span[1], MAX_TEXT_BYTES))


def _never(span: Span) -> bytes:
    raise AssertionError("texts of a packed tar are read at once")


def tar_contents(path: Path) -> TarContents:
    """What stands in a plain tar, from its headers alone.

    Raises:
        DataError: if the file is no plain tar, or holds no sample.
    """
    contents = TarContents()
    try:
        with path.open("rb") as file:
            refuse_foreign(path, file.read(_HEAD))
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as tar:
                is_whole = _walk(tar, contents, os.fstat(file.fileno()).st_size)
                contents.end = bad_end(file, tar.offset) or (None if is_whole else "the tar is cut")
    except tarfile.ReadError as error:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the tar is empty (0 bytes)") from error
        raise DataError(
            f"{path}: not a plain tar ({error}); unpack a compressed one first, its samples cannot be found "
            "without reading it whole"
        ) from error
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    return _checked(path, contents)


def _checked(path: Path, contents: TarContents) -> TarContents:
    if not contents.samples:
        raise DataError(f"{path}: no sample KEY.jpg + KEY.txt in this tar")
    return contents


def _packed_contents(path: Path, packing: str) -> TarContents:
    """What stands in a packed tar, with texts in memory, because members may stand apart."""
    contents = TarContents()
    with open_packed(path, packing) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:

        def text(member: tarfile.TarInfo, name: str) -> bytes:
            content = tar.extractfile(member) if name.endswith(TEXTS) else None
            return content.read(MAX_TEXT_BYTES) if content else b""

        for member in tar:
            contents.add(member, text)
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps every header
    return _checked(path, contents)


def _walk(tar: tarfile.TarFile, contents: TarContents, size: int) -> bool:
    """Note all members; False where the tar ends inside of one."""

    def span(member: tarfile.TarInfo, name: str) -> Span:
        return member.offset_data, member.size

    try:
        for member in tar:
            contents.add(member, span)
            ends_inside = member.isreg() and not member.issparse() and sum(span(member, "")) > size
            if ends_inside and (place := contents.sample(member.name)) is not None:
                place[0].is_cut = True
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps every header: 30 MB for 10,000 samples
    except tarfile.ReadError:
        return False
    return True
