"""Attention over the weights of Hugging Face's BLIP text layers, with masks that act and any head count.

BLIP's own forward (transformers 5.23) drops the mask of the cross-attended states and knows one head count; Tag2Text
needs a mask there, runs the same matrices with two head counts, and decodes beams without repeating the states.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import BlipTextLMHeadModel, BlipTextModel

from tagalign.ops.attention import merge_heads, split_heads

TextTokens = Float[Tensor, "batch tokens width"]
States = Float[Tensor, "batch state_tokens width"]
StatesMask = Bool[Tensor, "batch state_tokens"]
Ids = Int[Tensor, "batch tokens"]
Mask = Bool[Tensor, "batch tokens"]
KeyValue = tuple[Tensor, Tensor]
BlipLayer = Any  # a BlipTextLayer; torch types its children as "tensor or module", which says nothing
BlipAttention = Any  # a BlipTextAttention


def blip_layers(text: BlipTextModel) -> Sequence[BlipLayer]:
    """The layers of a text part, first to last."""
    return list(text.encoder.layer)


def key_value(attention: BlipAttention, states: TextTokens, *, num_heads: int | None = None) -> KeyValue:
    """Key and value heads of the states that are attended to."""
    projections = attention.self
    heads = num_heads or projections.num_attention_heads
    return split_heads(projections.key(states), heads), split_heads(projections.value(states), heads)


def attend(
    attention: BlipAttention,
    x: TextTokens,
    seen: KeyValue,
    *,
    num_heads: int | None = None,
    mask: Bool[Tensor, "..."] | None = None,
) -> TextTokens:
    """``LN(x + dense(attention))`` of one BLIP attention block; ``mask`` is True where a key may be seen."""
    projections = attention.self
    q = split_heads(projections.query(x), num_heads or projections.num_attention_heads)
    dropout = projections.dropout.p if projections.training else 0.0
    mixed = F.scaled_dot_product_attention(q, *seen, attn_mask=mask, dropout_p=dropout)
    return attention.output(merge_heads(mixed), x)


def recognise(
    layers: Sequence[BlipLayer],
    queries: Float[Tensor, "batch tags width"],
    image_tokens: Float[Tensor, "batch image_tokens image_width"],
    *,
    num_heads: int,
) -> Float[Tensor, "batch tags width"]:
    """Queries meet the image: cross-attention and feed-forward per layer, no self-attention."""
    x = queries
    for layer in layers:
        seen = key_value(layer.crossattention, image_tokens, num_heads=num_heads)
        x = attend(layer.crossattention, x, seen, num_heads=num_heads)
        x = layer.feed_forward_chunk(x)
    return x


def encode_text(
    text: BlipTextModel,
    ids: Ids,
    mask: Mask,
    image_tokens: Float[Tensor, "images image_tokens image_width"] | None = None,
    *,
    image_rows: Int[Tensor, " batch"] | None = None,
) -> TextTokens:
    """Bidirectional encoder; with ``image_tokens`` every layer also attends to the image.

    Args:
        text: the encoder.
        ids: token ids.
        mask: True at real tokens.
        image_tokens: one row per text, or fewer images that ``image_rows`` points into.
        image_rows: image of each text; an image that meets several texts is projected once.
    """
    x = text.embeddings(ids)
    for layer in blip_layers(text):
        x = attend(layer.attention, x, key_value(layer.attention, x), mask=mask[:, None, None])
        if image_tokens is not None:
            key, value = key_value(layer.crossattention, image_tokens)
            seen = (key, value) if image_rows is None else (key[image_rows], value[image_rows])
            x = attend(layer.crossattention, x, seen)
        x = layer.feed_forward_chunk(x)
    return x


def caption_logits(
    decoder: BlipTextLMHeadModel, ids: Ids, mask: Mask, states: States, states_mask: StatesMask | None
) -> Float[Tensor, "batch tokens vocabulary"]:
    """Teacher-forced decoder: every position sees itself, what stands before it, and the tag states.

    Args:
        decoder: causal language model with cross-attention.
        ids: captions, first token ``[DEC]``.
        mask: True at real tokens.
        states: output of the tag encoder.
        states_mask: True at real tag tokens; None lets the decoder see padding, as the release does.
    """
    x = decoder.bert.embeddings(ids)
    length = ids.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
    own = causal & mask[:, None, None]
    seen = None if states_mask is None else states_mask[:, None, None]
    for layer in blip_layers(decoder.bert):
        x = attend(layer.attention, x, key_value(layer.attention, x), mask=own)
        x = attend(layer.crossattention, x, key_value(layer.crossattention, states), mask=seen)
        x = layer.feed_forward_chunk(x)
    return decoder.cls(x)


@dataclass(frozen=True, kw_only=True, eq=False)
class DecoderMemory:
    """What the decoder keeps between tokens.

    Attributes:
        states: key and value heads of the tag states, per layer; one row per image, never repeated for beams.
        states_mask: True where a tag state may be seen.
        own: key and value heads of the tokens so far, per layer; one row per image and beam.
        beams: rows per image.
        length: tokens so far.
    """

    states: tuple[KeyValue, ...]
    states_mask: StatesMask | None
    own: tuple[KeyValue | None, ...]
    beams: int
    length: int

    def pick(self, *, rows: Sequence[int], images: Sequence[int]) -> "DecoderMemory":
        """The memory of some images, in ascending order, with their token rows in a new order and number.

        Args:
            rows: token rows of this memory; equally many per image, image by image.
            images: the images that stay.
        """
        device = self.states[0][0].device
        picked = torch.tensor(rows, device=device)
        stay = None if len(images) == len(self.states[0][0]) else torch.tensor(images, device=device)
        mask = self.states_mask
        return DecoderMemory(
            states=self.states if stay is None else tuple((k[stay], v[stay]) for k, v in self.states),
            states_mask=mask if stay is None or mask is None else mask[stay],
            own=tuple(None if kv is None else (kv[0][picked], kv[1][picked]) for kv in self.own),
            beams=len(rows) // len(images),
            length=self.length,
        )


def start_memory(
    decoder: BlipTextLMHeadModel, states: States, states_mask: StatesMask | None
) -> DecoderMemory:
    """Memory before the first token: tag states projected once for all steps."""
    layers = blip_layers(decoder.bert)
    return DecoderMemory(
        states=tuple(key_value(layer.crossattention, states) for layer in layers),
        states_mask=states_mask,
        own=tuple(None for _ in layers),
        beams=1,
        length=0,
    )


def decode_step(
    decoder: BlipTextLMHeadModel, ids: Ids, memory: DecoderMemory
) -> tuple[Float[Tensor, "batch vocabulary"], DecoderMemory]:
    """One decoder pass over new tokens alone: logits after the last of them, and the longer memory."""
    x = decoder.bert.embeddings(ids, past_key_values_length=memory.length)
    new = ids.shape[1]
    total = memory.length + new
    # row i of the new tokens sees everything up to itself
    causal = torch.ones(new, total, dtype=torch.bool, device=ids.device).tril(memory.length)
    seen = None if memory.states_mask is None else memory.states_mask[:, None, None]
    own: list[KeyValue] = []
    for layer, states, past in zip(blip_layers(decoder.bert), memory.states, memory.own, strict=True):
        key, value = key_value(layer.attention, x)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        own.append((key, value))
        x = attend(layer.attention, x, (key, value), mask=causal)
        # the beams of an image are queries of one row: its tag states are not copied per beam
        x = x.unflatten(0, (-1, memory.beams)).flatten(1, 2)
        x = attend(layer.crossattention, x, states, mask=seen)
        x = x.unflatten(1, (memory.beams, new)).flatten(0, 1)
        x = layer.feed_forward_chunk(x)
    longer = DecoderMemory(
        states=memory.states, states_mask=memory.states_mask, own=tuple(own), beams=memory.beams, length=total
    )
    return decoder.cls(x[:, -1]), longer
