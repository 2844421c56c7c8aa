"""Mask generators with random weights: what they find has the photo's size, and is what transformers' model says.

Holds ``backbones/mask_generators/panoptic.py``.
"""

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from transformers import SamModel

from tagalign.backbones.mask_generators.load import load_mask_generator
from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD
from tagalign.errors import InputError, ModelError
from tagalign.testing.mask_generator_folder import (
    SIDE,
    make_eomt_folder,
    make_mask2former_folder,
    make_maskformer_folder,
    make_sam2_folder,
    make_sam_folder,
)

MAKERS = {
    "sam": make_sam_folder,
    "sam2": make_sam2_folder,
    "eomt": make_eomt_folder,
    "mask2former": make_mask2former_folder,
    "maskformer": make_maskformer_folder,
}
PANOPTIC = ("eomt", "mask2former", "maskformer")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("generators")
    return {name: make(root / name) for name, make in MAKERS.items()}


def unfiltered(folder):
    """Random weights are sure of nothing: all that they say is kept."""
    generator = load_mask_generator(str(folder), device="cpu")
    generator.min_iou = generator.min_stability = generator.min_score = -1e9
    if generator.found.kind in {"mask2former", "maskformer"}:  # else 800 pixels
        generator.processor = {"size": {"shortest_edge": SIDE, "longest_edge": 2 * SIDE}}
    return generator


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("size", [(30, 50), (64, 64), (3, 90), (1, 1)])
def test_masks_have_the_size_of_the_photo(folders, name, size):
    photo = Image.effect_noise(size[::-1], 80).convert("RGB")
    masks = list(unfiltered(folders[name]).masks_of(photo))
    assert all(mask.shape == size and mask.dtype == torch.bool for mask in masks)
    if name in PANOPTIC and masks:
        assert int(torch.stack(masks).sum(dim=0).max()) == 1


@pytest.mark.parametrize("name", MAKERS)
def test_a_grey_photo_and_a_generator_that_finds_nothing_are_no_errors(folders, name):
    grey = Image.new("RGB", (40, 40), "grey")
    list(unfiltered(folders[name]).masks_of(grey))
    sure = unfiltered(folders[name])
    sure.min_iou = sure.min_score = 1.1  # random classes are sure of themselves now and then
    assert list(sure.masks_of(grey)) == []


def test_sam_is_asked_as_transformers_asks_it(folders):
    photo = Image.effect_noise((64, 32), 80).convert("RGB")  # wide: its own size, padded below
    pixels = torch.tensor(list(photo.get_flattened_data())).reshape(32, 64, 3).permute(2, 0, 1) / 255
    pixels = (pixels - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]
    model = SamModel.from_pretrained(folders["sam"])
    points = torch.tensor([[[[16.0, 8.0]], [[48.0, 8.0]], [[16.0, 24.0]], [[48.0, 24.0]]]])
    with torch.no_grad():
        wanted = model(
            pixel_values=F.pad(pixels, (0, 0, 0, 32))[None], input_points=points, multimask_output=False
        )
    generator = load_mask_generator(str(folders["sam"]), device="cpu", points_per_side=2)
    logits, estimates = generator._ask(generator._pixels(photo, (32, 64)), (32, 64))
    # the same float32 operations
    torch.testing.assert_close(logits, wanted.pred_masks[0, :, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(estimates, wanted.iou_scores[0, :, 0], atol=1e-5, rtol=0)


def test_other_models_and_damaged_ones_are_refused(folders, clip_folder, tmp_path):
    with pytest.raises(ModelError, match=r"expected a mask generator .*got 'clip'"):
        load_mask_generator(str(clip_folder))
    with pytest.raises(InputError, match="is not asked at points"):
        load_mask_generator(str(folders["eomt"]), points_per_side=3)
    with pytest.raises(InputError, match="from 1, got -1"):
        load_mask_generator(str(folders["sam"]), points_per_side=-1)
    (tmp_path / "config.json").write_text((folders["sam"] / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((folders["eomt"] / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="cannot be built as a mask generator"):
        load_mask_generator(str(tmp_path))


@pytest.mark.parametrize("name", ["mask2former", "maskformer"])
def test_a_panoptic_head_is_asked_as_transformers_asks_it(folders, name):
    """The masks of the surest queries alone, without the merge: each pixel as the model's own logits say."""
    generator = unfiltered(folders[name])
    photo = Image.effect_noise((SIDE, SIDE), 80).convert("RGB")
    pixels = torch.tensor(list(photo.get_flattened_data())).reshape(SIDE, SIDE, 3).permute(2, 0, 1) / 255
    pixels = (pixels - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]
    with torch.no_grad():
        answer = generator.found.model(pixel_values=pixels[None])
    scores = answer.class_queries_logits[0].softmax(dim=-1)[:, :-1].amax(dim=-1)
    probs = F.interpolate(answer.masks_queries_logits, size=(SIDE, SIDE), mode="bilinear")[0].sigmoid()
    owner = (scores[:, None, None] * probs).argmax(dim=0)
    wanted = [(owner == i) & (probs[i] >= 0.5) for i in range(len(scores))]
    wanted = [
        mask
        for i, mask in enumerate(wanted)
        if (probs[i] >= 0.5).any() and mask.sum() >= 0.8 * (probs[i] >= 0.5).sum()
    ]
    found = list(generator.masks_of(photo))
    assert len(found) == len(wanted)
    for mask, other in zip(found, wanted, strict=True):
        # a pixel on the edge of two float32 sums may fall to the other side
        assert (mask != other).float().mean() < 0.01
    assert generator.describe()["trained_on_labels"] == 3
