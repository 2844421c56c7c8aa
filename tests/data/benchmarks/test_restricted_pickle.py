"""Plain values are read as pickle reads them; whatever could run is refused before it does."""

import pickle

import pytest

from tagalign.data.benchmarks import restricted_pickle
from tagalign.data.benchmarks.restricted_pickle import read_plain_pickle
from tagalign.errors import DataError

PLAIN = [{"ref_id": 1, "sentences": [("the cat", 0.5), None, True]}, {2: b"x"}, {"é"}]


class Runs:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_plain_values_come_back(tmp_path, protocol):
    values = PLAIN if protocol > 2 else PLAIN[:1]  # older protocols build bytes and sets by calls
    path = tmp_path / "a.p"
    path.write_bytes(pickle.dumps(values, protocol=protocol))
    assert read_plain_pickle(path) == values


def test_texts_of_python_2_are_latin_1(tmp_path):
    path = tmp_path / "a.p"
    path.write_bytes(b"U\x04caf\xe9.")
    assert read_plain_pickle(path) == "café"


def test_nothing_in_it_runs(tmp_path):
    path = tmp_path / "a.p"
    path.write_bytes(pickle.dumps([1, Runs(tmp_path / "ran")]))
    with pytest.raises(DataError, match="could run code"):
        read_plain_pickle(path)
    assert not (tmp_path / "ran").exists()


def test_damaged_missing_and_too_large_files_are_named(tmp_path, monkeypatch):
    path = tmp_path / "a.p"
    with pytest.raises(DataError, match=r"a.p: missing"):
        read_plain_pickle(path)
    path.write_bytes(pickle.dumps(PLAIN)[:-4])
    with pytest.raises(DataError, match=r"a.p: refused; expected a pickle of lists"):
        read_plain_pickle(path)
    monkeypatch.setattr(restricted_pickle, "MAX_BYTES", 3)
    with pytest.raises(DataError, match="at most 3 are read"):
        read_plain_pickle(path)
