"""A GroupViT that was trained a little, written, and opened again as a method.

Holds ``backbones/groupvit/beside.py``, ``train/groupvit/training.py``.
"""

import json

import numpy as np
import pytest
import torch

import tagalign as ta
from tagalign.backbones.load import load_backbone, open_backbone
from tagalign.data.feature_pairs import FeaturePairs, MemoryStore
from tagalign.errors import ModelError
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.vocabulary import TagLabels, TagVocabulary
from tagalign.train.groupvit.folder import save_groupvit
from tagalign.train.groupvit.tower import GroupTower, pixel_pairs
from tagalign.train.groupvit.training import GroupVitPlan, train_groupvit
from tagalign.train.tagalign.plan import TrainingPairs


@pytest.fixture
def trained(backbone):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, 32, 32, generator=generator)
    pairs = FeaturePairs(
        store=MemoryStore(features=torch.zeros(8, 1, 4).half(), grid=(1, 1)),
        images=np.arange(8),
        texts=torch.randn(8, backbone.embed_dim, generator=generator),
        labels=TagLabels(np.arange(9, dtype=np.int64), np.array([0, 1] * 4, dtype=np.int32)),
        keys=[str(i) for i in range(8)],
    )
    tower = GroupTower(
        image_size=32,
        patch_size=8,
        dim=backbone.embed_dim,
        width=16,
        depths=(1, 1, 1),
        groups=(4, 2),
        heads=2,
    )
    vocabulary = TagVocabulary.of([("object", "dog", 4), ("object", "cat", 4)])
    plan = GroupVitPlan(steps=2, batch_size=4, seed=0)
    data = TrainingPairs(pairs=pixel_pairs(images, pairs), vocabulary=vocabulary)
    return train_groupvit(backbone, data, tower, plan).encoder


def test_its_folder_opens_by_what_it_was_trained_for(trained, clip_folder, tmp_path):
    save_groupvit(tmp_path, trained, load_backbone(str(clip_folder)))
    assert ta.load(str(tmp_path)).describe()["method"] == "groupvit"
    # as of every trained folder, a baseline is the encoder that it was trained beside
    assert ta.load(str(tmp_path), method="maskclip").describe()["model"] == str(clip_folder)


def test_it_opens_again_as_a_method(trained, backbone, tmp_path, photo):
    save_groupvit(tmp_path, trained, backbone)
    again = open_backbone(str(tmp_path))
    pixels = torch.randn(2, 3, 40, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(again.encode_dense(pixels).patches, trained.encode_dense(pixels).patches)
    assert torch.equal(again.encode_text(["a dog"]), backbone.encode_text(["a dog"]))
    method = load_method(str(tmp_path), method="groupvit", device="cpu")
    image = method.encode_images([photo])[0]
    assert method.segment(image, method.encode_labels(load_label_set(["dog", "cat"]))).labels.shape == (
        44,
        60,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone_hash": "0" * 16}, "trained beside .* found weights"),
        ({"dim": "many"}, "field missing or of a wrong type"),
        ({"vision_config": {"hidden_size": 8}}, r"these sizes|weights do not fit|wrong type"),
    ],
)
def test_folders_that_are_refused(change, message, trained, backbone, tmp_path):
    save_groupvit(tmp_path, trained, backbone)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        open_backbone(str(tmp_path))
