"""Part-of-speech baseline: runs of nouns are objects, adjectives before them attributes (the paper's NLTK row).

Uses the tagger that TextBlob brings along; nothing is downloaded.
"""

import warnings
from collections.abc import Callable, Sequence

from tagalign.errors import MissingExtraError
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tokens import tokenize

Tagged = list[tuple[str, str]]
"""Tokens with their Penn Treebank tags."""


class RulesParser:
    """Objects and attributes by part of speech.

    Args:
        tagger: tokens to tagged tokens; TextBlob's by default.

    Raises:
        MissingExtraError: if TextBlob is not installed and no tagger is given.
    """

    name = "rules"
    fields = ("objects", "attributes", "pairs")

    def __init__(self, tagger: Callable[[Sequence[str]], Tagged] | None = None) -> None:
        self._tagger = tagger or textblob_tagger()

    @property
    def settings(self) -> dict[str, object]:
        """The name; rules have no more settings."""
        return {"parser": self.name, "version": 1}

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption; see ``Parser``."""
        return [parse_tagged(self._tagger(tokenize(caption))) for caption in captions]


def textblob_tagger() -> Callable[[Sequence[str]], Tagged]:
    """TextBlob's bundled tagger on our tokens.

    Raises:
        MissingExtraError: if TextBlob is not installed.
    """
    try:
        from textblob.en import tag
    except ImportError as error:
        raise MissingExtraError("the rules parser", "TextBlob", "parse") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its word list open when it loads it
        tag("a", tokenize=False)
    return _TextBlobTagger(tag)


class _TextBlobTagger:
    """A callable that can be sent to another process."""

    def __init__(self, tag: Callable[..., Tagged]) -> None:
        self._tag = tag

    def __call__(self, tokens: Sequence[str]) -> Tagged:
        # "/" separates word and tag in TextBlob's own format
        words = [word for word in tokens if word != "/"]
        return [(word, tag) for word, tag in self._tag(" ".join(words), tokenize=False)] if words else []


def parse_tagged(tagged: Tagged) -> ParsedCaption:
    """Noun runs and the adjectives in front of them.

    Example:
        >>> parse_tagged([("a", "DT"), ("red", "JJ"), ("fire", "NN"), ("truck", "NN"), ("stops", "VBZ")]).pairs
        (('fire truck', 'red'),)
    """
    objects, attributes, pairs = list[str](), list[str](), list[tuple[str, str]]()
    nouns, adjectives = list[str](), list[str]()
    for word, tag in [*tagged, ("", ".")]:
        if tag.startswith("NN") and word[0].isalnum():
            nouns.append(word)
            continue
        if nouns:
            objects.append(" ".join(nouns))
            pairs += [(objects[-1], adjective) for adjective in adjectives]
            nouns, adjectives = [], []
        if tag.startswith("JJ"):
            adjectives.append(word)
            attributes.append(word)
        elif word not in (",", "and"):
            adjectives = []
    return ParsedCaption(
        tuple(dict.fromkeys(objects)), tuple(dict.fromkeys(attributes)), tuple(dict.fromkeys(pairs))
    )
