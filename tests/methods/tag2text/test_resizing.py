"""A network for larger photos: only what belongs to places changes, it saves and opens; other sizes are refused."""

import pytest
import torch
from PIL import Image

from tagalign.backbones.preprocess import Preprocessing
from tagalign.errors import InputError
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.folder import load_tag2text, save_tag2text
from tagalign.methods.tag2text.image_encoders import resize_bias_table
from tagalign.methods.tag2text.options import Tag2TextOptions
from tagalign.methods.tag2text.resizing import at_size, resize_positions, sizes_at
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.train.tag2text.start import reopen

SWIN = {
    "kind": "swin",
    "config": {
        "image_size": 56, "patch_size": 4, "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2], "window_size": 7,
        "initializer_range": 0.3, "drop_path_rate": 0.0,
    },
}  # fmt: skip
PIXELS = Preprocessing(image_size=56)


@pytest.fixture
def swin(sizes, tags):
    """A Swin with windows of 7 at 56 pixels, as the paper's has at 224, and random biases; and its sizes."""
    wide = {**sizes(), "image_encoder": SWIN}
    wide["tag_encoder"] = {**wide["tag_encoder"], "encoder_hidden_size": 16}
    model = build_tag2text(num_tags=len(tags), **wide, seed=1).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.image_encoder.model.named_parameters():
            if name.endswith("bias_table"):
                value.copy_(torch.randn(value.shape, generator=generator))
    return model, wide


def test_tables_are_resized_and_everything_else_stays(swin):
    model, _ = swin
    larger, pixels = at_size(model, PIXELS, 96)
    assert (pixels.image_size, larger.image_encoder.model.config.window_size) == (96, 12)
    old, new = model.image_encoder.model.state_dict(), larger.image_encoder.model.state_dict()
    assert old.keys() == new.keys()
    for name, value in old.items():
        expected = resize_bias_table(value, window=12) if name.endswith("bias_table") else value
        assert torch.equal(new[name], expected), name
    for part in ("tag_head", "tag_encoder", "text_decoder", "alignment"):
        assert getattr(larger, part) is getattr(model, part)
    assert at_size(model, PIXELS, None)[0] is model
    assert at_size(model, PIXELS, 56)[0] is model


@torch.no_grad()
def test_a_photo_of_one_colour_looks_the_same_at_both_sizes(swin):
    """Attention averages values that are alike, whatever the biases are: sizes cannot matter."""
    model, _ = swin
    larger, _ = at_size(model, PIXELS, 96)
    small, large = (
        m.image_encoder(torch.full((1, 3, side, side), 0.7))[:, 0] for m, side in ((model, 56), (larger, 96))
    )
    torch.testing.assert_close(small, large, atol=1e-4, rtol=1e-4)  # float32 sums over more tokens


def test_a_vit_keeps_class_token_and_corners_of_a_plane(sizes, tags):
    """Bicubic resizing of a plane is a plane away from the edges; twice the grid halves its slope."""
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    plane = torch.stack([rows, columns], dim=-1).flatten(0, 1)[None]
    table = torch.cat([torch.tensor([[[7.0, 9.0]]]), plane], dim=1)
    found = resize_positions(table, side=16)
    assert torch.equal(found[:, 0], table[:, 0])
    grid = found[0, 1:].unflatten(0, (16, 16))
    inner = torch.arange(4, 12)
    expected = (inner + 0.5) / 2 - 0.5  # pixel centres
    # the cubic kernel (a = -0.75) misses a plane by up to 3/64
    torch.testing.assert_close(grid[inner, 8, 0], expected, atol=0.05, rtol=0)
    torch.testing.assert_close(grid[8, inner, 1], expected, atol=0.05, rtol=0)
    model = build_tag2text(num_tags=len(tags), **sizes(), seed=1)
    larger, _ = at_size(model, Preprocessing(image_size=32), 64)
    assert larger.image_encoder(torch.zeros(1, 3, 64, 64)).shape == (1, 65, 16)


@pytest.mark.parametrize("kind", ["swin", "vit"])
def test_a_folder_is_fine_tuned_larger_and_opens_so(swin, sizes, tags, wordpieces, tmp_path, kind):
    if kind == "swin":
        (model, own), first, side = swin, 56, 96
    else:
        own, first, side = sizes(), 32, 48
        model = build_tag2text(num_tags=len(tags), **own, seed=1)
    facts = {"tags": tags, "wordpieces": wordpieces, "choice": TagChoice.of(len(tags))}
    save_tag2text(
        tmp_path / "small", model, sizes=own, preprocessing=Preprocessing(image_size=first), **facts
    )
    method, larger = reopen(tmp_path / "small", device="cpu", profile="fixed", image_size=side)
    assert method.preprocessing.image_size == side
    assert larger == sizes_at(own, side)
    save_tag2text(tmp_path / "large", method.model, sizes=larger, preprocessing=method.preprocessing, **facts)
    photo = [Image.linear_gradient("L").convert("RGB")]
    trained = load_tag2text(tmp_path / "large")
    opened = load_tag2text(tmp_path / "small", Tag2TextOptions(image_size=side))
    again = trained.encode_images(photo)[0].tag_logits
    assert torch.equal(again, opened.encode_images(photo)[0].tag_logits)
    assert trained.describe()["image_size"] == opened.describe()["image_size"] == side
    back = opened.with_options(Tag2TextOptions())
    assert back.model is opened._own_rules.model
    assert not torch.equal(again, back.encode_images(photo)[0].tag_logits)


@pytest.mark.parametrize(
    ("side", "window", "match"),
    [
        (60, 7, "in steps of 8 pixels, got 60"),
        (4, 7, "in steps of 8 pixels, got 4"),
        (72, 6, r"would be 7\.71 wide; give a multiple of 28"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(swin, side, window, match):
    model = swin[0]
    model.image_encoder.model.config.window_size = window
    with pytest.raises(InputError, match=match):
        at_size(model, PIXELS, side)
