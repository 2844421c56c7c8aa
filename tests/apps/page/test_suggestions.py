import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.studio import SUGGESTED, Studio
from tagalign.apps.page.suggestions import with_suggestions
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod


@pytest.mark.parametrize(
    ("text", "chosen", "offered", "expected"),
    [
        ("", ["tree"], ["tree"], "tree"),
        ("dog,\n cat", ["tree"], ["tree", "cat"], "dog, tree"),
        ("dog", ["dog"], ["dog"], "dog"),
        ("cup: mug\n", ["tree"], ["tree", "cup"], "cup: mug\ntree"),
        ("cup: mug\ntree", ["tree"], ["tree"], "cup: mug\ntree"),
    ],
)
def test_what_is_checked_joins_the_list(
    text: str, chosen: list[str], offered: list[str], expected: str
) -> None:
    found = with_suggestions(text, chosen, offered)
    assert found == expected
    assert set(chosen) <= set(load_label_set(found).names)


def test_suggestions_are_names_of_the_list_of_things_each_once(tmp_path) -> None:
    Image.new("RGB", (8, 6), "red").save(tmp_path / "a.png")
    stub = StubMethod()
    studio = Studio(lambda name: Model(stub), ["stub"])
    found = studio.suggest(tmp_path / "a.png", "stub")
    assert 0 < len(found) <= SUGGESTED
    assert len(set(found)) == len(found)
    studio.suggest(tmp_path / "a.png", "stub")
    assert len(stub.encoded_labels) == 1  # a thousand names are encoded once
    assert set(found) <= set(stub.encoded_labels[0])
