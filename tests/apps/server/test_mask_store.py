"""Masks by their content: the name is a hash, the folder is bounded, and nothing but names is looked up."""

import errno
import hashlib
from http import HTTPStatus
from pathlib import Path

import pytest

from tagalign.apps.server.mask_store import MaskStore, is_held
from tagalign.apps.server.refusals import Refusal


def test_a_mask_comes_back_by_its_hash(tmp_path):
    store = MaskStore(tmp_path, max_bytes=1000)
    name = store.put(b"one")
    assert name == hashlib.sha256(b"one").hexdigest()[:32] == store.put(b"one")
    assert store.get(name) == b"one"
    assert MaskStore(tmp_path, max_bytes=1000).get(name) == b"one"  # of another process
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_no_name_is_not_looked_up(tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    store = MaskStore(tmp_path / "masks", max_bytes=1000)
    assert [store.get(name) for name in ("../secret", "", "0" * 31, "A" * 32, "0" * 32)] == [None] * 5


def test_the_folder_stays_within_its_limit(tmp_path):
    store = MaskStore(tmp_path, max_bytes=100)
    names = [store.put(bytes([i]) * 10) for i in range(40)]
    kept = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert kept <= 100 + 100 / 8 + 10
    assert store.get(names[-1]) == bytes([39]) * 10


def test_an_own_folder_goes_with_the_store():
    store = MaskStore(max_bytes=100)
    assert store.get(store.put(b"one")) == b"one"


def test_tags_of_clients():
    assert is_held('"ab"', "ab")
    assert is_held('W/"cd" , "ab"', "ab")
    assert is_held("*", "ab")
    assert not is_held("ab", "ab")  # a tag stands in quotes
    assert not is_held("", "ab")


def test_a_disk_that_takes_no_mask_is_the_servers_business(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Refusal, match=r"^the mask cannot be kept; the server's log says why$") as refused:
        MaskStore(tmp_path, max_bytes=100).put(b"one")
    assert refused.value.status == HTTPStatus.INSUFFICIENT_STORAGE
    assert f"{tmp_path}" in caplog.text
    assert "No space left on device" in caplog.text
