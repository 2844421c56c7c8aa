"""An encoder that remembers: short requests are encoded once, long ones every time, the encoder is not touched."""

import torch

from tagalign.experiments.head.remembered import LONGEST, with_memory


def test_a_short_request_is_encoded_once_and_equals_the_encoders(backbone, monkeypatch):
    expected = backbone.encode_text(["a dog", "a cat"])
    own, asked = backbone.encode_text, []

    def counted(prompts, *, batch_size=256):
        asked.append(len(prompts))
        return own(prompts, batch_size=batch_size)

    monkeypatch.setattr(backbone, "encode_text", counted)
    remembering = with_memory(backbone)
    for _ in range(3):
        assert torch.equal(remembering.encode_text(["a dog", "a cat"]), expected)
    assert asked == [2]
    many = ["a dog"] * (LONGEST + 1)
    for _ in range(2):
        remembering.encode_text(many)
    assert asked == [2, LONGEST + 1, LONGEST + 1]
    assert backbone.encode_text is counted
