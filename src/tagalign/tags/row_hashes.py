"""64-bit numbers of keys and captions, by which tags meet images: the same on every machine, eight bytes a row.

How letters with accents are composed parts neither; file systems and editors compose them differently. Blanks do not part
captions, because containers keep them differently.
"""

import hashlib
import unicodedata


def key_hash(key: str) -> int:
    """A signed 64-bit number of a key; names of files keep blanks at their ends, records do not."""
    return _hash(key.strip())


def caption_hash(caption: str) -> int:
    r"""A signed 64-bit number of a caption.

    >>> caption_hash(" a  dog\n") == caption_hash("a dog") != caption_hash("a cat")
    True
    """
    return _hash(" ".join(caption.split()))


def hash_of_both(key: int, caption: int) -> int:
    """A signed 64-bit number of the hashes of a key and of one of its captions."""
    both = key.to_bytes(8, "little", signed=True) + caption.to_bytes(8, "little", signed=True)
    return _number(both)


def _hash(text: str) -> int:
    return _number((text if text.isascii() else unicodedata.normalize("NFC", text)).encode())


def _number(raw: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little", signed=True)
