"""Which tags guide the tag encoder, as words and as token ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.methods.tag2text.wordpieces import MAX_TOKENS, Wordpieces, join_tags

Ids = Int[Tensor, "batch tokens"]
Mask = Bool[Tensor, "batch tokens"]


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Tags for one image, in the order the encoder reads them.

    Attributes:
        tags: words; may be empty.
        left_out: words that did not fit into the token row.
        scores: probability of each tag that is in the model's list.
    """

    tags: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


def recognised_tags(
    logits: Float[Tensor, " tags"],
    chosen: Bool[Tensor, " tags"],
    names: Sequence[str],
    *,
    sure_first: bool,
) -> list[str]:
    """Names of the chosen tags: by falling score without repeats, or by ascending index as the release joins them."""
    indices = chosen.nonzero()[:, 0]
    if not sure_first:
        return [names[i] for i in indices.tolist()]
    order = logits[indices].argsort(descending=True, stable=True)
    # names repeat (a noun and a verb are spelled alike), and a repeated word would guide twice
    return list(dict.fromkeys(names[i] for i in indices[order].tolist()))


def guide(
    tags: Sequence[str],
    scores: Mapping[str, float],
    wordpieces: Wordpieces,
    *,
    whole: bool,
    max_tokens: int = MAX_TOKENS,
) -> Guidance:
    """Tags that fit, and what had to be left out; with ``whole`` off the row is cut later, wherever it ends."""
    kept = wordpieces.fit_tags(tags, max_tokens=max_tokens) if whole else tuple(tags)
    return Guidance(
        tags=kept,
        left_out=tuple(tag for tag in tags if tag not in kept),
        scores={tag: scores[tag] for tag in kept if tag in scores},
    )


def tag_rows(
    guidance: Sequence[Guidance],
    wordpieces: Wordpieces,
    *,
    pad_to: int | None = None,
    max_tokens: int = MAX_TOKENS,
) -> tuple[Ids, Mask]:
    """``[ENC] tag | tag [SEP]`` per image."""
    texts = [join_tags(one.tags) for one in guidance]
    return wordpieces.batch(texts, first=wordpieces.enc, max_tokens=max_tokens, pad_to=pad_to)


def question_rows(
    questions: Sequence[str],
    guidance: Sequence[Guidance],
    wordpieces: Wordpieces,
    *,
    max_tokens: int = MAX_TOKENS,
) -> tuple[Ids, Mask]:
    """``[ENC] question [SEP] tag | tag [SEP]``; without tags ``[ENC] question [SEP]``.

    The paper joins question and tags without saying how; BERT's own pair form is taken. A question may fill
    ``max_tokens``, the tags have ``max_tokens`` of their own.
    """
    rows = []
    for question, one in zip(questions, guidance, strict=True):
        row = [wordpieces.enc, *wordpieces.row(question)[: max_tokens - 2], wordpieces.sep]
        if one.tags:
            row += [*wordpieces.row(join_tags(one.tags))[: max_tokens - 1], wordpieces.sep]
        rows.append(row)
    return wordpieces.pad_rows(rows)


def best_scores(logits: Float[Tensor, " tags"], names: Sequence[str]) -> dict[str, float]:
    """Probability of every name; of repeated names the highest."""
    scores: dict[str, float] = {}
    for name, prob in zip(names, logits.sigmoid().tolist(), strict=True):
        scores[name] = max(prob, scores.get(name, 0.0))
    return scores


def scored_tags(guidance: Guidance) -> Mapping[str, float]:
    """The tags with their scores; NaN for a word outside the model's list."""
    return {tag: guidance.scores.get(tag, float("nan")) for tag in guidance.tags}
