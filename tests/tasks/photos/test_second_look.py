"""The second answer of a small CLIP: of a mirrored photo, and of another method."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from tagalign.errors import InputError
from tagalign.methods.thresholds import Threshold
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import Asked, CaptionQuestion, SegmentQuestion, TagQuestion
from tagalign.tasks.photos.second_look import open_second_look
from tagalign.tasks.photos.source import PhotoSource

LABELS = load_label_set("dog,cat,tree", templates="1")


@pytest.fixture
def sources(tmp_path):
    paths = []
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        paths.append(str(tmp_path / f"{i}.png"))
    return [PhotoSource(path=path) for path in paths]


def spec(clip_folder, question, method, disagreement):
    return JobSpec(
        question=question,
        model=str(clip_folder),
        method=method,
        device="cpu",
        batch_size=2,
        disagreement=disagreement,
    )


def test_the_second_answer_to_tags_is_that_of_the_mirrored_photo(clip_folder, sources):
    job = spec(clip_folder, TagQuestion(labels=LABELS), "maskclip", "flip").open()
    for answered in job.run(sources):
        mirrored = ImageOps.mirror(answered.source.open())
        (encoded,) = job.method.encode_images([mirrored])
        expected = job.method.tag(encoded, job.labels)
        # photos in a batch and one alone round differently
        assert answered.second.scores == pytest.approx(expected.scores, abs=1e-5)
    assert job.describe()["disagreement"] == "flip"


def test_the_second_masks_lie_on_the_photo_as_it_is(clip_folder, sources):
    job = spec(clip_folder, SegmentQuestion(labels=LABELS), "maskclip", "flip").open()
    (answered, *_) = job.run(sources[:1])
    mirrored = ImageOps.mirror(answered.source.open())
    (encoded,) = job.method.encode_images([mirrored])
    expected = job.method.segment(encoded, job.labels, photo=mirrored)
    assert torch.equal(answered.second.labels, expected.labels.flip(-1))


def test_another_method_answers_by_its_own_threshold(clip_folder, sources):
    question = TagQuestion(labels=LABELS, threshold=Threshold(kind="absolute", value=0.99))
    job = spec(clip_folder, question, "maskclip", "tagclip").open()
    assert job.second.asked.method.method == "tagclip"
    assert job.second.asked.question.threshold is None
    assert all(answered.second.chosen for answered in job.run(sources))
    assert job.describe()["disagreement"]["method"] == "tagclip"


def test_without_a_second_answer_nothing_is_described(clip_folder, sources):
    job = spec(clip_folder, TagQuestion(labels=LABELS), "maskclip", None).open()
    assert "disagreement" not in job.describe()
    assert all(answered.second is None for answered in job.run(sources))


def test_what_cannot_answer_twice_is_refused(clip_folder):
    with pytest.raises(InputError, match="expected flip or a method"):
        spec(clip_folder, TagQuestion(labels=LABELS), "maskclip", "upside-down").open()
    first = Asked(CaptionQuestion(), None)
    with pytest.raises(InputError, match="tags and masks"):
        open_second_look("flip", first, model="m", device="cpu", batch_size=1, options={})
