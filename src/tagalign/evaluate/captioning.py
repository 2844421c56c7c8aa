"""Caption scores without Java: BLEU, ROUGE-L and CIDEr as the COCO caption challenge defines them.

METEOR needs a Java program and is not computed; SPICE on a parser of ours stands in ``spice``. All scores are fractions
(CIDEr may pass 1); tables multiply by 100. Captions are compared as lists of tokens; ``tokenize`` is ours, so results name
it.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

TOKENIZER = "ptb-like-1"
"""Name of ``tokenize`` in results: close to the Penn Treebank tokenizer that the challenge runs in Java, not equal."""

_TOKEN = re.compile(r"n't|\w+(?:[-./&]\w+)*|'(?:s|re|ve|ll|d|m)\b|[^\w\s]")
_NOT = re.compile(r"(\w)(n't)\b")
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "(", ")", "{", "}", "[", "]", ".", "?", "!", ",", ":", "-", "--", "...", ";", '"', "…", "–", "—"]
)  # fmt: skip

SentenceTokens = Sequence[str]
NGram = tuple[str, ...]
MAX_N = 4


def tokenize(caption: str) -> list[str]:
    """Lower-case words without punctuation; ``don't`` gives ``do n't``, ``man's`` gives ``man 's``.

    Example:
        >>> tokenize("A man's well-known dog, isn't it?")
        ['a', 'man', "'s", 'well-known', 'dog', 'is', "n't", 'it']
    """
    spaced = _NOT.sub(r"\1 \2", caption.lower().replace("’", "'"))
    return [token for token in _TOKEN.findall(spaced) if token not in PUNCTUATION]


def ngrams(tokens: SentenceTokens, n: int) -> Counter[NGram]:
    """How often each run of ``n`` tokens occurs."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


# The challenge's constants: they decide what a corpus without any four-gram match gets.
_TINY, _SMALL = 1e-15, 1e-9


def bleu(candidates: Sequence[SentenceTokens], references: Sequence[Sequence[SentenceTokens]]) -> list[float]:
    """Corpus BLEU-1 to BLEU-4: geometric means of clipped precisions times the brevity penalty (closest length).

    Args:
        candidates: one caption per image.
        references: captions of people for each image, at least one.

    Returns:
        Four values in [0, 1].

    Reference:
        Papineni et al., 2002; constants of the COCO caption challenge.
    """
    correct, guessed = [0] * MAX_N, [0] * MAX_N
    length = reference_length = 0
    for candidate, truths in zip(candidates, references, strict=True):
        length += len(candidate)
        reference_length += min((abs(len(t) - len(candidate)), len(t)) for t in truths)[1]
        for n in range(1, MAX_N + 1):
            counts = ngrams(candidate, n)
            most: Counter[NGram] = Counter()
            for truth in truths:
                # the most often in any one reference: a repeated word counts as often as one person wrote it
                most |= ngrams(truth, n)
            correct[n - 1] += sum((counts & most).values())
            guessed[n - 1] += max(0, len(candidate) - n + 1)
    ratio = (length + _TINY) / (reference_length + _SMALL)
    penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    scores, product = [], 1.0
    for n in range(MAX_N):
        product *= (correct[n] + _TINY) / (guessed[n] + _SMALL)
        scores.append(product ** (1 / (n + 1)) * penalty)
    return scores


ROUGE_BETA = 1.2  # recall weighs more than precision


def rouge_l(candidate: SentenceTokens, references: Sequence[SentenceTokens]) -> float:
    """ROUGE-L of one caption: F-measure of the longest common subsequence, best precision and best recall over references.

    Returns:
        In [0, 1]; 0 for an empty caption or no common word.

    Reference:
        Lin, 2004; beta 1.2 as in the COCO caption challenge.
    """
    if not candidate:
        return 0.0
    lengths = [_common_subsequence(candidate, truth) for truth in references]
    precision = max(length / len(candidate) for length in lengths)
    recall = max(
        length / len(truth) if truth else 0.0 for length, truth in zip(lengths, references, strict=True)
    )
    if not precision or not recall:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def _common_subsequence(a: SentenceTokens, b: SentenceTokens) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


CIDER_SIGMA = 6.0  # of the length penalty, in tokens


def cider(
    candidates: Sequence[SentenceTokens], references: Sequence[Sequence[SentenceTokens]]
) -> list[float]:
    """CIDEr-D of every image: mean over n = 1..4 of the clipped tf-idf cosine with each reference, times 10.

    Document frequencies come from the references given here, so a value belongs to its set of images; with one image
    all weights are 0.

    Returns:
        One value per image, from 0; a corpus score is their mean.

    Reference:
        Vedantam et al., arXiv 1411.5726, CIDEr-D with sigma 6, as the COCO caption challenge computes it.
    """
    documents: Counter[NGram] = Counter()
    for truths in references:
        documents.update({gram for truth in truths for n in range(1, MAX_N + 1) for gram in ngrams(truth, n)})
    log_images = math.log(len(references)) if references else 0.0
    idf = {gram: log_images - math.log(count) for gram, count in documents.items()}
    pairs = zip(candidates, references, strict=True)
    return [_cider_of_image(candidate, truths, idf, log_images) for candidate, truths in pairs]


def _cider_of_image(
    candidate: SentenceTokens, references: Sequence[SentenceTokens], idf: Mapping[NGram, float], unseen: float
) -> float:
    total = 0.0
    for n in range(1, MAX_N + 1):
        own = _weights(candidate, n, idf, unseen)
        for truth in references:
            total += _clipped_cosine(own, _weights(truth, n, idf, unseen)) * _length_penalty(candidate, truth)
    return 10.0 * total / MAX_N / len(references)


def _weights(tokens: SentenceTokens, n: int, idf: Mapping[NGram, float], unseen: float) -> dict[NGram, float]:
    return {gram: count * idf.get(gram, unseen) for gram, count in ngrams(tokens, n).items()}


def _clipped_cosine(own: Mapping[NGram, float], truth: Mapping[NGram, float]) -> float:
    dot = sum(min(weight, truth[gram]) * truth[gram] for gram, weight in own.items() if gram in truth)
    norms = math.hypot(*own.values()) * math.hypot(*truth.values())
    return dot / norms if norms else 0.0


def _length_penalty(candidate: SentenceTokens, truth: SentenceTokens) -> float:
    # the challenge measures length in bigrams, so captions of no and of one token are equally long
    difference = max(0, len(candidate) - 1) - max(0, len(truth) - 1)
    return math.exp(-(difference**2) / (2 * CIDER_SIGMA**2))


def caption_scores(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """``bleu1`` to ``bleu4``, ``rouge_l`` and ``cider`` of plain sentences, tokenized by ``tokenize``.

    Returns:
        Fractions; NaN without images.
    """
    if not candidates:
        return dict.fromkeys(["bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider"], math.nan)
    own = [tokenize(caption) for caption in candidates]
    truths = [[tokenize(text) for text in texts] for texts in references]
    scores = {f"bleu{n}": value for n, value in enumerate(bleu(own, truths), start=1)}
    rouge = [rouge_l(candidate, texts) for candidate, texts in zip(own, truths, strict=True)]
    return scores | {
        "rouge_l": math.fsum(rouge) / len(rouge),
        "cider": math.fsum(cider(own, truths)) / len(own),
    }
