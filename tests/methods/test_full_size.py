"""A model with openai/clip-vit-base-patch16's patches and sizes on real photos; preprocessing against transformers."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.backbones.pixels import to_tensor
from tagalign.backbones.preprocess import open_image
from tagalign.cli.main import main
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

pytestmark = [pytest.mark.slow, pytest.mark.real]


def opened(path) -> Image.Image:
    """A picture, read whole, its file closed."""
    with Image.open(path) as image:
        image.load()
        return image


def is_wide(path) -> bool:
    with Image.open(path) as image:
        return image.width > image.height


@pytest.fixture(scope="module")
def vit_b16(tmp_path_factory):
    """Two layers of each tower; all twelve meet photos in ``tests/backbones/test_full_size.py``."""
    sizes = VIT_B16 | {"layers": 2, "text_layers": 2}
    return make_clip_folder(tmp_path_factory.mktemp("vit_b16"), **sizes)


@pytest.fixture(scope="module")
def photos(real_data):
    return sorted((real_data / "coco_mini" / "train2017").glob("*.jpg"))


@pytest.fixture(scope="module")
def coco_names(real_data):
    (annotations,) = (real_data / "coco_mini" / "annotations").glob("instances*.json")
    return [c["name"] for c in json.loads(annotations.read_text())["categories"]]


def test_segment_real_photos_with_80_labels(vit_b16, photos, coco_names, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(coco_names))
    assert len(coco_names) == 80
    # two photos, lying and standing, and one sentence a label: eighty sentences of eighty labels take longer than the masks
    chosen = [next(p for p in photos if is_wide(p)), next(p for p in photos if not is_wide(p))]
    flags = ["--labels-file", str(tmp_path / "labels.txt"), "--templates", "1", "--model", str(vit_b16)]
    code = main(["segment", *map(str, chosen), *flags, "--overlay", "--out", str(tmp_path / "out")])
    assert code == 0
    for path in chosen:
        mask = opened(tmp_path / "out" / f"{path.stem}.png")
        assert mask.size == opened(path).size
        assert np.array(mask).max() < 80


def test_tokenizer_and_pixels_equal_clip_processor(vit_b16, photos, coco_names):
    from transformers import CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    backbone = load_backbone(str(vit_b16))
    prompts = [f"a photo of a {name}" for name in coco_names]
    expected = CLIPTokenizer.from_pretrained(vit_b16)(prompts)["input_ids"]
    for ours, theirs in zip(backbone.tokenizer(prompts).tolist(), expected, strict=True):
        assert ours[: len(theirs)] == theirs
        assert set(ours[len(theirs) :]) <= {backbone.tokenizer.eos_id}
    processor = CLIPImageProcessorPil.from_pretrained(vit_b16)
    for path in photos[:10]:
        image = open_image(path)
        short = min(image.size)
        box = ((image.width - short) // 2, (image.height - short) // 2)
        square = image.crop((*box, box[0] + short, box[1] + short)).resize(
            (224, 224), Image.Resampling.BICUBIC
        )
        theirs = processor(square, return_tensors="pt")["pixel_values"][0]
        # they multiply by 1/255, we divide: one float32 rounding
        torch.testing.assert_close(to_tensor(square, backbone.preprocessing), theirs, rtol=1e-6, atol=1e-6)
