"""Checkpoints in any form become folders in today's form, with the same numbers."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel

from tagalign.backbones.hub.importing import import_clip
from tagalign.backbones.load import load_backbone
from tagalign.errors import ModelError
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.clip_layouts.weights import open_clip_state, read_state


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_clip_folder(tmp_path_factory.mktemp("clip"))


def same_answers(out, folder, tolerance=1e-6):
    made, wanted = load_backbone(str(out)), load_backbone(str(folder))
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        made.encode_text(["a dog"]), wanted.encode_text(["a dog"]), rtol=0, atol=tolerance
    )
    torch.testing.assert_close(made.embed_images(pixels), wanted.embed_images(pixels), rtol=0, atol=tolerance)
    return made


def test_an_archive_of_openai(folder, tmp_path):
    """Its config is read off the shapes: heads of 64, four times the width inside, quick_gelu. Half precision as theirs."""
    config = json.loads((folder / "config.json").read_text())
    words = config["text_config"]["vocab_size"]
    text = dict(
        hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=1, vocab_size=words
    )
    vision = dict(hidden_size=128, intermediate_size=512, num_hidden_layers=2, num_attention_heads=2)
    ends = dict(
        max_position_embeddings=16, bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=words - 1
    )
    sizes = dict(image_size=32, patch_size=8)
    torch.manual_seed(0)
    theirs = CLIPModel(
        CLIPConfig(text_config=text | ends, vision_config=vision | sizes, projection_dim=32)
    ).eval()
    tensors = {name: tensor.half() for name, tensor in open_clip_state(theirs.state_dict()).items()}
    numbers = {"input_resolution": 32, "context_length": 16, "vocab_size": words}
    torch.save(tensors | {k: torch.tensor(v) for k, v in numbers.items()}, tmp_path / "ViT.pt")
    import_clip(str(tmp_path / "ViT.pt"), tmp_path / "out", tokenizer=str(folder))
    made = load_backbone(str(tmp_path / "out"))
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        wanted = theirs.get_image_features(pixel_values=pixels).pooler_output
    # weights of 11 bits: relative 5e-4 each
    torch.testing.assert_close(
        made.embed_images(pixels), wanted, rtol=0, atol=5e-3 * float(wanted.abs().max())
    )


def test_a_pickle_beside_its_config(folder, tmp_path):
    beside = shutil.copytree(folder, tmp_path / "beside")
    (beside / "model.safetensors").unlink()
    torch.save(read_state(folder), beside / "pytorch_model.bin")
    import_clip(str(beside / "pytorch_model.bin"), tmp_path / "out", tokenizer="nowhere/at-all")
    same_answers(tmp_path / "out", folder)


def test_half_is_stored_as_half(folder, tmp_path):
    import_clip(str(folder), tmp_path / "out", tokenizer="nowhere/at-all", half=True)
    assert {t.dtype for t in load_file(tmp_path / "out/model.safetensors").values()} == {torch.float16}
    same_answers(tmp_path / "out", folder, tolerance=2e-2)  # 11 bits of precision through eight blocks


def test_without_any_tokenizer(folder, tmp_path):
    torch.save(open_clip_state(read_state(folder)), tmp_path / "ViT.pt")
    shutil.copy(folder / "config.json", tmp_path / "config.json")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"has no tokenizer\.json .* give another --tokenizer"):
        import_clip(str(tmp_path / "ViT.pt"), tmp_path / "out", tokenizer=str(empty))
    assert not (tmp_path / "out").exists()
