"""When two spellings are one label: the one rule that label lists, calibration, seen names and vocabularies share."""

import unicodedata


def same_label(name: str) -> str:
    """What two spellings of one label have in common: no case, single blanks, composed letters.

    CLIP's tokenizers see no more than this, so labels that agree in it are one label.

    >>> same_label(" Red  Car ") == same_label("red car"), same_label("cafe\u0301") == same_label("CAF\u00c9")
    (True, True)
    """
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", " ".join(folded.split()))
