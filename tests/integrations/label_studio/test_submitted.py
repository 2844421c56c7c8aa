import pytest

from tagalign.errors import InputError
from tagalign.integrations.label_studio.config import read_config
from tagalign.integrations.label_studio.places import LocalPhoto, WebPhoto
from tagalign.integrations.label_studio.submitted import click_of
from tagalign.integrations.label_studio.words import ConfigWords
from tagalign.labels import Label

CONFIG = read_config(
    '<View><Image name="image" value="$image"/><Choices name="c" toName="image" choice="multiple"><Choice value="sky"/>'
    '<Choice value="cls_3"/></Choices><BrushLabels name="m" toName="image"><Label value="dog"/><Label value="cat"/>'
    "</BrushLabels></View>"
)
WORDS = ConfigWords(by_label={"cls_3": Label(name="cargo ship")})


def result(kind: str, labels: list[str], **fields: object) -> dict[str, object]:
    return {
        "type": kind,
        "to_name": "image",
        "value": {kind: labels},
        "original_height": 6,
        "original_width": 8,
    } | fields


def test_choices_and_shapes_say_what_is_in_the_photo(tmp_path):
    annotation = {
        "id": 17,
        "result": [
            result("brushlabels", ["dog"]),
            result("brushlabels", ["dog"]),
            result("choices", ["cls_3"]),
            result("choices", ["gone from the config"]),
            result("choices", ["sky"], to_name="another image"),
            {"type": "relation", "from_id": "a", "to_id": "b"},
            "no object",
        ],
        "prediction": {"result": [result("choices", ["sky"])]},
    }
    click = click_of(annotation, LocalPhoto(folder=tmp_path, path="a.jpg"), "image", CONFIG, WORDS)
    assert click.labels == ("sky", "cargo ship", "dog", "cat")
    assert (click.tags, click.given) == (("dog", "cargo ship"), ("sky",))
    assert (click.photo, click.folder, click.size) == ("a.jpg", str(tmp_path), (6, 8))
    assert (click.verdict, click.source) == ("accepted", "label-studio:17")


def test_a_skipped_task_is_skipped_and_an_empty_one_says_that_nothing_is_there():
    web = WebPhoto(address="https://example.org/a.jpg")
    skipped = click_of({"id": 1, "result": [], "was_cancelled": True}, web, "image", CONFIG, WORDS)
    assert (skipped.verdict, skipped.photo, skipped.folder) == ("skipped", "https://example.org/a.jpg", "")
    empty = click_of({"id": 2, "result": []}, web, "image", CONFIG, WORDS)
    assert (empty.verdict, empty.tags, empty.size) == ("accepted", (), (0, 0))


@pytest.mark.parametrize("annotation", [{}, {"result": None}, {"result": {"a": 1}}])
def test_an_annotation_without_results_is_refused(annotation):
    with pytest.raises(InputError, match=r"annotation\.result: expected a list"):
        click_of(annotation, WebPhoto(address="https://x/a.jpg"), "image", CONFIG, WORDS)
