"""Captions to lower-case tokens, by one rule for training and use; a hyphen parts words ("t-shirt" stays)."""

import re
import unicodedata

# "<person>" is CC12M's mark for a removed name; "t-shirt" stays whole, "dark-haired" becomes two tokens.
_TOKEN = re.compile(r"<[a-z]+>|\b[a-z]-[a-z]+|'s\b|[a-z0-9]+(?:'[a-rt-z]+)?|[.,;:!?&()\[\]\"/+-]")


def tokenize(caption: str) -> list[str]:
    """Splits a caption into words and punctuation marks.

    Accents are dropped ("cafe"); scripts other than Latin give no tokens, so they never become tags.

    Args:
        caption: one caption; any case, any Unicode.

    Returns:
        Lower-case ASCII tokens in reading order; empty for an empty caption.

    Example:
        >>> tokenize("A dark-haired woman's T-shirt.")
        ['a', 'dark', '-', 'haired', 'woman', "'s", 't-shirt', '.']
    """
    return _TOKEN.findall(caption.lower() if caption.isascii() else _ascii(caption))


def _ascii(text: str) -> str:
    text = text.replace("\u2019", "'").replace("\u2018", "'").lower()  # curly apostrophes carry "'s"
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
