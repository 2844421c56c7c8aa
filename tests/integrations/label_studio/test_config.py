import pytest

from tagalign.errors import InputError
from tagalign.integrations.label_studio import config as module
from tagalign.integrations.label_studio.config import read_config

CONFIG = """
<View>
  <Header value="What is it?"/>
  <Image name="photo" value="$img" zoom="true"/>
  <Image name="second" value="$other.url"/>
  <Choices name="scene" toName="photo" choice="single-radio">
    <View><Choice value="indoor"/></View><Choice value="outdoor" alias="out" predicted_values="street, beach"/>
  </Choices>
  <Choices name="many" toName="second" choice="multiple"><Choice value="a"/><Choice value=" "/></Choices>
  <BrushLabels name="masks" toName="photo"><Label value="dog &amp; co"/><Label value="dog &amp; co"/></BrushLabels>
  <Rectangle name="boxes" toName="photo"/>
  <Labels name="kinds" toName="photo"><Label value="car"/></Labels>
  <TextArea name="phrase" toName="photo" value="$say"/>
  <TextArea name="note" toName="photo" perRegion="true"/>
  <Choices name="of-region" toName="photo" perRegion="true"><Choice value="x"/></Choices>
  <KeyPointLabels name="points" toName="photo"><Label value="nose"/></KeyPointLabels>
  <Choices name="of-text" toName="words"><Choice value="x"/></Choices>
  <PolygonLabels name="empty" toName="photo"/>
</View>
"""


def test_what_is_answered_is_read_and_the_rest_is_passed_over():
    found = read_config(CONFIG)
    assert found.images == {"photo": "img", "second": "other.url"}
    assert [control.name for control in found.controls] == [
        "scene", "many", "masks", "boxes", "kinds", "phrase",
    ]  # fmt: skip
    scene, many, masks, *_, phrase = found.controls
    assert [(one.value, one.shown, one.synonyms) for one in scene.labels] == [
        ("indoor", "indoor", ()),
        ("out", "outdoor", ("street", "beach")),
    ]
    assert (scene.one, many.one, many.image) == (True, False, "second")
    assert [one.value for one in masks.labels] == ["dog & co"]
    assert phrase.field == "say"
    assert [control.name for control in found.of_image("second")] == ["many"]


def test_label_studios_own_reader_finds_the_same_labels():
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="label-studio-sdk is not installed"
    )
    theirs = interface.LabelInterface(
        CONFIG.replace('<Choices name="of-text" toName="words"><Choice value="x"/></Choices>', "")
    )
    for control in read_config(CONFIG).controls:
        own = theirs.get_control(control.name)
        assert own.tag.lower() == control.kind
        assert own.to_name == [control.image]
        assert [name for name in own.labels or [] if name.strip()] == [one.value for one in control.labels]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<View><Image name="i" value="$i"/><Choices name="c" toName="i"><Choice value="&b;"/></Choices></View>'
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no markup",
        "<View>",
        BOMB,
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><View/>',
        "<View>\ud800</View>",
        "<View/>" + " " * module.MOST_LETTERS,
    ],
)
def test_what_is_no_config_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="labelling config") as refused:
        read_config(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_deep_config_is_read():
    deep = 20_000
    text = '<View><Image name="i" value="$i"/><Choices name="c" toName="i">'
    text += "<View>" * deep + '<Choice value="x"/>' + "</View>" * deep + "</Choices></View>"
    assert [one.value for one in read_config(text).controls[0].labels] == ["x"]


def test_nothing_asked_is_no_control():
    assert read_config("<View></View>").controls == ()
    assert read_config('<View><Image name="i" value="fixed.jpg"/></View>').controls == ()


# --- labels that the task brings -------------------------------------------------------------------------------------

DYNAMIC = (
    '<View><Image name="image" value="$image"/>'
    '<Choices name="scene" toName="image" value="$scenes"><Choice value="other"/></Choices>'
    '<BrushLabels name="masks" toName="image" value="$about.labels"/></View>'
)


def test_labels_of_a_task_stand_behind_those_of_the_config():
    config = read_config(DYNAMIC)
    data = {
        "scenes": [{"value": "indoor", "children": [{"value": "kitchen"}]}, "street", "other"],
        "about": {"labels": [{"value": "dog", "alias": "d", "predicted_values": "puppy", "background": 3}]},
    }
    scene, masks = config.for_task(data).controls
    assert [one.value for one in scene.labels] == ["other", "indoor", "kitchen", "street"]
    assert [(one.value, one.shown, one.synonyms) for one in masks.labels] == [("d", "dog", ("puppy",))]
    assert config.controls[1].labels == ()  # of that task alone
    (scene,) = config.for_task(data | {"about": {"labels": []}}).controls
    assert scene.name == "scene"
    plain = read_config(CONFIG)
    assert plain.for_task({}) is plain


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({}, r"data\.scenes: expected the list of labels of 'scene', got None"),
        ({"scenes": "dog"}, r"got 'dog'"),
        ({"scenes": [3], "about": {"labels": []}}, r"data\.scenes: expected labels such as .* got 3"),
        ({"scenes": []}, r"data\.about\.labels: expected the list"),
    ],
)
def test_a_task_without_its_labels_is_refused(data, match):
    with pytest.raises(InputError, match=match):
        read_config(DYNAMIC).for_task(data)


def test_deep_choices_of_a_task_are_read():
    row = {"value": "x"}
    for number in range(5000):
        row = {"value": str(number), "children": [row]}
    (scene, _) = read_config(DYNAMIC).for_task({"scenes": [row], "about": {"labels": ["a"]}}).controls
    assert len(scene.labels) == 5002
