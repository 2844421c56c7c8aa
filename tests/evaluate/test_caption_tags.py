"""Sentences written by hand, with the labels that a person finds in them."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import InputError
from tagalign.evaluate.caption_tags import AskCaptionTags, LabelFinder
from tagalign.evaluate.evaluation import asker_for
from tagalign.evaluate.score import SCORERS
from tagalign.labels import Label, LabelSet
from tagalign.tags.parsers import load_parser
from tagalign.types import Caption

LABELS = LabelSet(
    name="five",
    labels=(
        Label(name="person", aliases=("man", "woman", "child")),
        Label(name="car", aliases=("automobile",)),
        Label(name="traffic light"),
        Label(name="dog"),
        Label(name="red"),
    ),
)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a young man walks two dogs", {"person", "dog"}),
        ("red sports cars wait at a traffic light", {"car", "traffic light", "red"}),
        ("an automobile in the rain", {"car"}),
        ("a lamp beside a tree", set()),
        ("women and children", {"person"}),
        ("", set()),
    ],
)
@pytest.mark.parametrize("parser", ["distilled", "rules"])
def test_labels_of_captions_written_by_hand(caption, expected, parser):
    (parse,) = load_parser(parser).parse([caption])
    assert {LABELS.names[i] for i in LabelFinder(LABELS).ids(parse)} == expected


def test_without_other_words_only_names_count():
    plain = LabelSet(name="plain", labels=tuple(Label(name=label.name) for label in LABELS.labels))
    (parse,) = load_parser("distilled").parse(["a man with a dog"])
    assert [plain.names[i] for i in LabelFinder(plain).ids(parse)] == ["dog"]


def test_a_word_of_two_labels_names_both():
    labels = LabelSet(name="two", labels=(Label(name="bird"), Label(name="toy", aliases=("bird",))))
    (parse,) = load_parser("distilled").parse(["a bird on a branch"])
    assert LabelFinder(labels).ids(parse) == (0, 1)


class Writer:
    """Writes what it is told."""

    method = "writer"
    texts = ("a man and a dog", "a red automobile", "a tree")

    def encode_images(self, images):
        return list(range(len(images)))

    def encode_labels(self, labels):
        raise AssertionError("a writer is asked for sentences alone")

    def captions(self, encoded, tags=None, *, both=False):
        return [Caption(text=self.texts[i], tags={}) for i in encoded]

    def caption(self, encoded, tags=None, *, both=False):
        return self.captions([encoded])[0]

    def describe(self):
        return {"method": "writer"}


class Photos:
    """Three photos: a person with a dog, a car whose colour is not to be counted, a dog that nobody wrote of."""

    name, split, expected, unit = "photos", "test", 3, "images"
    labels = LABELS
    table = ((1, 0, 0, 1, 0), (0, 1, 0, 0, -1), (0, 0, 0, 1, 0))

    def __len__(self):
        return len(self.table)

    def count(self, index):
        return 1

    def key(self, index):
        return str(index)

    def image(self, index):
        return Image.new("RGB", (4, 4))

    def missing(self):
        return []

    def truth(self, index):
        return np.array(self.table[index], dtype=np.int8)


def test_rows_and_scores_of_a_small_benchmark():
    asker = asker_for("caption-tags", Writer(), Photos())
    assert isinstance(asker, AskCaptionTags)
    photos = [Image.new("RGB", (4, 4))] * 3
    rows = asker.rows(asker.encode(photos), photos, [Photos().truth(i) for i in range(3)])
    assert [row["chosen"] for row in rows] == [[0, 3], [1, 4], []]
    scores = SCORERS["caption-tags"](rows, asker.scoring())
    # person, car right; dog right once of twice; the uncounted red is no error
    assert scores.metrics["micro_precision"] == pytest.approx(100)
    assert scores.metrics["micro_recall"] == pytest.approx(75)
    # labels: precision 1, 1, 0, 1, 0 and recall 1, 1, 0, 1/2, 0
    assert scores.metrics["macro_precision"] == pytest.approx(60)
    assert scores.metrics["macro_recall"] == pytest.approx(50)
    assert scores.statistics["micro_recall"](np.ones((1, 3))) == pytest.approx(75)


def test_settings_say_everything_that_decides_a_row():
    settings = asker_for("caption-tags", Writer(), Photos()).settings()
    assert settings["parser"]["parser"] == "distilled"
    assert settings["synonyms"]["car"] == ["automobile"]
    assert "words" in settings["canonical_form"]
    assert settings["model"] == {"method": "writer"}


def test_a_method_without_captions_is_refused():
    tagger = SimpleNamespace(method="tagger", encode_images=len, encode_labels=len, describe=dict)
    with pytest.raises(InputError, match="'tagger' writes no captions"):
        asker_for("caption-tags", tagger, Photos()).rows([1], [Image.new("RGB", (4, 4))], [Photos().truth(0)])
