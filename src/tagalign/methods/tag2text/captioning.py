"""A batch of encoded images and their guiding tags to sentences or answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.errors import InputError
from tagalign.methods.tag2text.generation import CaptionLength, Nucleus, beam_search, nucleus_sampling
from tagalign.methods.tag2text.guidance import Guidance, question_rows, tag_rows
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.wordpieces import MAX_TOKENS, Wordpieces

PROMPT = "a picture of "
NUM_BEAMS = 3
ANSWER_LENGTH = CaptionLength(minimum=0, maximum=12)

ImageTokens = Float[Tensor, "batch image_tokens image_width"]


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How words are found.

    Attributes:
        num_beams: of beam search; 1 is greedy.
        top_p: nucleus sampling instead of beams when given.
        repetition_penalty: of nucleus sampling.
        seed: of nucleus sampling; image ``i`` of a call draws from ``seed + i``.
        length: of captions, in tokens.
        prompt: every caption begins with it; it is taken off the text.
    """

    num_beams: int = NUM_BEAMS
    top_p: float | None = None
    repetition_penalty: float = 1.0
    seed: int = 0
    length: CaptionLength = CaptionLength()  # noqa: RUF009 - frozen
    prompt: str = PROMPT


@torch.no_grad()
def caption_batch(
    model: Tag2Text,
    wordpieces: Wordpieces,
    image_tokens: ImageTokens,
    guidance: Sequence[Guidance],
    *,
    decoding: Decoding,
    mask_padding: bool,
    first_index: int = 0,
) -> list[str]:
    """One sentence per image; equal to captioning them one by one.

    Args:
        model: the network.
        wordpieces: its tokenizer.
        image_tokens: of the batch.
        guidance: tags of each image.
        decoding: beams or nucleus.
        mask_padding: the decoder leaves padded tag positions out; off for parity with the release, where all rows
            are padded to the full length because padding is seen.
        first_index: of the batch within the call, for the seeds of nucleus sampling.
    """
    ids, mask = tag_rows(guidance, wordpieces, pad_to=None if mask_padding else MAX_TOKENS)
    prompt = [wordpieces.dec, *wordpieces.row(decoding.prompt)]
    asked = _Asked(ids=ids, mask=mask, prompt=prompt, mask_padding=mask_padding)
    rows = _decode(model, wordpieces, image_tokens, asked, decoding=decoding, first_index=first_index)
    return [_without_prompt(wordpieces.decode(row), decoding.prompt) for row in rows]


@torch.no_grad()
def answer_batch(
    model: Tag2Text,
    wordpieces: Wordpieces,
    image_tokens: ImageTokens,
    questions: Sequence[str],
    guidance: Sequence[Guidance],
    *,
    num_beams: int = NUM_BEAMS,
) -> list[str]:
    """One free-form answer per image and question; guidance without tags asks the image alone."""
    ids, mask = question_rows(questions, guidance, wordpieces)
    decoding = Decoding(num_beams=num_beams, prompt="", length=ANSWER_LENGTH)
    asked = _Asked(ids=ids, mask=mask, prompt=[wordpieces.dec])
    rows = _decode(model, wordpieces, image_tokens, asked, decoding=decoding)
    return [wordpieces.decode(row).strip() for row in rows]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """What the decoder is told of a batch.

    Attributes:
        ids: of the guiding tags, a row per image.
        mask: their real tokens.
        prompt: ids that every text begins with.
        mask_padding: the decoder leaves padded tag positions out.
    """

    ids: Int[Tensor, "batch tokens"]
    mask: Bool[Tensor, "batch tokens"]
    prompt: list[int]
    mask_padding: bool = True


def _decode(
    model: Tag2Text,
    wordpieces: Wordpieces,
    image_tokens: ImageTokens,
    asked: _Asked,
    *,
    decoding: Decoding,
    first_index: int = 0,
) -> list[list[int]]:
    device = image_tokens.device
    mask = asked.mask.to(device)
    states = model.tag_states(asked.ids.to(device), mask, image_tokens)
    seen = mask if asked.mask_padding else None
    if decoding.top_p is None:
        return beam_search(
            model.text_decoder,
            states,
            seen,
            asked.prompt,
            end=wordpieces.sep,
            num_beams=decoding.num_beams,
            length=decoding.length,
        )
    seeds = [decoding.seed + first_index + i for i in range(len(states))]
    return nucleus_sampling(
        model.text_decoder,
        states,
        seen,
        asked.prompt,
        end=wordpieces.sep,
        generators=[torch.Generator().manual_seed(seed) for seed in seeds],
        nucleus=Nucleus(top_p=decoding.top_p, repetition_penalty=decoding.repetition_penalty),
        length=decoding.length,
    )


def _without_prompt(text: str, prompt: str) -> str:
    # by length, as the release does: word pieces may continue the prompt's last word
    return text[len(prompt) :]


def check_question(question: str) -> str:
    """The question without outer white space.

    Raises:
        InputError: if nothing is left.
    """
    if not question.strip():
        raise InputError("expected a question such as 'what color is the car?', got an empty one")
    return question.strip()
