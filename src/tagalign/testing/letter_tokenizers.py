"""Tokenizers of single letters with the marks of any family: enough to see case, punctuation, marks and padding."""

import string

from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import BPE

LETTERS = "▁" + string.ascii_letters + string.digits + string.punctuation


def letter_tokenizer(specials: tuple[str, ...], *, frame: tuple[str, str] | None = None) -> Tokenizer:
    """A ``tokenizers`` engine: marks from id 0 on, then one token per letter, upper and lower case apart.

    Args:
        specials: marks; ``<unk>`` among them stands for unknown letters.
        frame: start and end that its post-processor sets.
    """
    vocabulary = {token: i for i, token in enumerate((*specials, *LETTERS))}
    unknown = "<unk>"
    engine = Tokenizer(BPE(vocab=vocabulary, merges=[], unk_token=unknown))
    engine.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    engine.add_special_tokens(list(specials))
    if frame is not None:
        start, end = frame
        engine.post_processor = processors.TemplateProcessing(
            single=f"{start} $A {end}", special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])]
        )
    return engine
