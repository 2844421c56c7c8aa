"""Two parses side by side, counted by hand."""

import json

import pytest

from tagalign.cli.main import main
from tagalign.errors import DataError
from tagalign.tags import ParsedCaption
from tagalign.tags.comparison import compare_parses, match_rows
from tagalign.tags.shards import TagRow, read_rows

CAPTION = "a red car and two dogs"


def row(key, objects=(), attributes=(), caption=CAPTION):
    return TagRow(key, caption, ParsedCaption(objects=tuple(objects), attributes=tuple(attributes)))


def test_agreement_inventions_and_gold_are_counted():
    a = [row("1", ["car", "dogs"], ["red"]), row("2", ["tree"], caption="a tree")]
    b = [row("1", ["car", "unicorn"]), row("3", ["sky"], caption="the sky")]
    result = compare_parses(a, b, gold=[row("1", ["cars", "dog"], ["red"])])
    assert (len(result.rows), result.only_first, result.only_second) == (1, 1, 1)
    assert result.agreement["object"].f1 == pytest.approx(2 * 1 / 4)
    assert (result.first.inventions, result.second.inventions) == (0, 1)
    assert result.first.against_gold["object"].f1 == 1
    assert result.second.against_gold["object"].recall == 1 / 2
    assert result.second.against_gold["attribute"].f1 == 0


def test_rows_match_by_key_and_by_caption_where_keys_differ_and_in_order_where_they_repeat():
    a = [row("1", ["x"], caption="one"), row("2", ["y"], caption="one"), row("3", caption="two")]
    pairs, _, _ = match_rows(a, [row("2", caption="one"), row("1", caption="one")])
    assert [(m.key, m.first.objects) for m in pairs] == [("1", ("x",)), ("2", ("y",))]
    pairs, rest, _ = match_rows(a, [row("p", ["p"], caption="one"), row("q", ["q"], caption="one")])
    assert ([m.second.objects for m in pairs], rest) == ([("p",), ("q",)], 1)
    with pytest.raises(DataError, match="no caption in common"):
        match_rows(a, [row("9", caption="nine")])


def test_object_tags_are_judged_by_what_is_in_the_image():
    truth, classes = {"1": {"car"}}, {"car": "car", "dog": "dog", "puppy": "dog"}
    a = [row("1", ["red cars", "puppies", "grass"]), row("2", ["car"])]
    result = compare_parses(a, a, in_image=truth, class_of=classes)
    assert (result.first.in_images.judged, result.first.in_images.right) == (
        2,
        1,
    )  # no image of "2", no class "grass"


def test_the_verb_prints_and_writes(tmp_path, capsys):
    for name, objects in (("a", ["car"]), ("b", ["car", "person"])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "x.jsonl").write_text(
            json.dumps({"key": "7.jpg", "caption": CAPTION, "objects": objects}) + "\n"
        )
        (folder / "usage.json").write_text(json.dumps({"total": {"calls": 3}}))
    coco = {
        "images": [{"id": 7, "file_name": "7.jpg"}],
        "annotations": [{"image_id": 7, "category_id": 1}],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}],
    }
    coco["annotations"].append({"image_id": 8, "category_id": 2})
    coco["images"].append({"id": 8, "file_name": "8.jpg"})
    (tmp_path / "instances.json").write_text(json.dumps(coco))
    (tmp_path / "gold.jsonl").write_text(
        json.dumps({"caption": CAPTION, "objects": ["car", "dogs"], "attributes": [["car", "red"]]}) + "\n"
    )
    paths = [str(tmp_path / name) for name in ("a", "b")]
    flags = ["--truth", str(tmp_path / "instances.json"), "--gold", str(tmp_path / "gold.jsonl")]
    assert main(["compare", *paths, *flags, "--json", "--out", str(tmp_path / "out")]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values == json.loads((tmp_path / "out/comparison.json").read_text())
    assert values["a"]["in_images"] == {"judged": 1, "right": 1, "share": 1.0}
    assert values["b"]["in_images"] == {"judged": 2, "right": 1, "share": 0.5}
    assert values["b"]["inventions"] == 1
    assert values["a"]["gold"]["object"]["f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert values["a"]["cost"] == {"calls": "3"}
    assert (tmp_path / "out/comparison.html").exists()
    assert main(["compare", *paths]) == 0
    assert "only B: person 1" in capsys.readouterr().out


def test_attributes_as_pairs_are_read_and_counts_are_none(tmp_path):
    record = {
        "caption": "two red dogs", "objects": ["dogs"], "attributes": [["dogs", "red"], ["dogs", "two"]],
        "quantities": [["dogs", "two"]],
    }  # fmt: skip
    (tmp_path / "gold.jsonl").write_text(json.dumps(record) + "\n")
    parse = next(iter(read_rows(tmp_path / "gold.jsonl"))).parse
    assert (parse.attributes, parse.pairs) == (("red",), (("dogs", "red"),))
