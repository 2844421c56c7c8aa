import pytest
from PIL import Image

from tagalign.errors import InputError
from tagalign.integrations.label_studio.config import ConfigLabel, read_config
from tagalign.integrations.label_studio.predicting import Predictor, TaskQuestion, decided
from tagalign.integrations.label_studio.words import ConfigWords
from tagalign.labels import Label
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod
from tagalign.types import Tagging

LABELS = '<Label value="dog"/><Label value="hot dog"/><Label value="cat"/>'
CHOICES = LABELS.replace("Label", "Choice")
TEXT = (
    '<View><Image name="image" value="$image"/>'
    f'<Choices name="tags" toName="image" choice="multiple">{CHOICES}</Choices>'
    f'<BrushLabels name="masks" toName="image">{LABELS}</BrushLabels>'
    f'<RectangleLabels name="boxes" toName="image">{LABELS}</RectangleLabels>'
    '<TextArea name="phrase" toName="image"/></View>'
)
CONTROLS = read_config(TEXT).controls
PHOTO = Image.new("RGB", (20, 10))


class Counting(StubMethod):
    """Counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def tag(self, image, labels):
        self.asked.append("tag")
        return super().tag(image, labels)

    def segment(self, image, labels, *, photo=None):
        self.asked.append("segment")
        return super().segment(image, labels, photo=photo)


def predictor(method=None, **fields):
    model = Model(method or StubMethod())
    from tagalign.tags.label_sets import load_label_set

    def encode(entries):
        return model.encode_labels(load_label_set(entries))

    return Predictor(model=model, encode_labels=encode, **fields)


def ask(one, text=TEXT, **question):
    encoded = one.model.encode_image(PHOTO)
    controls = read_config(text).controls
    return one.results(encoded, PHOTO, TaskQuestion(controls=controls, **question))


def held(results):
    return [(one["from_name"], one["value"].get(one["type"])) for one in results]


def test_every_control_is_answered_and_each_question_is_asked_once():
    method = Counting()
    results = ask(predictor(method))
    assert held(results) == [
        ("tags", ["dog"]),
        ("masks", ["dog"]),
        ("masks", ["cat"]),
        ("boxes", ["dog"]),
        ("boxes", ["cat"]),
    ]
    assert method.asked == ["tag", "segment"]
    assert len({one["id"] for one in results}) == len(results)


def test_learned_thresholds_decide_about_choices_and_shapes():
    learned = {"dog": 1.1, "hot dog": 0.5}  # scores are 1, 1/2, 1/3
    results = ask(predictor(learned=lambda entries: learned))
    assert held(results) == [("tags", ["hot dog"]), ("masks", ["cat"]), ("boxes", ["cat"])]


def test_learned_thresholds_leave_other_labels_to_the_method():
    tagging = Tagging(names=("a", "b", "c"), scores=(0.9, 0.5, 0.7), chosen=(0, 2))
    assert decided(tagging, {"a": 0.95, "b": 0.5}).chosen == (2, 1)
    assert decided(tagging, {}) is tagging


def test_a_phrase_gets_the_label_it_names():
    for phrase, label in (("the Hot dog left", "hot dog"), ("a cat", "cat"), ("concatenated", "dog")):
        results = ask(predictor(), phrases=(phrase,), with_labels=False)
        assert held(results) == [("masks", [label])]
        assert results[0]["meta"] == {"text": [phrase]}
    assert ask(predictor(), phrases=("nothing",), with_labels=False) == []
    assert len(ask(predictor(), phrases=("a cat",))) == 6


def test_what_a_person_has_in_hand_is_answered_alone():
    results = ask(predictor(), only=frozenset({("boxes", "cat")}))
    assert held(results) == [("boxes", ["cat"])]


def test_words_are_asked_and_values_are_answered():
    words = ConfigWords(by_label={"dog": Label(name="hound", aliases=("puppy",)), "hot dog": None})
    method = StubMethod()
    results = ask(predictor(method, words=words))
    assert {names for names in method.encoded_labels} == {("hound", "cat")}
    assert held(results)[0] == ("tags", ["dog"])
    nothing = ConfigWords(by_label={"dog": None, "hot dog": None, "cat": None})
    assert ask(predictor(words=nothing)) == []


def test_two_labels_with_one_meaning_are_refused():
    words = ConfigWords(by_label={"dog": Label(name="pet"), "cat": Label(name="Pet")})
    with pytest.raises(InputError, match="Pet"):
        ask(predictor(words=words))


def test_a_control_without_a_label_holds_phrases_alone():
    text = (
        '<View><Image name="i" value="$i"/><Brush name="b" toName="i"/><TextArea name="t" toName="i"/></View>'
    )
    assert ask(predictor(), text) == []
    (found,) = ask(predictor(), text, phrases=("a dog",))
    assert (found["type"], "brushlabels" in found["value"]) == ("brush", False)
    only_choices = text.replace("Brush", "Rating")
    assert ask(predictor(), only_choices, phrases=("a dog",)) == []


def test_labels_of_a_config_are_spelled_as_they_stand():
    text = TEXT.replace('"hot dog"', '"  Hot   Dog "')
    words = ConfigWords().asked([ConfigLabel(value="  Hot   Dog ", shown="  Hot   Dog ")])
    assert (words.values, words.names) == (("  Hot   Dog ",), ("Hot Dog",))
    found = ask(predictor(learned=lambda entries: {"Hot Dog": 0.1, "dog": 2.0, "cat": 2.0}), text)
    assert held(found)[0] == ("tags", ["  Hot   Dog "])
