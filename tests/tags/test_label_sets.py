"""Label sets: every way to name one, every way to get it wrong, and what the package ships."""

import gc
import json
import re
import tracemalloc
from pathlib import Path

import pytest

from tagalign.errors import InputError, UnknownNameError
from tagalign.tags.label_sets import (
    background_words,
    benchmark_content,
    benchmark_labels,
    label_set_names,
    load_label_set,
    template_set,
    unseen_labels,
)


def test_list_and_comma_list_give_the_same_names():
    assert load_label_set(["dog", "red car"]).names == ("dog", "red car")
    assert load_label_set(" dog ,red  car ").names == ("dog", "red car")
    assert load_label_set("dog").names == ("dog",)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("\ufeffdog,c\u200bat\u200b", ("dog", "cat")),  # a mark of a file, spaces of no width
        ("\u200fdog\u200e,\u202ecar", ("dog", "car")),  # marks of direction
        ("hand\u00adbag", ("handbag",)),  # a soft hyphen
        ("\u72ac\u3001\u732b\uff0c\u8eca", ("\u72ac", "\u732b", "\u8eca")),  # ideographic and wide commas
        ("\u0643\u0644\u0628\u060c \u0642\u0637", ("\u0643\u0644\u0628", "\u0642\u0637")),  # Arabic
        (
            "\u0645\u06cc\u200c\u0631\u0648\u062f,\U0001f468\u200d\U0001f680",
            ("\u0645\u06cc\u200c\u0631\u0648\u062f", "\U0001f468\u200d\U0001f680"),
        ),  # joiners mean something
        ("x" * 300 + ",dog", ("x" * 300, "dog")),
    ],
)
def test_letters_that_nobody_sees_and_commas_of_other_scripts(tmp_path, spec, names):
    assert load_label_set(spec).names == names
    (tmp_path / "set.json").write_text(
        json.dumps(
            {"name": "x", "labels": [{"name": part} for part in re.split("[,\uff0c\u3001\u060c]", spec)]}
        )
    )
    assert load_label_set(tmp_path / "set.json").names == names


def test_text_file_has_one_label_per_line_and_may_hold_commas(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeffdog, small\r\n猫\n🐶\n\n".encode())
    label_set = load_label_set(str(path))
    assert label_set.names == ("dog, small", "猫", "🐶")
    assert label_set.name == "mine"
    assert load_label_set(path) == label_set


def test_json_file_keeps_aliases_groups_background_and_templates(tmp_path):
    path = tmp_path / "set.json"
    rows = [{"name": "dog", "aliases": ["puppy"], "group": "animal"}, {"name": "car"}]
    content = {"name": "two", "version": 3, "labels": rows, "background": ["sky"], "templates": ["a {}"]}
    path.write_text(json.dumps(content), encoding="utf-8")
    label_set = load_label_set(path)
    assert (label_set.name, label_set.version, label_set.names) == ("two", 3, ("dog", "car"))
    assert (label_set.labels[0].aliases, label_set.labels[0].group) == (("puppy",), "animal")
    assert (label_set.background, label_set.templates) == (("sky",), ("a {}",))


@pytest.mark.usefixtures("unchecked_types")
def test_many_labels_are_fine():
    assert len(load_label_set([f"thing {i}" for i in range(5000)])) == 5000


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "no labels in the list"),
        ("", "no labels"),
        ("dog,,cat", "label 2 of 3 in the comma list is empty"),
        ("dog,\u200b", "label 2 of 2 in the comma list is empty"),
        ("dog,do\u200bg", "'dog' stands twice in the comma list, at 1 and 2"),
        (["caf\u00e9", "cafe\u0301"], "stands twice in the list, at 1 and 2"),
        (["dog", "  "], "label 2 of 2 in the list is empty"),
        ("dog,cat,Dog", "'Dog' stands twice in the comma list, at 1 and 3"),
        ("missing.txt", "missing.txt: no such label file"),
        (Path("missing.json"), "missing.json: no such label file"),
    ],
)
def test_wrong_lists_are_refused(spec, message):
    with pytest.raises(InputError, match=message):
        load_label_set(spec)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected a label set"),
        ("[1]", "expected a label set"),
        ('{"name": "x", "labels": [{"aliases": []}]}', "KeyError"),
        ('{"name": "x", "labels": [{"name": "a", "aliases": "puppy"}]}', "expected a list of words"),
        ('{"name": "x", "labels": []}', "no labels"),
        ('{"name": "x", "labels": [{"name": "a"}], "templates": ["a photo"]}', "must hold one {}"),
    ],
)
def test_wrong_json_is_refused_with_the_file(tmp_path, content, message):
    path = tmp_path / "set.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_label_set(path)
    assert "set.json" in str(caught.value)


