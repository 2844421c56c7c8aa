"""Cosines first, the trained logits as its gate opens: against a loop over patches and names."""

import math

import torch
import torch.nn.functional as F

from tagalign.methods.trusty.cosine import FIRST_OFFSET, FIRST_SCALE, CosineStart


def inputs(trusty):
    draw = torch.Generator().manual_seed(0)
    text = F.normalize(torch.randn(3, 8, generator=draw), dim=-1)
    patches = F.normalize(torch.randn(2, 5, 8, generator=draw), dim=-1)
    return torch.randn(2, 3 + trusty, 5, generator=draw), text, patches


def test_every_number_is_scale_times_cosine_above_offset_plus_gated_logit():
    start = CosineStart()
    start.start_at(40.0)
    with torch.no_grad():
        start.gate.fill_(0.7)
        start.offset.fill_(0.3)
    logits, text, patches = inputs(trusty=1)
    found = start(logits, text, patches).detach()
    for b in range(2):
        for p in range(5):
            for c in range(3):
                cosine = math.fsum(float(x) * float(y) for x, y in zip(text[c], patches[b, p], strict=True))
                wanted = 40.0 * (cosine - 0.3) + 0.7 * float(logits[b, c, p])
                assert abs(float(found[b, c, p]) - wanted) < 1e-4  # float32 sums of values below 100
    assert torch.equal(found[:, 3:], logits[:, 3:])


def test_it_begins_as_the_frozen_encoder():
    start = CosineStart()
    logits, text, patches = inputs(trusty=0)
    found = start(logits, text, patches)
    cosines = text @ patches.transpose(1, 2)
    assert torch.equal(found.argmax(1), cosines.argmax(1))
    torch.testing.assert_close(found, FIRST_SCALE * (cosines - FIRST_OFFSET), rtol=1e-5, atol=1e-5)


def test_scale_offset_and_gate_are_trained():
    start = CosineStart()
    logits, text, patches = inputs(trusty=1)
    start(logits, text, patches).square().sum().backward()
    assert {name for name, one in start.named_parameters() if one.grad is not None and one.grad != 0} == {
        "log_scale", "offset", "gate",
    }  # fmt: skip
