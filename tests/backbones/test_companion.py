"""Companions against transformers' own classes: patch rows after the last norm, no class token, no registers."""

import pytest
import torch
import transformers

from tagalign.backbones.companion import COMPANIONS, load_companion
from tagalign.errors import InputError, ModelError
from tagalign.testing.companion_folder import make_companion_folder


@pytest.mark.parametrize("kind", COMPANIONS)
@pytest.mark.parametrize("grid", [(4, 4), (2, 5), (1, 1)])
def test_features_are_those_of_transformers(kind, grid, tmp_path):
    folder = make_companion_folder(tmp_path / "c", kind=kind, patch_size=6)
    pixels = torch.randn(2, 3, 6 * grid[0], 6 * grid[1], generator=torch.Generator().manual_seed(0))
    more = {"add_pooling_layer": False} if kind == "vit" else {}
    model = getattr(transformers, COMPANIONS[kind]).from_pretrained(folder, **more)
    with torch.no_grad():
        asked = {"interpolate_pos_encoding": True} if kind == "vit" else {}
        rows = model(pixels, **asked).last_hidden_state[:, -grid[0] * grid[1] :]
    found = load_companion(str(folder)).features(pixels)
    assert found.shape == (2, 24, *grid)
    for row in range(grid[0]):
        for col in range(grid[1]):
            # the same float32 operations
            torch.testing.assert_close(found[:, :, row, col], rows[:, row * grid[1] + col], atol=1e-6, rtol=0)


def test_other_sides_and_other_models_are_refused(tmp_path, clip_folder):
    companion = load_companion(str(make_companion_folder(tmp_path / "c")))
    for size in ((7, 8), (3, 7), (0, 7)):
        with pytest.raises(InputError, match="multiples of the companion's patch of 7 pixels"):
            companion.features(torch.zeros(1, 3, *size))
    with pytest.raises(ModelError, match="expected a companion encoder with patches"):
        load_companion(str(clip_folder))
    half = make_companion_folder(tmp_path / "half")
    (half / "model.safetensors").write_bytes(
        (make_companion_folder(tmp_path / "wide", width=32) / "model.safetensors").read_bytes()
    )
    with pytest.raises(ModelError, match="cannot be built as a companion"):
        load_companion(str(half))