def test_binary_file_is_refused(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(InputError, match=r"expected a label file, could not read it .*is no text"):
        load_label_set(path)


@pytest.mark.parametrize(
    ("name", "count"), [("1", 1), ("1-dot", 1), ("7", 7), ("15", 15), ("80", 80), ("85", 85)]
)
def test_template_sets_have_their_number_of_different_templates(name, count):
    templates = template_set(name)
    assert len(set(templates)) == len(templates) == count
    assert all(template.count("{}") == 1 for template in templates)


def test_clip_seven_and_eighty_are_in_order_of_inclusion():
    assert set(template_set("7")) < set(template_set("80")) < set(template_set("85"))


def test_background_words_have_the_sizes_of_the_paper():
    voc, coco = background_words("voc"), background_words("coco")
    assert (len(voc), len(coco), background_words("none")) == (25, 23, ())
    assert set(voc) - set(coco) == {"sign", "keyboard"}


def test_templates_and_background_replace_those_of_the_set():
    label_set = load_label_set("dog", templates="7", background="coco")
    assert (len(label_set.templates), len(label_set.background)) == (7, 23)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown template set '8'"):
        template_set("8")
    with pytest.raises(UnknownNameError, match="unknown background list 'voc2'; did you mean 'voc'"):
        background_words("voc2")
    with pytest.raises(UnknownNameError, match="unknown label set 'voc2000'"):
        benchmark_labels("voc2000")


SIZES = {
    "voc20": 20,
    "context59": 59,
    "coco-object": 80,
    "coco-stuff": 171,
    "coco-stuff-27": 27,
    "cityscapes": 19,
    "ade20k": 150,
    "ade20k-847": 847,
    "imagenet-s-50": 50,
    "imagenet-s-300": 300,
    "imagenet-s-919": 919,
}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_benchmark_has_its_official_number_of_labels(name, size):
    assert len(load_label_set(name)) == size


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("wording", ["clean", "aliases"])
def test_no_word_of_a_benchmark_stands_for_two_labels(name, wording):
    labels = benchmark_labels(name, wording).labels
    words = [word.casefold() for label in labels for word in {label.name, *label.aliases}]
    assert sorted({word for word in words if words.count(word) > 1}) == []


def test_wording_changes_names_and_aliases_and_is_named():
    plain, clean, aliases = (load_label_set(name) for name in ("voc20", "voc20:clean", "voc20:aliases"))
    assert (plain.names[19], clean.names[19]) == ("tvmonitor", "television monitor")
    assert (plain.labels[1].aliases, clean.labels[1].aliases) == ((), ())
    assert aliases.labels[1].aliases == ("bike",)
    assert [s.name for s in (plain, clean, aliases)] == ["voc20", "voc20:clean", "voc20:aliases"]
    with pytest.raises(UnknownNameError, match="unknown wording 'latin'"):
        load_label_set("voc20:latin")


def test_unseen_splits_are_those_of_zero_shot_segmentation():
    assert unseen_labels("voc20") == (15, 16, 17, 18, 19)
    expected = (19, 23, 28, 29, 36, 51, 76, 88, 94, 112, 133, 136, 137, 157, 160)
    assert unseen_labels("coco-stuff") == expected
    assert unseen_labels("ade20k") == ()


def test_full_ade20k_has_the_official_classes_in_the_converted_order():
    rows = benchmark_content("ade20k-847")["labels"]
    official = [row["official_id"] for row in rows]
    assert len(set(official)) == 847
    # ids of the original index: wall, building, sky; the last is the adding machine
    assert (official[:3], official[-1], rows[-1]["name"]) == ([2978, 312, 2420], 3148, "adding machine")


def test_coco_stuff_starts_with_coco_object_and_falls_into_27_categories():
    stuff, things = benchmark_content("coco-stuff")["labels"], benchmark_content("coco-object")["labels"]
    assert [row["name"] for row in stuff[:80]] == [row["name"] for row in things]
    assert {row["category"] for row in stuff} == set(load_label_set("coco-stuff-27").names)
    official = [row["official_id"] for row in stuff]
    assert official == sorted(set(official))
    assert (official[0], official[-1]) == (1, 182)


@pytest.mark.real
def test_coco_names_and_ids_are_those_of_the_official_file():
    path = Path(__file__).parents[3] / "shared/data/coco_mini/annotations/instances_train2017.json"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    categories = json.loads(path.read_text())["categories"]
    ours = benchmark_content("coco-object")["labels"]
    assert [(c["id"], c["name"]) for c in categories] == [(r["official_id"], r["name"]) for r in ours]


@pytest.mark.parametrize("wording", ["", ":plain", ":clean", ":aliases"])
def test_every_benchmark_is_asked_for_by_name(wording):
    """Also those that have one name twice, as ImageNet has two cardigans."""
    for name in label_set_names():
        assert len(load_label_set(f"{name}{wording}").labels) > 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dog\n\n[pet]\nDog\n", "lines 1 and 4: label 'dog' stands twice"),
        ("cup: mug\n\nglass: mug\n", "lines 1 and 3: 'mug' is another word"),
        ("sky\ncup: mug; not mug\n", "line 2: 'mug' stands for 'cup' and excludes it too"),
        ("sky\ncup: mug; not\n", "line 2: expected words"),
    ],
)
def test_what_is_wrong_in_a_label_file_is_said_with_its_lines(text, said, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    for spec, where in ((path, str(path)), (str(path), str(path)), (text, "the lines")):
        with pytest.raises(InputError, match=re.escape(f"{where}, {said}")):
            load_label_set(spec)


def test_new_labels_leave_nothing_in_memory():
    """A server is asked for words that nobody asked for before, all its life."""

    def ask(first, count):
        for number in range(first, first + count):
            load_label_set(["dog", f"thing {number}"])

    ask(0, 50)  # word lists are read
    tracemalloc.start()
    try:
        ask(50, 50)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        ask(1000, 500)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # free lists may hold a page or two; one kept string a label would be 25 kB
    assert after - before < 8_000
