"""The syntax of a label file: what it says, what it leaves alone, what it refuses with the line, and back again."""

import pytest

from tagalign.errors import InputError
from tagalign.labels import Label, LabelGroup, LabelSet
from tagalign.tags.label_lines import is_plain, label_line, label_lines, parse_label, parse_lines
from tagalign.tags.label_sets import benchmark_labels, label_set_names, load_label_set, read_label_set

FULL = """\
[scene, one]
indoor: inside
outdoor; not window
[animal]
dog: puppy, hound; not wolf, fox
[breed, one, under animal]
poodle
beagle
[]
cup: mug, "cup, big"; not "Cup: the film"
"""


def test_words_groups_and_rules_are_read():
    labels = load_label_set(FULL)
    assert labels.labels[2] == Label(
        name="dog", aliases=("puppy", "hound"), group="animal", negatives=("wolf", "fox")
    )
    assert labels.labels[1] == Label(name="outdoor", group="scene", negatives=("window",))
    assert labels.labels[-1] == Label(name="cup", aliases=("mug", "cup, big"), negatives=("Cup: the film",))
    assert labels.groups == (
        LabelGroup(name="scene", one=True),
        LabelGroup(name="breed", one=True, under="animal"),
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_file_a_text_and_a_list_say_the_same(tmp_path, ending):
    path = tmp_path / "mine.txt"
    path.write_bytes(FULL.replace("\n", ending).encode())
    of_file = load_label_set(path)
    assert of_file.labels == load_label_set(FULL).labels == load_label_set(FULL.strip().split("\n")).labels
    assert of_file.groups == load_label_set(FULL).groups
    assert of_file.name == "mine"


def test_objects_and_lines_can_stand_in_one_list():
    rows = [{"name": "cup", "aliases": ["mug"], "negatives": ["trophy"]}, "dog: puppy", "a cat"]
    assert [(one.name, one.aliases, one.negatives) for one in load_label_set(rows).labels] == [
        ("cup", ("mug",), ("trophy",)),
        ("dog", ("puppy",), ()),
        ("a cat", (), ()),
    ]


# what label files of before held, and other tools write
OLD = (
    "ratio 3:4",
    "16:9",
    "supercategory:dog",
    "rock;paper",
    "rock; paper",
    "not a dog",
    "knot; nothing",
    "dog not cat",
    "hot dog, big",
    'a "real" dog',
    '5" pipe',
    "C:\\photos",
    "12:30",
    "dog;",
    "a [b]",
    "[a] b",
    "who's; notably",
)


@pytest.mark.parametrize("name", OLD)
def test_old_names_with_marks_are_names_still(name):
    assert parse_label(name, "x") == Label(name=name)
    assert is_plain(name)


def test_shipped_and_quoted_names_are_read_as_they_stand(tmp_path):
    for name in label_set_names():
        names = benchmark_labels(name).names
        assert read_label_set(list(names))[0].labels == tuple(Label(name=one) for one in names)
    assert load_label_set(['"Star Wars: A New Hope"', '"say ""hi""; not now"']).names == (
        "Star Wars: A New Hope",
        'say "hi"; not now',
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cup:", "before and behind"),
        (": mug", "before and behind"),
        ("; not mug", "before and behind"),
        ("cup; not", "before and behind"),
        (
            "cup: not trophy",
            "'not trophy' stands among other words for 'cup'; write '; not trophy' behind them",
        ),
        ("cup: mug, Not a vase", "'Not a vase' stands among other words"),
        ("cup: mug,, can", "between two commas is empty"),
        ("cup: mug; vase", "one '; not' at most"),
        ("cup; not a; not b", "one '; not' at most"),
        ("[a, b]", r"expected a group such as"),
        ("[, one]", r"expected a group such as"),
        ("[a, under b, under c]", r"expected a group such as"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path, line, message):
    path = tmp_path / "mine.txt"
    path.write_text(f"dog\n\n{line}\n")
    with pytest.raises(InputError, match=message) as caught:
        load_label_set(path)
    assert "mine.txt, line 3" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_comma_list_holds_plain_names():
    with pytest.raises(InputError, match="one label per line"):
        load_label_set("cup: mug, coffee cup; not trophy")
    with pytest.raises(InputError, match="one label per line"):
        load_label_set("dog,cup; not trophy")
    assert load_label_set("ratio 3:4,dog").names == ("ratio 3:4", "dog")


def test_rules_of_one_group_are_given_once():
    assert parse_lines(["[a, one]", "x", "[b]", "y", "[a]", "z"], "x").groups == (
        LabelGroup(name="a", one=True),
    )
    with pytest.raises(InputError, match="other rules"):
        parse_lines(["[a, one]", "x", "[a, under b]", "z"], "x")


def test_written_lines_read_back_as_the_same_labels():
    labels = load_label_set(FULL)
    assert load_label_set(label_lines(labels)) == labels
    strange = LabelSet(
        name="custom",
        labels=(
            Label(name="Star Wars: A New Hope", aliases=('the "film"', "b, c"), negatives=("x; not y", "z;")),
            Label(name="[x]", group="g"),
            Label(name='"quoted"'),
            Label(name="a, b"),
            *(Label(name=name) for name in OLD),
        ),
    )
    assert load_label_set(label_lines(strange)) == strange
    assert label_lines(strange).startswith('"Star Wars: A New Hope": "the ""film""", "b, c"')


@pytest.mark.usefixtures("unchecked_types")
def test_ten_thousand_labels_are_read_and_written():
    labels = load_label_set("\n".join(f"thing {i}: item {i}; not other {i}" for i in range(10_000)))
    assert len(labels) == 10_000
    assert load_label_set(label_lines(labels)) == labels


def test_a_word_that_begins_with_not_is_one_in_quotes():
    line = 'knot: "not a bow", nothing; not rope'
    label = parse_lines([line], "here").lines[0].label
    assert (label.aliases, label.negatives) == (("not a bow", "nothing"), ("rope",))
    assert label_line(label) == line
    assert parse_lines(["not a bow"], "here").lines[0].label.name == "not a bow"
