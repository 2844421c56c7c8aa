import pytest
import torch
from PIL import Image

from tagalign.errors import InputError, UnknownNameError
from tagalign.integrations.label_names import asked_labels
from tagalign.integrations.tool_model import ToolModel, open_tool_model
from tagalign.labels import BACKGROUND
from tagalign.types import Tagging

PHOTO = Image.new("RGB", (64, 48), "red")


@pytest.fixture(scope="module")
def model() -> ToolModel:
    return open_tool_model("tiny", asked_labels("dog: Hund | red car", theirs=["Hund", "Auto"], renamed={"red car": "Auto"}),
                      method="maskclip")  # fmt: skip


def test_chosen_tags_have_the_names_of_the_tool(model: ToolModel) -> None:
    tagging = Tagging(names=("dog", "red car"), scores=(0.3, 0.6), chosen=(0,))
    assert model.chosen(tagging, None) == [("Hund", 0.3)]
    assert model.chosen(tagging, 0.3) == [("Auto", 0.6), ("Hund", 0.3)]
    assert model.chosen(tagging, 0.61) == []


def test_two_labels_of_one_name_are_one_tag() -> None:
    both = asked_labels("car,truck", theirs=["vehicle"], renamed={"car": "vehicle", "truck": "vehicle"})
    one = open_tool_model("tiny", both, method="maskclip")
    tagging = Tagging(names=("car", "truck"), scores=(0.3, 0.6), chosen=(1, 0))
    assert one.chosen(tagging, None) == [("vehicle", 0.6)]


def test_background_is_asked_where_the_method_can(model: ToolModel) -> None:
    assert model.model.describe()["background_rule"] is True
    found = model.segmentation(model.model.encode_image(PHOTO), PHOTO)
    assert found.names == (BACKGROUND, "dog", "red car")


def test_options_reach_the_method() -> None:
    made = open_tool_model(
        "tiny",
        asked_labels("dog"),
        method="maskclip",
        background=True,
        options="background_threshold=0.25 | short_side=96",
    )
    described = made.model.describe()
    assert (described["background_threshold"], described["short_side"]) == (0.25, 96)
    assert open_tool_model(
        "tiny", asked_labels("dog"), method="maskclip", background=False
    ).model.describe().get("background_rule") in (None, False)


def test_phrases_are_looked_for_one_by_one() -> None:
    made = open_tool_model("tiny", asked_labels("dog,red car"), method="maskclip", phrases=True)
    found = list(made.segmentations(made.model.encode_image(PHOTO), PHOTO))
    assert [one.names for one in found] == [(BACKGROUND, "dog"), (BACKGROUND, "red car")]
    for one, phrase in zip(found, ("dog", "red car"), strict=True):
        assert torch.equal(one.labels.bool(), made.model.refer(made.model.encode_image(PHOTO), phrase).mask)


def test_wrong_values_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="mastclip"):
        open_tool_model("tiny", asked_labels("dog"), method="mastclip")
    with pytest.raises(InputError, match="name=value"):
        open_tool_model("tiny", asked_labels("dog"), method="maskclip", options="short_side")
    with pytest.raises(InputError, match="no option 'sort_side'"):
        open_tool_model("tiny", asked_labels("dog"), method="maskclip", options="sort_side=3")
