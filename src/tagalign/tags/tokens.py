"""Captions to lower-case tokens by one rule for training and use; a hyphen parts words ("t-shirt" stays)."""

import re
import unicodedata

from tagalign.tags.visible_text import SUSPECT_MARKS, SUSPECT_WORDS, visible_text

# "t-shirt" stays whole, "dark-haired" becomes two tokens, a dash between words is a token.
_TOKEN = re.compile(
    r"\b[a-z]-[a-z]+|'s\b|[a-z0-9]+(?:'[a-rt-z]+)?|(?<![a-z0-9])-+|-+(?![a-z0-9])|[.,;:!?&()\[\]\"/+]"
)

# most captions: no rule above matters, cutting at blanks is the same
_WORDS_ONLY = re.compile(r"[a-z0-9 ,.]*")


def tokenize(caption: str) -> list[str]:
    """Split the visible part of a caption into words and punctuation marks.

    Accents are dropped ("cafe"); scripts other than Latin give no tokens, so they never become tags.

    Args:
        caption: one caption; any case, any Unicode.

    Returns:
        Lower-case ASCII tokens in reading order; empty for an empty caption.

    Example:
        >>> tokenize("A dark-haired woman's T-shirt.")
        ['a', 'dark', 'haired', 'woman', "'s", 't-shirt', '.']
    """
    text = caption.lower()
    if _WORDS_ONLY.fullmatch(text) and "www." not in text:
        tokens = text.replace(",", " , ").replace(".", " . ").split()
    elif SUSPECT_MARKS.search(caption):
        return _TOKEN.findall(_plain(visible_text(caption)))
    else:
        tokens = _TOKEN.findall(_plain(caption))
    if SUSPECT_WORDS.isdisjoint(tokens):
        return tokens
    return _TOKEN.findall(_plain(visible_text(caption)))


def _plain(text: str) -> str:
    text = text.lower()
    if text.isascii():
        return text
    text = text.replace("\u2019", "'").replace("\u2018", "'")  # curly apostrophes carry "'s"
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
