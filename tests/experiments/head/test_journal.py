"""Results survive a restart with the same settings, and no other; a foreign file is refused."""

import json

import pytest

from tagalign.errors import DataError
from tagalign.experiments.head.journal import Journal


def test_a_table_that_was_broken_off_goes_on(tmp_path):
    path = tmp_path / "table.json"
    first = Journal(path, {"scenes": 4})
    assert first.get("tiny", "a") is None
    first.add("tiny", "a", {"miou": 1.5})
    first.add("plain", "a", {"miou": 2.5})
    first.conclude([{"name": "x", "holds": True}])
    again = Journal(path, {"scenes": 4})
    assert again.get("tiny", "a") == {"miou": 1.5}
    assert again.of("plain") == {"a": {"miou": 2.5}}
    assert again.of("other") == {}
    kept = json.loads(path.read_text())
    assert kept["claims"] == [{"name": "x", "holds": True}]
    assert kept["settings"] == {"scenes": 4}


def test_other_settings_begin_anew_and_tuples_are_lists(tmp_path):
    path = tmp_path / "table.json"
    Journal(path, {"sizes": (1, 2)}).add("tiny", "a", {"miou": 1.5})
    assert Journal(path, {"sizes": (1, 2)}).get("tiny", "a") == {"miou": 1.5}
    assert Journal(path, {"sizes": (1, 3)}).get("tiny", "a") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"values": {}}', "3"])
def test_a_file_that_is_no_journal_is_refused_and_stays(tmp_path, content):
    path = tmp_path / "table.json"
    path.write_text(content)
    with pytest.raises(DataError, match="expected the results of a table"):
        Journal(path, {})
    assert path.read_text() == content
