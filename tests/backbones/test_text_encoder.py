"""The text half: chunks change nothing, no prompt is a table without rows, and frozen stays frozen."""

import pytest
import torch
from torch import nn

from tagalign.backbones.text_encoder import TOKENS, TextEncoder

CONTEXT = 64


class Lengths(nn.Module):
    """A tower whose embedding is the sum of the ids, and which notes how many tokens it saw at a time."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.seen = []

    def forward(self, ids):
        self.seen.append(ids.numel())
        return ids.sum(dim=1, keepdim=True).float() * self.scale


def tokenizer(prompts):
    return torch.tensor([[len(prompt)] * CONTEXT for prompt in prompts]).reshape(len(prompts), CONTEXT)


def encoder():
    text = TextEncoder(Lengths(), None, dim=2, scale=10.0)
    text.tokenizer = tokenizer
    return text


@pytest.mark.parametrize("batch_size", [1, 3, 64, 10_000])
def test_batches_change_nothing_and_stay_small(batch_size):
    text, prompts = encoder(), ["x" * n for n in range(150)]
    found = text.encode_text(prompts, batch_size=batch_size)
    assert found.tolist() == [[float(n * CONTEXT)] * 2 for n in range(150)]
    assert max(text.tower.seen) <= max(TOKENS, CONTEXT)
    assert max(text.tower.seen) <= batch_size * CONTEXT


def test_no_prompt_gives_no_row():
    assert encoder().encode_text([]).shape == (0, 2)


def test_frozen_stays_frozen():
    text = encoder().train()
    assert not text.training
    assert not text.tower.training
    assert not any(p.requires_grad for p in text.parameters())
    assert not text.encode_text(["a"]).requires_grad
