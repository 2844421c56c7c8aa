"""Thresholds learned by a job whose scores are known: the brightness of a photo."""

import pytest
import torch
from PIL import Image

from tagalign.errors import DataError
from tagalign.labels import Label, LabelSet
from tagalign.tasks.calibration import best_f1_threshold
from tagalign.tasks.photos.job import Job, JobSpec
from tagalign.tasks.photos.questions import AskedTags, TagQuestion
from tagalign.tasks.review.clicks import Click, Clicks
from tagalign.tasks.review.thresholds import learn_thresholds
from tagalign.types import EncodedLabels, Tagging

LABELS = LabelSet(name="two", labels=(Label(name="bright"), Label(name="dark")))


class Brightness:
    """A tagger whose scores are the grey of the first pixel, and the rest to 1."""

    method = "brightness"

    def encode_images(self, images):
        return [image.convert("L").getpixel((0, 0)) / 255 for image in images]

    def encode_labels(self, labels):
        return labels

    def tag(self, image, labels):
        return Tagging(names=("bright", "dark"), scores=(image, 1 - image), chosen=(0,))

    def describe(self):
        return {}


@pytest.fixture
def job():
    question = TagQuestion(labels=LABELS)
    embeds = torch.zeros(2, 1)
    labels = EncodedLabels(
        method="brightness", label_set=LABELS, embeds=embeds, owners=torch.arange(2), background=embeds[:0]
    )
    return Job(spec=JobSpec(question=question), asked=AskedTags(question, Brightness(), labels))


@pytest.fixture
def folder(tmp_path):
    for grey in range(0, 250, 25):
        Image.new("L", (8, 8), grey).save(tmp_path / f"{grey}.png")
    return tmp_path


def click(folder, grey, tags, **values):
    given = {"labels": ("bright", "dark"), **values}
    return Click(photo=f"{grey}.png", verdict="accepted", folder=str(folder), tags=tags, **given)


def clicks_of(*clicks):
    found = Clicks()
    for one in clicks:
        found.add(one)
    return found


def test_a_threshold_lies_where_the_person_parted_the_photos(job, folder):
    found = learn_thresholds(
        job, clicks_of(*(click(folder, g, ("bright",) if g > 110 else ()) for g in range(0, 250, 25)))
    )
    # between 100 / 255 and 125 / 255; `dark` was never let stand
    assert found.per_label == {"bright": pytest.approx(112.5 / 255)}
    assert any("too few clicks" in note and "dark (0 of 10" in note for note in found.notes)


def test_gone_photos_unknown_labels_and_disputes_are_listed(job, folder):
    clicks = [
        *(click(folder, g, ("bright",) if g > 110 else ()) for g in range(0, 250, 25)),
        click(folder, 999, ("bright",)),
        click(folder, 0, ("sunny",), labels=("sunny", "dark")),
        click(folder, 25, ("bright",)),
    ]
    notes = "\n".join(learn_thresholds(job, clicks_of(*clicks)).notes)
    assert "photos that were judged and are gone, 1, are left out: 999.png" in notes
    assert "sunny (1 x)" in notes
    assert "the later click counts: 25.png" in notes


def test_draws_stand_for_what_was_not_judged(job, folder):
    """Doubts alone put the threshold high; the draws of 100 photos weigh more than they."""
    doubts = [click(folder, g, ("bright",) if g >= 200 else (), drawn="doubt", rank=i, photos=100, queue="q")
              for i, g in enumerate((225, 200, 175, 150, 125))]  # fmt: skip
    draws = [click(folder, g, ("bright",) if g >= 50 else (), drawn="random", rank=50 + g, photos=100, queue="q")
             for g in (0, 25, 50, 75, 100)]  # fmt: skip
    alone = learn_thresholds(job, clicks_of(*doubts, click(folder, 0, ("bright",)))).per_label["bright"]
    together = learn_thresholds(job, clicks_of(*doubts, *draws)).per_label["bright"]
    assert together < 51 / 255 < alone


def test_reviews_that_teach_nothing_are_refused(job, folder):
    with pytest.raises(DataError, match="no photo was accepted"):
        learn_thresholds(job, Clicks())
    with pytest.raises(DataError, match="none of the 1 accepted"):
        learn_thresholds(job, clicks_of(click(folder, 999, ())))


def test_a_weight_of_two_is_the_pair_twice():
    pairs = [(0.9, True), (0.7, False), (0.6, True), (0.3, True), (0.2, False)]
    weights = [1.0, 3.0, 2.0, 1.0, 2.0]
    repeated = [pair for pair, weight in zip(pairs, weights, strict=True) for _ in range(int(weight))]
    assert best_f1_threshold(pairs, weights) == best_f1_threshold(repeated)


def test_learned_labels_go_before_the_methods_own_choice():
    question = TagQuestion(labels=LABELS, learned={"dark": 0.4})
    asked = AskedTags(question, Brightness())
    assert [one.tags for one in asked.answers([0.5, 0.7], [None, None])] == [("bright", "dark"), ("bright",)]
