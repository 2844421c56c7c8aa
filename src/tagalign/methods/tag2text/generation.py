"""Words from tag states: greedy, beam and nucleus for a whole batch, one decoder pass per new token.

Own beam search because the stop rule matters: transformers 5 stops at other hypotheses than the released code's
version (4.46), and a caption must not depend on what else is in the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import BlipTextLMHeadModel

from tagalign.backbones.finite import checked
from tagalign.errors import InputError
from tagalign.methods.tag2text.text_layers import DecoderMemory, decode_step, start_memory

States = Float[Tensor, "batch state_tokens width"]
StatesMask = Bool[Tensor, "batch state_tokens"]
NEVER = float("-inf")


@dataclass(frozen=True, kw_only=True)
class CaptionLength:
    """Limits of a caption in tokens; prompt, start and end count.

    Attributes:
        minimum: the end is forbidden before that many tokens.
        maximum: no caption is longer.
    """

    minimum: int = 10
    maximum: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise InputError(
                f"expected 0 <= minimum <= maximum caption length, got {self.minimum} and {self.maximum}"
            )

    def within(self, min_tokens: int | None, max_tokens: int | None, *, most: int) -> "CaptionLength":
        """With other limits where they are given; a smaller maximum lowers a minimum that is not.

        Args:
            min_tokens: instead of the minimum.
            max_tokens: instead of the maximum.
            most: positions that the decoder has.

        Raises:
            InputError: if the limits cross, or the decoder has fewer positions.
        """
        if max_tokens is not None and max_tokens > most:
            raise InputError(f"max_tokens: this model writes at most {most} tokens, got {max_tokens}")
        if min_tokens is None and max_tokens is None:
            return self
        maximum = self.maximum if max_tokens is None else max_tokens
        minimum = min(self.minimum, maximum) if min_tokens is None else min_tokens
        if minimum > maximum:
            raise InputError(f"min_tokens: at most max_tokens, which is {maximum}, got {minimum}")
        return CaptionLength(minimum=minimum, maximum=maximum)


@dataclass(frozen=True, kw_only=True)
class Nucleus:
    """What a token is drawn from.

    Attributes:
        top_p: in (0, 1]; the likeliest tokens that together reach it. The likeliest one always stays.
        repetition_penalty: above 1 makes tokens that already stand in the caption less likely.

    Raises:
        InputError: if one of them is out of range.
    """

    top_p: float = 0.9
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.top_p <= 1 or self.repetition_penalty <= 0:
            raise InputError(
                f"expected 0 < top_p <= 1 and a positive repetition penalty, got {self.top_p} and {self.repetition_penalty}"
            )


@dataclass(kw_only=True)
class _Search:
    """Beams of one image: what runs, what is finished, and whether it is over."""

    prompt: list[int]
    num_beams: int
    end: int
    running: list[list[int]] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    finished: list[tuple[float, list[int]]] = field(default_factory=list)
    over: bool = False

    def __post_init__(self) -> None:
        self.running, self.totals = [list(self.prompt)], [0.0]

    def advance(self, ranked: list[tuple[float, int, int]]) -> list[tuple[int, int]]:
        """Take the best continuations ``(total, beam, token)``; returns the ``(beam, token)`` that go on."""
        going = []
        for rank, (total, beam, token) in enumerate(ranked):
            if token != self.end:
                going.append((total, beam, token))
            elif rank < self.num_beams:  # an end further down never counts, even if better ones end too
                self._finish(self.running[beam], total)
            if len(going) == self.num_beams:
                break
        generated = len(self.running[0]) + 1 - len(self.prompt)
        self.running = [[*self.running[beam], token] for _, beam, token in going]
        self.totals = [total for total, _, _ in going]
        full = len(self.finished) == self.num_beams
        # not even the best continuation, if it ended now, would beat the worst finished one
        self.over = full and self.finished[0][0] >= ranked[0][0] / generated
        return [(beam, token) for _, beam, token in going]

    def _finish(self, ids: list[int], total: float) -> None:
        score = total / max(len(ids) + 1 - len(self.prompt), 1)  # the end is a generated token too
        self._keep(score, [*ids, self.end])

    def _keep(self, score: float, ids: list[int]) -> None:
        if len(self.finished) == self.num_beams:
            if score <= self.finished[0][0]:
                return
            self.finished = self.finished[1:]
        self.finished = sorted([*self.finished, (score, ids)], key=lambda item: item[0])

    def best(self) -> list[int]:
        """The best caption; running ones compete when the length limit came first."""
        if not self.over:
            for ids, total in zip(self.running, self.totals, strict=True):
                self._keep(total / max(len(ids) - len(self.prompt), 1), ids)
        return self.finished[-1][1]


@torch.no_grad()
def beam_search(
    decoder: BlipTextLMHeadModel,
    states: States,
    states_mask: StatesMask | None,
    prompt: Sequence[int],
    *,
    end: int,
    num_beams: int = 3,
    length: CaptionLength | None = None,
) -> list[list[int]]:
    """The likeliest caption of each image found with ``num_beams`` running hypotheses.

    A caption scores ``sum of log-probabilities / number of generated tokens`` (length penalty 1). An image is over when
    ``num_beams`` captions are finished and the best running one could not beat them if it ended now; it then leaves the
    batch. The result of an image does not depend on its neighbours.

    Args:
        decoder: the language model.
        states: what it attends to, one row per image; beams do not repeat them.
        states_mask: True where a state may be seen; None for all.
        prompt: ids every caption begins with.
        end: id that ends a caption.
        num_beams: 1 is greedy search.
        length: limits; 10 to 30 tokens when None.

    Returns:
        Ids per image, prompt and end included; without end where the limit came first.

    Raises:
        InputError: if ``num_beams`` is not positive or the prompt fills the whole caption.
    """
    length = length or CaptionLength()
    _check(prompt, length, num_beams)
    searches = [_Search(prompt=list(prompt), num_beams=num_beams, end=end) for _ in range(len(states))]
    active = searches
    logits, memory = _read_prompt(decoder, states, states_mask, prompt)
    for position in range(len(prompt), length.maximum):
        log_probs = logits.float().log_softmax(dim=-1)
        if position < length.minimum:
            log_probs[:, end] = NEVER  # what is forbidden is not shared out among the others
        ranked = _rank(log_probs, [search.totals for search in active], 2 * num_beams)
        moves = [search.advance(best) for search, best in zip(active, ranked, strict=True)]
        left = [i for i, search in enumerate(active) if not search.over]
        if not left or position + 1 == length.maximum:
            break
        memory = _follow(memory, [moves[i] for i in left], left)
        active = [active[i] for i in left]
        tokens = [token for i in left for _, token in moves[i]]
        logits, memory = _next(decoder, torch.tensor(tokens, device=states.device)[:, None], memory)
    return [search.best() for search in searches]


def _check(prompt: Sequence[int], length: CaptionLength, num_beams: int) -> None:
    if num_beams < 1:
        raise InputError(f"expected at least 1 beam, got {num_beams}")
    if len(prompt) >= length.maximum:
        raise InputError(
            f"the prompt fills {len(prompt)} of {length.maximum} caption tokens; raise the maximum length"
        )


def _read_prompt(
    decoder: BlipTextLMHeadModel, states: States, states_mask: StatesMask | None, prompt: Sequence[int]
) -> tuple[Float[Tensor, "batch vocabulary"], DecoderMemory]:
    first = torch.tensor(prompt, device=states.device).expand(len(states), -1)
    return _next(decoder, first, start_memory(decoder, states, states_mask))


def _next(
    decoder: BlipTextLMHeadModel, tokens: Int[Tensor, "rows tokens"], memory: DecoderMemory
) -> tuple[Float[Tensor, "rows vocabulary"], DecoderMemory]:
    """Scores of the next word; those that are no numbers would be written as some words."""
    logits, memory = decode_step(decoder, tokens, memory)
    return checked(logits, decoder, name="tag2text", what="word scores", item="sentence"), memory


def _rank(
    log_probs: Float[Tensor, "rows vocabulary"], totals: list[list[float]], count: int
) -> list[list[tuple[float, int, int]]]:
    """The ``count`` best ``(total, beam, token)`` of each image, best first."""
    sums = torch.tensor(totals, device=log_probs.device)[..., None]
    flat = (log_probs.unflatten(0, sums.shape[:2]) + sums).flatten(1)
    vocabulary = log_probs.shape[-1]
    best = flat.topk(min(count, flat.shape[1]), dim=-1)
    return [
        [(total, place // vocabulary, place % vocabulary) for total, place in zip(row, places, strict=True)]
        for row, places in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def _follow(memory: DecoderMemory, moves: list[list[tuple[int, int]]], images: list[int]) -> DecoderMemory:
    """The memory of the images that are left, with token rows in the order of their beams."""
    rows = [
        image * memory.beams + beam for image, move in zip(images, moves, strict=True) for beam, _ in move
    ]
    return memory.pick(rows=rows, images=images)


@torch.no_grad()
def nucleus_sampling(
    decoder: BlipTextLMHeadModel,
    states: States,
    states_mask: StatesMask | None,
    prompt: Sequence[int],
    *,
    end: int,
    generators: Sequence[torch.Generator],
    nucleus: Nucleus | None = None,
    length: CaptionLength | None = None,
) -> list[list[int]]:
    """A random caption per image: each token is drawn from the likeliest ones that together reach ``top_p``.

    Args:
        decoder: the language model.
        states: what it attends to, one row per image.
        states_mask: True where a state may be seen; None for all.
        prompt: ids every caption begins with.
        end: id that ends a caption.
        generators: one per image (CPU), so that an image's caption does not depend on its neighbours.
        nucleus: what is drawn from; 0.9 without a penalty when None.
        length: limits; 10 to 30 tokens when None.

    Returns:
        Ids per image, prompt and end included; without end where the limit came first.

    Raises:
        InputError: if the prompt fills the whole caption.
    """
    length = length or CaptionLength()
    nucleus = nucleus or Nucleus()
    _check(prompt, length, 1)
    captions = [list(prompt) for _ in range(len(states))]
    active = list(range(len(states)))
    logits, memory = _read_prompt(decoder, states, states_mask, prompt)
    for position in range(len(prompt), length.maximum):
        for row, image in enumerate(active):
            scores = _penalised(logits[row].float().cpu(), captions[image], nucleus.repetition_penalty)
            if position < length.minimum:
                scores[end] = NEVER
            captions[image].append(_draw(scores, nucleus.top_p, generators[image]))
        left = [row for row, image in enumerate(active) if captions[image][-1] != end]
        if not left or position + 1 == length.maximum:
            break
        memory = memory.pick(rows=left, images=left)
        active = [active[row] for row in left]
        tokens = torch.tensor([[captions[image][-1]] for image in active], device=states.device)
        logits, memory = _next(decoder, tokens, memory)
    return captions


def _penalised(
    logits: Float[Tensor, " vocabulary"], ids: list[int], penalty: float
) -> Float[Tensor, " vocabulary"]:
    """Logits of present tokens divided by the penalty when positive, multiplied when negative."""
    logits = logits.clone()
    seen = logits[ids]
    logits[ids] = torch.where(seen < 0, seen * penalty, seen / penalty)
    return logits


def _draw(logits: Float[Tensor, " vocabulary"], top_p: float, generator: torch.Generator) -> int:
    probs, order = logits.softmax(dim=-1).sort(descending=True)
    # a token stays while the likelier ones together are below top_p
    kept = probs * (probs.cumsum(dim=-1) - probs < top_p)
    return int(order[torch.multinomial(kept, 1, generator=generator)])
