"""Companions as transformers opens them: equal for equal seeds, and the global generator untouched."""

import pytest
import torch
import transformers

from tagalign.testing.companion_folder import make_companion_folder


@pytest.mark.parametrize(
    ("kind", "model"),
    [("vit", "ViTModel"), ("dinov2", "Dinov2Model"), ("dinov2_with_registers", "Dinov2WithRegistersModel")],
)
def test_every_kind_opens_with_four_by_four_patches(tmp_path, kind, model):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    folder = make_companion_folder(tmp_path / "a", kind=kind, patch_size=4)
    assert torch.equal(torch.get_rng_state(), before)
    more = {"add_pooling_layer": False} if kind == "vit" else {}
    opened = getattr(transformers, model).from_pretrained(folder, **more)
    assert (opened.config.image_size, opened.config.patch_size) == (16, 4)
    with torch.inference_mode():
        tokens = opened(torch.zeros(1, 3, 16, 16)).last_hidden_state
    assert tokens.shape[1] == 16 + 1 + (3 if kind == "dinov2_with_registers" else 0)


def test_seeds_give_weights_of_their_own(tmp_path):
    files = [
        (make_companion_folder(tmp_path / name, seed=seed) / "model.safetensors").read_bytes()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert files[0] == files[1] != files[2]
