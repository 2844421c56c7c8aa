"""When two spellings are one label: the one rule that label lists, calibration, seen names and vocabularies share."""

import re
import unicodedata

INVISIBLE = "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Letters without a picture, as a regular expression's set: soft hyphens, spaces of no width, marks of direction and of
files. They come along when names are copied. Joiners are not among them: Persian, Hindi and emoji are written with them."""

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_COMMAS = "[,\uff0c\u3001\uff64\u060c]"  # also those of Chinese, Japanese and Arabic
_BETWEEN = re.compile(f"{_COMMAS}?[^\\S\r\n]*[\r\n]\\s*|{_COMMAS}")


def tidy_name(name: str) -> str:
    r"""A name without letters that nobody sees, with single blanks.

    >>> tidy_name("\ufeff red  do\u200bg\u200f")
    'red dog'
    """
    return " ".join((name if name.isascii() else _INVISIBLE.sub("", name)).split())


def split_names(text: str) -> list[str]:
    r"""Names between commas of any script or on lines of their own, tidy; an empty one stays, so that it can be refused.

    >>> split_names("dog, red  car,"), split_names("\u72ac\u3001\u732b\uff0c\u8eca")
    (['dog', 'red car', ''], ['\u72ac', '\u732b', '\u8eca'])
    >>> split_names("dog\nred car,\r\n\n cat\n")
    ['dog', 'red car', 'cat']
    """
    return [tidy_name(name) for name in _BETWEEN.split(text.strip("\r\n"))]


def same_label(name: str) -> str:
    r"""What two spellings of one label have in common: no case, single blanks, composed letters, none unseen.

    CLIP's tokenizers see no more than this, so labels that agree in it are one label.

    >>> same_label(" Red  Car ") == same_label("red car"), same_label("cafe\u0301") == same_label("CAF\u00c9")
    (True, True)
    """
    folded = unicodedata.normalize("NFC", tidy_name(name)).casefold()
    return unicodedata.normalize("NFC", " ".join(folded.split()))
