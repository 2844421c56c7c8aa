from pathlib import Path

import pytest
from PIL import Image

from tagalign.apps.page.choice import MethodChoice
from tagalign.apps.page.studio import Studio, typed_labels, usable_methods
from tagalign.errors import ImageError, InputError, MissingPartError
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod


class Counted(Studio):
    """A studio over stubs that can be looked into."""

    def __init__(self, *methods: str) -> None:
        self.stubs = {name: StubMethod() for name in methods}
        super().__init__(lambda name: Model(self.stubs[name]), methods)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (8, 6), "red").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_new_labels_do_not_encode_the_photo_again(photo: Path) -> None:
    studio = Counted("stub")
    first, second = studio.look(photo, "dog, cat", "stub"), studio.look(photo, "sky", "stub")
    assert studio.stubs["stub"].batches == [1]
    assert (first.opened.from_memory, second.opened.from_memory) == (False, True)
    assert second.labels.names == ("sky",)


def test_known_labels_are_not_encoded_again(photo: Path) -> None:
    studio = Counted("stub")
    for text in ("dog, cat", "dog,cat ", "dog\ncat"):
        studio.look(photo, text, "stub")
    assert studio.stubs["stub"].encoded_labels == [("dog", "cat")]


def test_a_photo_is_known_by_what_it_shows(photo: Path) -> None:
    studio = Counted("stub")
    copy = photo.with_name("b.png")
    copy.write_bytes(photo.read_bytes())
    studio.open(photo, "stub")
    assert studio.open(copy, "stub").from_memory
    Image.new("RGB", (8, 6), "blue").save(photo)
    assert not studio.open(photo, "stub").from_memory


def test_methods_have_photos_of_their_own(photo: Path) -> None:
    studio = Counted("one", "two")
    studio.look(photo, "dog", "one")
    assert not studio.look(photo, "dog", "two").opened.from_memory


def test_a_heat_map_of_a_label_with_a_comma(photo: Path) -> None:
    studio = Counted("stub")
    image, heat = studio.heat(photo, "black, white", "stub")
    assert tuple(heat.shape) == (image.height, image.width)
    assert studio.stubs["stub"].encoded_labels == [("black, white",)]


def test_phrases_and_captions(photo: Path) -> None:
    studio = Counted("stub")
    assert studio.refer(photo, "the dog", "stub")[1].box == (2, 1, 6, 3)
    assert studio.caption(photo, "", "stub").text == "a photo"
    assert studio.caption(photo, "dog, ball", "stub").text == "a photo of dog and ball"


class Mute(StubMethod):
    """Writes nothing."""

    caption = None  # type: ignore[assignment]


def test_sentences_come_from_tag2text_where_the_chosen_method_writes_none(photo: Path) -> None:
    studio = Counted("mute", "tag2text")
    studio.stubs["mute"] = Mute()
    assert studio.caption(photo, "dog", "mute").text == "a photo of dog"
    assert studio.stubs["mute"].batches == []
    alone = Counted("mute")
    alone.stubs["mute"] = Mute()
    with pytest.raises(InputError, match="cannot caption"):
        alone.caption(photo, "dog", "mute")


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    studio = Counted("stub")
    (tmp_path / "broken.jpg").write_text("text")
    with pytest.raises(ImageError, match="not an image"):
        studio.look(tmp_path / "broken.jpg", "dog", "stub")
    with pytest.raises(InputError, match="choose a photo"):
        studio.look(None, "dog", "stub")
    with pytest.raises(InputError, match="cannot be read"):
        studio.look(tmp_path / "lost.jpg", "dog", "stub")
    with pytest.raises(InputError, match="type at least one label"):
        typed_labels(" , ")


def test_only_methods_with_all_their_parts_are_offered() -> None:
    def open_model(name: str) -> Model:
        if name == "trained":
            raise MissingPartError("needs training")
        return Model(StubMethod())

    assert usable_methods(open_model, ["one", "trained", "two"]) == ["one", "two"]


def test_lines_with_words_of_labels_are_read_as_a_label_file(photo: Path) -> None:
    studio = Counted("stub")
    shown = studio.look(photo, "cup: mug, coffee cup; not trophy", "stub")
    (label,) = shown.labels.label_set.labels
    assert (label.name, label.aliases, label.negatives) == ("cup", ("mug", "coffee cup"), ("trophy",))
    shown = studio.look(photo, "[kind, one]\ndog: puppy\ncat", "stub")
    assert shown.labels.names == ("dog", "cat")
    assert shown.labels.label_set.groups[0].one
    with pytest.raises(InputError, match="excludes it too"):
        studio.look(photo, "cup: mug; not mug", "stub")


def test_a_large_photo_is_answered_at_the_size_of_the_screen_and_at_its_own(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1500), "red").save(tmp_path / "a.png")
    studio = Counted("stub")
    # of a half that has 1,500,000 pixels at full size: an area is in pixels of the file at either size
    choice = MethodChoice(method="stub", instances=True, min_area=1_000_000)
    seen, whole = (studio.look(tmp_path / "a.png", "dog, cat", choice, most=most) for most in (1024, None))
    assert (seen.opened.image.size, seen.opened.size, seen.opened.is_whole) == (
        (1024, 768),
        (2000, 1500),
        False,
    )
    assert (whole.opened.image.size, whole.opened.is_whole) == ((2000, 1500), True)
    for view in (seen, whole):
        assert view.segmentation is not None
        assert view.segmentation.labels.shape[::-1] == view.opened.image.size
        assert [one.name for one in view.segmentation.instances or ()] == ["dog", "cat"]
    small = studio.look(tmp_path / "a.png", "dog", "stub", most=4000)
    assert small.opened.is_whole
