"""Whether a caption says what a parser claims: the guard between a language model's inventions and the labels."""

import itertools

from tagalign.tags.lemmas import infinitive, singular
from tagalign.tags.tokens import tokenize
from tagalign.tags.words import word_map

_FREE = frozenset(["a", "an", "the", "of", "and", "with", "in", "on", "-", "'s"])


class CaptionWords:
    """The words of a caption in every form that a tag may quote them.

    Args:
        caption: one caption; planted orders in it do not count as its words.
    """

    def __init__(self, caption: str) -> None:
        tokens = tokenize(caption)
        self._forms = {form for token in tokens for form in _forms(token)}
        self._forms |= {form for pair in itertools.pairwise(tokens) for form in _forms("".join(pair))}

    def supports(self, tag: str) -> bool:
        """Whether every word of the tag stands in the caption, in any inflection or spelling.

        Example:
            >>> words = CaptionWords("Two grey cats on a wooden table, cell phones nearby")
            >>> [words.supports(tag) for tag in ("cat", "gray", "cellphone", "wooden table", "dog")]
            [True, True, True, True, False]
        """
        tokens = [token for token in tokenize(tag) if token[0].isalnum() and token not in _FREE]
        if not tokens:
            return False
        if all(not self._forms.isdisjoint(_forms(token)) for token in tokens):
            return True
        return not self._forms.isdisjoint(_forms("".join(tokens)))


def _forms(word: str) -> set[str]:
    spelled = word_map("spelling").get(word, word)
    joined = spelled.replace(" ", "")
    return {word, spelled, joined, singular(word), singular(spelled), singular(joined), infinitive(word)}
