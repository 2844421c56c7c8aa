"""Lists of releases in small copies of their formats, written by hand from what the releases hold."""

import json
import pickle

import pytest

from tagalign.data.label_lists import RELEASED_LISTS, import_label_list
from tagalign.errors import InputError, UnknownNameError
from tagalign.tags.label_sets import load_label_set

HICO = "person board airplane\nperson sit_on airplane\nperson no_interaction airplane\nperson board boat\n"
FILES = {
    # kind: (file name, content, names)
    "ram": ("ram_tag_list.txt", "3D CG rendering\nabacus\n\ntrain\n", ["3D CG rendering", "abacus", "train"]),
    "tag2text": ("tag2text_ori_tag_list.txt", "train\nrun\ntrain\n", ["train", "run"]),
    "openimages": (
        "oidv7-class-descriptions.csv",
        'LabelName,DisplayName\n/m/011k07,Tortoise\n/m/01b6f,"Bow, arrow"\n',
        ["Tortoise", "Bow, arrow"],
    ),
    "imagenet": (
        "imagenet_class_index.json",
        '{"1": ["n01443537", "goldfish"], "0": ["n01440764", "great_white_shark"]}',
        ["great white shark", "goldfish"],
    ),
    "hico": ("hico_600_taglist.txt", HICO, ["board", "sit on", "no interaction"]),
    "vcoco": (
        "vcoco_test.json",
        json.dumps([{"action_name": n, "label": []} for n in ("hold", "talk_on_phone", "hold")]),
        ["hold", "talk on phone"],
    ),
    "coco91": ("labels.txt", "0: unlabeled\n2: bicycle\n1: person\n92: banner\n", ["person", "bicycle"]),
    "cifar100": ("meta", None, ["apple", "aquarium fish", "aquatic mammals"]),
}


def written(folder, kind):
    name, content, names = FILES[kind]
    path = folder / name
    if content is None:
        # the Python archive's meta, protocol 2 as Python 2 wrote it
        fine, coarse = ["apple", "aquarium_fish"], ["aquatic_mammals"]
        path.write_bytes(pickle.dumps({"fine_label_names": fine, "coarse_label_names": coarse}, protocol=2))
    else:
        path.write_text(content, encoding="utf-8")
    return path, names


@pytest.mark.parametrize("kind", FILES)
def test_names_are_read_as_the_release_writes_them(tmp_path, kind):
    path, names = written(tmp_path, kind)
    assert list(import_label_list(kind, path).labels.names) == names


def test_every_kind_has_a_copy_here():
    assert FILES.keys() == RELEASED_LISTS.keys()


def test_both_archives_of_cifar_hold_the_same_names(tmp_path):
    path, names = written(tmp_path, "cifar100")
    binary = tmp_path / "binary"
    binary.mkdir()
    (binary / "fine_label_names.txt").write_text("apple\naquarium_fish\n")
    (binary / "coarse_label_names.txt").write_text("aquatic_mammals\n")
    for place in (path, tmp_path, binary, binary / "fine_label_names.txt"):
        assert list(import_label_list("cifar100", place).labels.names) == names


def test_repeats_are_counted_and_another_length_is_said(tmp_path):
    path, _ = written(tmp_path, "tag2text")
    found = import_label_list("tag2text", path)
    assert (found.names, len(found.labels)) == (3, 2)
    assert "the release has 3,429 names, this file 3" in found.note
    path.write_text("".join(f"tag {i}\n" for i in range(3429)))
    assert import_label_list("tag2text", path).note == ""


def test_a_plain_list_of_openimages_or_imagenet_is_one_name_per_line(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("Tortoise\nkite (bird of prey)\nsunglasses\nsunglasses\n")
    for kind in ("openimages", "imagenet"):
        assert import_label_list(kind, path).labels.names == ("Tortoise", "kite (bird of prey)", "sunglasses")


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("hico", "person board\n", r"line 1: expected 'person VERB OBJECT', got 'person board'"),
        ("hico", "", "holds no names; expected datasets/hico/hico_600_taglist.txt"),
        ("coco91", "person\n", "line 1: expected 'ID: NAME'"),
        ("vcoco", "{", "no JSON"),
        ("vcoco", '["hold"]', "expected a list of"),
        ("cifar100", "not a pickle", "expected meta of cifar-100-python"),
        ("ram", "", "holds no names"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, kind, content, message):
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        import_label_list(kind, path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.csv", "a,b,c\n"), ("x.csv", "Tortoise\n"), ("x.json", "[1]"), ("x.json", '{"a": ["n", "b"]}')],
)
def test_tables_of_another_shape_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match="expected"):
        import_label_list("openimages" if name.endswith("csv") else "imagenet", path)


def test_a_pickle_that_names_a_function_is_refused(tmp_path):
    path = tmp_path / "meta"
    path.write_bytes(pickle.dumps({"fine_label_names": print}))
    with pytest.raises(InputError, match="refused"):
        import_label_list("cifar100", path)


def test_a_missing_file_or_kind_is_said(tmp_path):
    with pytest.raises(InputError, match=r"no such file; expected ram/data/ram_tag_list\.txt"):
        import_label_list("ram", tmp_path / "nothing.txt")
    with pytest.raises(UnknownNameError, match="did you mean 'hico'"):
        import_label_list("hicoo", tmp_path)


def test_what_was_read_is_a_label_set(tmp_path):
    path, names = written(tmp_path, "hico")
    labels = import_label_list("hico", path).labels
    assert load_label_set(list(labels.names)).names == tuple(names)
