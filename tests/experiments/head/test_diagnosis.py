"""What is measured behind a failure, against scikit-learn, plain loops and a method that knows the truth."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tagalign.data.tiny_world import CLASS_SETS, OBJECTS
from tagalign.experiments.head.diagnosis import diagnosis, referring_needed, roc_area
from tagalign.experiments.head.phrases import needs_looks
from tagalign.experiments.world import Split
from tagalign.types import Segmentation

SPLIT = Split(name="validation", count=3, version=2)


class Oracle:
    """Answers with the truth; on the background the best object is ``said``, with a lower score."""

    method = "oracle"

    def __init__(self, said):
        self.said, self.scenes = said, SPLIT.scenes()

    def describe(self):
        return {}

    def encode_labels(self, labels):
        return labels

    def encode_images(self, images):
        return list(range(len(images)))

    def segment(self, image, labels, *, photo=None):
        truth = torch.from_numpy(np.asarray(self.scenes[image].label_map("all"))).long()
        names = CLASS_SETS["all" if len(labels) > len(OBJECTS) else "objects"]
        on_object = truth < len(OBJECTS)
        found = (
            torch.where(on_object, truth, OBJECTS.index(self.said)) if len(names) == len(OBJECTS) else truth
        )
        return Segmentation(labels=found, names=names, scores=on_object.float())


def test_the_truth_is_right_everywhere():
    absent = next(name for name in OBJECTS if all(name not in s.tags.objects for s in SPLIT.scenes()))
    found = diagnosis(Oracle(absent), SPLIT, 0.5)
    assert found == {
        "validation_miou_objects": 100.0,
        "objects_named": 100.0, "objects_other": 0.0, "background_present": 0.0,
        "objects_stand_out": 100.0, "background_right": 100.0, "objects_right": 100.0,
    }  # fmt: skip


def test_a_present_object_on_the_background_is_counted_by_its_pixels():
    scenes = SPLIT.scenes()
    said = scenes[0].instances[0].name
    background = [int((scene.owner < 0).sum()) for scene in scenes]
    present = [
        count
        for scene, count in zip(scenes, background, strict=True)
        if said in {i.name for i in scene.instances}
    ]
    expected = 100 * sum(present) / sum(background)
    assert diagnosis(Oracle(said), SPLIT, 0.5)["background_present"] == pytest.approx(expected)


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, 200).astype(float), rng.random(200) < 0.3  # with ties
    # sums of 200 ranks in float64
    assert roc_area(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    assert roc_area(scores, np.zeros(200, dtype=bool)) == 0.5


def test_only_phrases_that_need_their_looks_count():
    test = Split(name="test", count=40, version=2)
    rows, expected, total = [], [], 0
    for scene in test.scenes():
        phrases = [phrase for phrase, _ in scene.referring]
        needed = [needs_looks(phrase, scene) for phrase in phrases]
        rows.append({"phrases": phrases, "areas": [[1, 4] if one else [4, 4] for one in needed]})
        expected += [one for one in needed if one]
        total += len(phrases)
    found = referring_needed(rows, test)
    assert 0 < len(expected) < total
    assert found == {"referring_needed": 25.0, "needed_share": pytest.approx(100 * len(expected) / total)}


def test_a_look_is_needed_where_the_noun_fits_several():
    scenes = Split(name="test", count=60, version=2).scenes()
    asked = [(phrase, scene) for scene in scenes for phrase, _ in scene.referring]
    for phrase, scene in asked:
        if needs_looks(phrase, scene):
            noun = phrase.split()[2]
            assert sum(noun in (one.name, one.family) for one in scene.instances) > 1
    # the noun alone never fits two objects, else it would be no phrase
    assert not any(needs_looks(phrase, scene) for phrase, scene in asked if len(phrase.split()) == 2)
