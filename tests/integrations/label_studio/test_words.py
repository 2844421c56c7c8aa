import pytest

from tagalign.errors import InputError
from tagalign.integrations.label_studio.config import ConfigLabel
from tagalign.integrations.label_studio.words import ConfigWords, read_words
from tagalign.tags.label_sets import load_label_set


def labels(*names: str) -> tuple[ConfigLabel, ...]:
    return tuple(ConfigLabel(value=name, shown=name) for name in names)


def test_a_label_is_asked_by_its_name_and_synonyms_and_answered_by_its_value():
    label = ConfigLabel(value="d", shown=" Big  Dog ", synonyms=("hound", "big dog", "Hound"))
    asked = ConfigWords().asked([label])
    assert asked.values == ("d",)
    found = load_label_set(list(asked.entries)).labels[0]
    assert (found.name, found.aliases) == ("Big Dog", ("Hound",))


def test_a_saved_mapping_goes_before_the_name(tmp_path):
    path = tmp_path / "words.json"
    path.write_text(
        '{"cls_03": "cargo ship: container ship; not ferry", "UNSURE": null, "salt, pepper": "spice"}'
    )
    asked = read_words(path).asked(labels("CLS_03", "unsure", "tree", "salt, pepper"))
    assert asked.values == ("CLS_03", "tree", "salt, pepper")
    assert asked.names == ("cargo ship", "tree", "spice")
    found = load_label_set(list(asked.entries)).labels[0]
    assert (found.aliases, found.negatives) == (("container ship",), ("ferry",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[1]", "expected an object"),
        ('{"a": 3}', "expected a line"),
        ('{"a": {"name": "b"}}', "expected a line"),
        ('{"a": "b", "A": "c"}', "given twice"),
        ('{"a": "b", "a": "c"}', "given twice"),
        ('{"a": "b:"}', "words before and behind"),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "words.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        read_words(path)
    assert "\n" not in str(refused.value)
    assert "words.json" in str(refused.value)
