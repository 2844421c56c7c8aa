"""An encoder that remembers: short requests are encoded once, long ones every time; the encoder is not touched."""

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


def test_the_same_pictures_are_encoded_once_per_mode_and_equal_the_encoders(backbone, monkeypatch):
    pixels = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = {mode: backbone.encode_dense(pixels, mode=mode) for mode in ("clip", "surgery")}
    own, asked = backbone.encode_dense, []

    def counted(pixels, *, mode="clip", positions=None):
        asked.append((len(pixels), mode))
        return own(pixels, mode=mode, positions=positions)

    monkeypatch.setattr(backbone, "encode_dense", counted)
    remembering = with_memory(backbone)
    for mode in ("clip", "surgery", "clip"):
        found = remembering.encode_dense(pixels.clone(), mode=mode)
        assert torch.equal(found.patches, expected[mode].patches)
        assert found.grid == expected[mode].grid
    assert asked == [(2, "clip"), (2, "surgery")]
    changed = pixels.clone()
    changed[1, 2, 15, 15] += 1e-3  # another picture, if only by one value
    remembering.encode_dense(changed)
    many = pixels[:1].expand(LONGEST + 1, -1, -1, -1)
    for _ in range(2):
        remembering.encode_dense(many)
    assert asked[2:] == [(2, "clip"), (LONGEST + 1, "clip"), (LONGEST + 1, "clip")]
