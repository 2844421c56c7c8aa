"""The whole image as a square, against Pillow and plain arithmetic."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.methods.tag2text.image_value import Tag2TextImage, square_pixels


@pytest.mark.parametrize("size", [(32, 32), (50, 20), (7, 90)])
def test_pixels_are_squeezed_and_normalised(backbone, size):
    rule = backbone.preprocessing
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    found = square_pixels(image, rule)
    side = rule.image_size
    squeezed = image.resize((side, side), Image.Resampling.BILINEAR) if size != (side, side) else image
    wanted = (np.asarray(squeezed) / 255 - np.array(rule.mean)) / np.array(rule.std)
    assert found.shape == (3, side, side)
    # float32 of numbers below 3
    np.testing.assert_allclose(found.permute(1, 2, 0).numpy(), wanted, atol=1e-5)


def test_the_global_token_stands_for_the_image():
    tokens = torch.arange(6.0).view(3, 2)
    value = Tag2TextImage(method="tag2text", size=(2, 3), tokens=tokens, tag_logits=torch.zeros(4))
    assert torch.equal(value.embed, torch.tensor([0.0, 1.0]))
