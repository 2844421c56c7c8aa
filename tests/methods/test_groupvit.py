"""GroupViT through our face equals transformers' own outputs, and segments any size.

Holds ``backbones/groupvit/encoder.py``, ``backbones/groupvit/whole.py``, ``backbones/groupvit/family.py``.
"""

import pytest
import torch
from transformers import GroupViTModel

import tagalign as ta
from tagalign.backbones.load import load_backbone, open_backbone
from tagalign.errors import InputError, MissingPartError, ModelError, UnknownNameError
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import load_label_set
from tagalign.testing.groupvit_folder import make_groupvit_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_groupvit_folder(tmp_path_factory.mktemp("groupvit"))


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_images_groups_and_texts_equal_transformers_own(folder, pixels):
    backbone = open_backbone(str(folder))
    theirs = GroupViTModel.from_pretrained(folder).eval()
    ids = backbone.tokenizer(["a cat", "a dog"])
    with torch.no_grad():
        expected = theirs(input_ids=ids, pixel_values=pixels, output_segmentation=True)
        own = backbone.encode_dense(pixels)
        groups = expected.vision_model_output.last_hidden_state
        first, second = expected.vision_model_output.attentions
        torch.testing.assert_close(
            backbone.encode_ids(ids), theirs.get_text_features(input_ids=ids).pooler_output
        )
        torch.testing.assert_close(
            torch.nn.functional.normalize(backbone.project(own.cls), dim=-1), expected.image_embeds
        )
    for image in range(2):
        for patch in range(16):
            shares = [
                sum(float(first[image, i, patch]) * float(second[image, g, i]) for i in range(6))
                for g in range(3)
            ]
            # float32 products in another order
            torch.testing.assert_close(own.patches[image, patch], groups[image, shares.index(max(shares))])
    assert len(own.patches.reshape(-1, 24).unique(dim=0)) > 1  # the groups do divide the images


def test_other_sizes_and_batches_work(folder):
    backbone = open_backbone(str(folder))
    wide = torch.randn(2, 3, 43, 64, generator=torch.Generator().manual_seed(2))
    both = backbone.encode_dense(wide)
    assert both.grid == (5, 8)
    alone = backbone.encode_dense(wide[:1])
    # float32 in another batch shape
    torch.testing.assert_close(alone.patches[0], both.patches[0], rtol=1e-4, atol=1e-5)


def test_it_segments_and_refers(folder, photo):
    method = load_method(str(folder), method="groupvit", device="cpu")
    image = method.encode_images([photo])[0]
    labels = method.encode_labels(load_label_set(["cat", "dog"]))
    assert method.segment(image, labels).labels.shape == (44, 60)
    assert method.refer(image, "the cat").mask.shape == (44, 60)
    assert method.describe()["method"] == "groupvit"


def test_what_a_model_was_trained_for_is_its_method(folder, photo):
    model = ta.load(str(folder))
    assert model.describe()["method"] == "groupvit"
    assert model.segment(model.encode_image(photo), ["cat", "dog"]).labels.shape == (44, 60)
    with pytest.raises(InputError, match="method 'groupvit' cannot caption; these can: tag2text"):
        model.caption(model.encode_image(photo))
    with pytest.raises(ModelError, match="has no blocks of patches; use method 'groupvit'"):
        ta.load(str(folder), method="maskclip")
    with pytest.raises(ModelError, match="holds a groupvit model, asked for 'tagalign'"):
        ta.load(str(folder), method="tagalign")


def test_other_models_and_modes_are_refused(clip_folder, folder):
    with pytest.raises(
        MissingPartError, match=r"tagalign train --method groupvit --pairs PAIRS --model .*clip"
    ):
        load_method(str(clip_folder), method="groupvit", device="cpu")
    with pytest.raises(ModelError, match="a groupvit has no blocks of patches; use method 'groupvit'"):
        load_backbone(str(folder))
    with pytest.raises(UnknownNameError, match="surgery"):
        open_backbone(str(folder)).encode_dense(torch.zeros(1, 3, 32, 32), mode="surgery")
