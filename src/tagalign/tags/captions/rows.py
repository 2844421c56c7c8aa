"""The one rule of keys and captions: what a record of any caption file comes to, wherever it is read.

A record's key is its ``key``, else the path in its ``image``, else ``STEM:ROW`` with the row's number from 1 (the line in
text files). Its caption is a text. Names of fields may be written in another case.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tagalign.tags.text_files import decode, printable

MAX_CAPTION = 10_000  # characters; a longer field is a broken line or a whole page, not a caption
MAX_KEY = 4_096  # characters; as long as a path may be
KEY, IMAGE = "key", "image"
_FIRST_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff")


@cache
def photo_endings() -> tuple[str, ...]:
    """Endings of photos without their dot; the first one of a sample is its photo. What Pillow reads here."""
    from tagalign.backbones.image_formats import image_suffixes

    return (*_FIRST_ENDINGS, *sorted({suffix[1:] for suffix in image_suffixes()} - {*_FIRST_ENDINGS}))


class CaptionRow(NamedTuple):
    """One caption, the key that joins its tags with its image, and the image where the record names or holds one."""

    key: str
    caption: str
    image: Any = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that gives no caption.

    Attributes:
        place: in its file.
        message: what is wrong with it.
        reason: the same in one of a few fixed words, to be counted.
    """

    place: str
    message: str
    reason: str


ReadRow = CaptionRow | BadRow


def bad_row(place: object, message: str, reason: str) -> BadRow:
    """A bad row whose texts can be printed and written, whatever they quote."""
    return BadRow(printable(place), printable(message), reason)


@lru_cache(maxsize=256)
def find_field(names: tuple[str, ...], wanted: str) -> str | None:
    """A field by its name, or by its name in another case or with blanks around it."""
    if wanted in names:
        return wanted
    tidy = wanted.strip().casefold()
    return next((name for name in names if name.strip().casefold() == tidy), None)


@dataclass(frozen=True, slots=True)
class RowRule:
    """Which fields of a file's records count.

    Attributes:
        stem: of keys by place: the name of the file up to its first dot.
        caption: name of the field with the caption.
        key: name of the field with the key; another one than ``key`` must be there.
    """

    stem: str
    caption: str = "caption"
    key: str = KEY

    @classmethod
    def of(cls, path: Path, *, caption: str = "caption", key: str = KEY) -> "RowRule":
        """The rule of a file."""
        return cls(path.name.split(".")[0], caption, key)

    def row(self, record: Any, place: object) -> ReadRow:
        """What a record comes to.

        Args:
            record: of a JSON line, a table's row or alike.
            place: its number in the file, from 1, or its name there.
        """
        if type(record) is not dict and not isinstance(record, Mapping):  # the first is much faster
            return bad_row(
                place,
                f"expected an object with a {self.caption!r} field, got {type(record).__name__}",
                "not a record",
            )
        caption, key, image = record.get(self.caption), record.get(self.key), record.get(IMAGE)
        # most records end here; the rest of the rule costs more
        if type(caption) is str and type(key) is str and caption.isprintable() and key.isprintable():
            text, name = caption.strip(), key.strip()
            if name and 0 < len(text) <= MAX_CAPTION and len(name) <= MAX_KEY:
                return CaptionRow(name, text, image)
        return self._row(record, place)

    def _row(self, record: Mapping[str, Any], place: object) -> ReadRow:
        """The rule in full: fields in another case, keys that are no text, captions that are none."""
        names = tuple(record)
        caption_name, key_name, image_name = (find_field(names, n) for n in (self.caption, self.key, IMAGE))
        if key_name is None and self.key != KEY:
            return bad_row(place, f"no {self.key!r}; {_named(record)}", "no key")
        caption = None if caption_name is None else record[caption_name]
        image = None if image_name is None else record[image_name]
        if isinstance(caption, bytes):  # Parquet of programs that do not mark their texts as such
            caption = decode(caption)
        if not isinstance(caption, str):
            return bad_row(
                place, f"no text in {self.caption!r} ({_kind(caption)}); {_named(record)}", "no caption"
            )
        key = None if key_name is None else record[key_name]
        text = key_text(key)
        if text is None:
            return bad_row(
                place, f"{self.key!r} must be a text or a number, got {type(key).__name__}", "no key"
            )
        text = text.strip() or (image.strip() if isinstance(image, str) else "") or f"{self.stem}:{place}"
        return checked(text, caption, place, image)


def _named(record: Mapping[str, Any]) -> str:
    return f"the record has {', '.join(map(str, record))[:200] or 'no field'}"


def _kind(value: Any) -> str:
    if value is None:
        return "nothing there"
    return "several texts; give each a record" if isinstance(value, Sequence) else type(value).__name__


def key_text(value: Any) -> str | None:
    """A key as a text: numbers as they are written, "" for nothing there, None for what is no key."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return decode(value)
    return str(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def checked(key: str, caption: str, place: object, image: Any = None) -> ReadRow:
    """A row of these texts, or what is wrong with them."""
    caption = caption.strip()
    if not caption:
        return bad_row(place, "the caption is empty", "no caption")
    if len(caption) > MAX_CAPTION:
        return bad_row(
            place, f"{len(caption)} characters are no caption (at most {MAX_CAPTION})", "unusable caption"
        )
    if fault := _fault(caption):
        return bad_row(place, f"the caption holds {fault}", "unusable caption")
    if len(key) > MAX_KEY or not key.isprintable():
        fault = _fault(key) or ("a line break" if len(key.splitlines()) > 1 else "")
        fault = fault or (f"{len(key)} characters (at most {MAX_KEY})" if len(key) > MAX_KEY else "")
        if fault:
            return bad_row(place, f"the key holds {fault}", "no key")
    return CaptionRow(key, caption, image)


def _fault(text: str) -> str:
    if "\0" in text:
        return "a NUL byte"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "half a character (a surrogate), which no file can hold"
    return ""
