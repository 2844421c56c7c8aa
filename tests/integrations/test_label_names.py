import json
import logging
from pathlib import Path

import pytest

from tagalign.errors import InputError
from tagalign.integrations.label_names import asked_labels, assignments, spoken, their_names


def test_labels_alone_come_out_as_they_were_typed() -> None:
    asked = asked_labels("dog,traffic_light")
    assert asked.labels.names == ("dog", "traffic light")
    assert asked.names == ("dog", "traffic_light")


def test_their_names_alone_are_asked_as_words() -> None:
    asked = asked_labels("", theirs=["Traffic_Light", "dog"])
    assert asked.labels.names == ("Traffic Light", "dog")
    assert asked.names == ("Traffic_Light", "dog")


@pytest.mark.parametrize(
    ("asked", "theirs", "shown"),
    [
        ("dog", ["Dog", "dog"], {"dog": "dog"}),  # the same spelling before another
        ("dog", ["DOG"], {"dog": "DOG"}),
        ("traffic light", ["traffic-lights"], {"traffic light": "traffic-lights"}),
        ("dog: Hund", ["Hund", "Katze"], {"dog": "Hund"}),
        ("cup: mug | dog: mutt; not wolf", ["mutt", "Mug"], {"cup": "Mug", "dog": "mutt"}),
        ("car: vehicle | truck", ["vehicle"], {"car": "vehicle"}),
        ("caf\u00e9", ["CAFE\u0301"], {"caf\u00e9": "CAFE\u0301"}),
    ],
)
def test_labels_find_their_names(asked: str, theirs: list[str], shown: dict[str, str]) -> None:
    assert dict(asked_labels(asked, theirs=theirs).shown) == shown


def test_a_given_name_comes_before_a_found_one() -> None:
    asked = asked_labels(
        "car,truck", theirs=["car", "vehicle"], renamed={"Car": "vehicle", "truck": "vehicle"}
    )
    assert asked.shown == {"car": "vehicle", "truck": "vehicle"}
    assert asked.names == ("vehicle",)
    assert asked.numbers == {"car": 0, "truck": 0}


def test_a_label_without_a_name_there_competes_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        asked = asked_labels("dog,sky", theirs=["dog"])
    assert asked.labels.names == ("dog", "sky")
    assert asked.names == ("dog",)
    assert "never come out: sky" in caplog.text


def test_background_is_asked_and_is_no_name() -> None:
    asked = asked_labels("background,dog")
    assert (asked.names, asked.numbers) == (("dog",), {"dog": 0})


def test_words_of_one_label_among_several_need_a_bar() -> None:
    with pytest.raises(InputError, match="plain names"):
        asked_labels("cat,dog: puppy")


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(InputError, match=r"none of the labels dog is a label there \(Katze\)"):
        asked_labels("dog", theirs=["Katze"])


def test_no_labels_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="task_labels"):
        asked_labels("")


def test_two_spellings_of_one_label_are_refused() -> None:
    with pytest.raises(InputError, match="stands"):
        asked_labels("", theirs=["traffic_light", "traffic light"])


def test_a_renamed_label_must_be_asked() -> None:
    with pytest.raises(InputError, match="'cat' is none of the labels"):
        asked_labels("dog", renamed={"cat": "Katze"})


def test_spoken_keeps_what_has_no_words() -> None:
    assert spoken("_") == "_"


def test_the_raw_page_of_a_task_is_read(tmp_path: Path) -> None:
    raw = tmp_path / "labels.json"
    raw.write_text(json.dumps([{"name": "red car", "attributes": []}, {"name": "a, b"}]), encoding="utf-8")
    assert their_names(str(raw)) == ("red car", "a, b")


@pytest.mark.parametrize("text", ["{}", "[]", "[1]", "nonsense", '{"labels": 3}'])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    raw = tmp_path / "labels.json"
    raw.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"labels\.json"):
        their_names(str(raw))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.json"):
        their_names(str(tmp_path / "nowhere.json"))


def test_names_between_commas_or_bars() -> None:
    assert their_names("dog, red car") == ("dog", "red car")
    assert their_names("a, b | c") == ("a, b", "c")
    assert their_names("") == ()


def test_assignments() -> None:
    assert assignments("dog=Hund | red car = Auto, rot") == {"dog": "Hund", "red car": "Auto, rot"}
    for wrong in ("dog", "dog=", "=Hund"):
        with pytest.raises(InputError, match="LABEL=NAME"):
            assignments(wrong)
