"""A photo that was encoded once may be asked under other options that act later: the answers are those of encoding anew."""

from pathlib import Path

import pytest
from PIL import Image

from tagalign.apps.page.choice import AFTER_ENCODING, MethodChoice, as_choice
from tagalign.apps.page.studio import Studio
from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError
from tagalign.methods.options import option_names
from tagalign.methods.table import METHODS
from tagalign.tasks.model import Model, load

LABELS = "dog, car, house, sky, grass"
VALUES = {
    "threshold": "top:3",
    "background_rule": True,
    "background_threshold": 0.6,
    "sigmoid_scale": 4.0,
    "sigmoid_bias": 1.0,
    "phrase_threshold": 0.9,
    "phrase_templates": ("a drawing of {}",),
    "neutral": "a picture",
    "refine": "pamr",
    "num_beams": 1,
    "top_p": 0.99,
    "seed": 3,
    "prompt": "there is ",
    "min_tokens": 20,
    "max_tokens": 14,
}
WITH = {"background_threshold": {"background_rule": True}, "seed": {"top_p": 0.99}}
CASES = [
    (method, option)
    for method in ("surgery", "gated", "cls-seg", "tag2text")
    for option in sorted(AFTER_ENCODING)
    if option in option_names(METHODS[method].options)
]


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "scene.png"
    Image.fromarray(next(iter(TinyWorld(seed=3, split="test").take(1))).image).save(path)
    return path


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {method: load("tiny", method=method) for method in ("surgery", "gated", "cls-seg", "tag2text")}


def test_every_option_of_the_list_is_tried() -> None:
    assert set(VALUES) == AFTER_ENCODING
    assert {option for _, option in CASES} == AFTER_ENCODING


def answers(studio: Studio, photo: Path, choice: MethodChoice) -> list[object]:
    if choice.method == "tag2text":
        return [studio.caption(photo, "", choice).text]
    view = studio.look(photo, LABELS, choice)
    found = [view.tagging and view.tagging.chosen, view.segmentation and view.segmentation.labels.tolist()]
    if choice.method == "surgery":
        found.append(studio.refer(photo, "the house", choice)[1].mask.tolist())
    return found


@pytest.mark.parametrize(("method", "option"), CASES)
def test_answers_are_those_of_a_photo_that_is_encoded_anew(
    models: dict[str, Model], photo: Path, method: str, option: str
) -> None:
    choice = MethodChoice(method=method, options={**WITH.get(option, {}), option: VALUES[option]})
    warm, cold = (Studio(models.__getitem__, [method]) for _ in range(2))
    warm.open(photo, method)
    assert warm.open(photo, choice).from_memory
    # the cold one encodes under the choice itself
    variant = cold.variant(choice)
    image = variant.model.encode_image(photo)
    if method == "tag2text":
        assert answers(warm, photo, choice) == [variant.model.caption(image).text]
        return
    labels = variant.model.encode_labels(LABELS.replace(", ", ","))
    with Image.open(photo) as file:
        expected = variant.model.segment(image, labels, photo=file.convert("RGB"))
    view = warm.look(photo, LABELS, choice)
    assert view.segmentation is not None
    assert view.segmentation.labels.tolist() == expected.labels.tolist()
    assert view.tagging is not None
    assert view.tagging.chosen == variant.model.tag(image, labels).chosen
    assert view.described == variant.model.describe()


def test_options_that_act_before_encode_anew(models: dict[str, Model], photo: Path) -> None:
    studio = Studio(models.__getitem__, ["surgery"])
    studio.open(photo, "surgery")
    assert not studio.open(photo, MethodChoice(method="surgery", options={"short_side": 96})).from_memory


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (MethodChoice(method="surgery", options={"short_sid": 3}), "did you mean 'short_side'"),
        (MethodChoice(method="surgery", options={"short_side": 10**6}), "at most 1024"),
        (MethodChoice(method="tag2text", instances=True), "no masks, so there are no instances"),
    ],
)
def test_what_cannot_be_is_refused(
    models: dict[str, Model], photo: Path, choice: MethodChoice, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Studio(models.__getitem__, [choice.method]).look(photo, "dog", choice)


def test_the_record_names_what_was_chosen_alone() -> None:
    assert as_choice("clip").recorded() == {"method": "clip"}
    choice = MethodChoice(
        method="clip", options={"refine": "crf"}, background_words="voc", instances=True, min_area=9
    )
    assert choice.recorded() == {
        "method": "clip",
        "options": {"refine": "crf"},
        "background_words": "voc",
        "instances": {"min_area": 9},
    }
