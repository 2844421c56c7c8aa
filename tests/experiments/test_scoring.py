"""Scores of a row against the same numbers counted in plain loops; every scene is encoded once."""

import numpy as np
import pytest
import torch

from tagalign.data.tiny_world import CLASS_SETS, TinyWorld
from tagalign.experiments import protocol, scoring
from tagalign.experiments.scoring import class_set_miou, score
from tagalign.experiments.world import Split, scenes
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions

TEST, VALIDATION = Split(name="test", count=3), Split(name="validation", count=2)


@pytest.fixture(scope="module")
def method(backbone):
    return DenseMethod(backbone, DenseOptions(profile=protocol.PROFILE), method="maskclip", mode="maskclip")


def miou(pairs, classes):
    ious = []
    for k in range(classes):
        inside = sum(int(((a == k) & (b == k)).sum()) for a, b in pairs)
        union = sum(int((((a == k) | (b == k)) & (b != 255)).sum()) for a, b in pairs)
        if union:
            ious.append(inside / union)
    return 100 * sum(ious) / len(ious)


def answers(method, class_set):
    labels = method.encode_labels(scoring.class_labels(class_set))
    for scene in scenes("test", TEST.count, seed=0):
        yield scene, method.segment(method.encode_images([scoring_picture(scene)])[0], labels)


def scoring_picture(scene):
    from PIL import Image

    return Image.fromarray(scene.image)


def test_scores_equal_plain_loops(method):
    found = score(method, TEST, VALIDATION, name="x")
    everything = [(a.labels.numpy(), s.label_map("all")) for s, a in answers(method, "all")]
    threshold = found.segmentation["threshold"]
    objects = [
        (np.where(a.scores.numpy() > threshold, a.labels.numpy() + 1, 0), s.label_map("objects"))
        for s, a in answers(method, "objects")
    ]
    right = sum(int((a == b).sum()) for a, b in everything)
    ious = []
    for scene in scenes("test", TEST.count, seed=0):
        image = method.encode_images([scoring_picture(scene)])[0]
        for phrase, mask in scene.referring:
            own = method.refer(image, phrase).mask.numpy()
            ious.append((own & mask).sum() / max((own | mask).sum(), 1))
    # batches of other sizes move cosines by 1e-7, which may turn single pixels of 6,400 a scene
    assert found.segmentation["miou"] == pytest.approx(miou(everything, 34), abs=0.05)
    assert found.segmentation["miou_objects"] == pytest.approx(miou(objects, 29), abs=0.05)
    assert found.segmentation["pixel_accuracy"] == pytest.approx(100 * right / (3 * 6400), abs=0.05)
    assert found.referring["miou"] == pytest.approx(100 * float(np.mean(ious)), abs=0.05)


def test_a_class_set_is_scored_where_its_objects_are(method):
    pairs = []
    for scene, answer in answers(method, "small"):
        truth = scene.label_map("small").astype(int)
        pairs.append((np.where(truth > 0, answer.labels.numpy(), 254), np.where(truth > 0, truth - 1, 255)))
    expected = miou(pairs, len(CLASS_SETS["small"]))
    assert class_set_miou(method, TEST, "small") == pytest.approx(expected, abs=0.05)


def test_every_scene_is_encoded_once_per_split(method, monkeypatch):
    seen = []
    encode = method.encode_images
    monkeypatch.setattr(method, "encode_images", lambda images: seen.append(len(images)) or encode(images))
    score(method, TEST, VALIDATION, name="x")
    assert seen == [VALIDATION.count, TEST.count]


def test_splits_have_no_scene_in_common_and_train_depends_on_the_seed():
    keys = [
        {s.key for s in scenes(split, 20, seed=0)}
        for split in (protocol.TRAIN_SPLIT, protocol.VALIDATION_SPLIT, protocol.TEST_SPLIT)
    ]
    assert len(set.union(*keys)) == 60
    first, other = (TinyWorld(seed=seed, split="train")[0].image for seed in (0, 1))
    assert not np.array_equal(first, other)


def test_the_recorded_protocol_reads_the_constants_of_the_library():
    described = protocol.describe()
    assert described["crowded"] == TinyWorld().crowded
    assert described["threshold_steps"] == 40
    assert described["refer_template"].format("a red car") == "a photo of a red car"
    assert torch.tensor(float(described["refer_rule"].split()[-1])) == torch.tensor(0.6)
