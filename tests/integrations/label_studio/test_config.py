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
