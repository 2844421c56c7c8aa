"""The labels of a folder of results: as they were written, or one line that says what is missing."""

import json

import pytest

from tagalign.errors import DataError
from tagalign.tasks.photos.result_labels import result_names


def test_names_come_back_in_their_order(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"labels": ["dog", "cat", "dog house"]}))
    assert result_names(tmp_path) == ("dog", "cat", "dog house")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "settings.json is missing, so nobody knows what the ids mean"),
        ("{", "expected a list of labels in it"),
        ("{}", "expected a list of labels in it"),
        ("[]", "expected a list of labels in it"),
        ('{"labels": "dog"}', "expected 'labels' to be a list of names"),
        ('{"labels": [1]}', "expected 'labels' to be a list of names"),
    ],
)
def test_what_names_no_labels_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "settings.json").write_text(text)
    with pytest.raises(DataError, match=message):
        result_names(tmp_path)
