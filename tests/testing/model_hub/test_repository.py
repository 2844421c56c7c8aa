"""Blobs have the names that git and Git LFS give them; commits are a line; states do not change."""

import hashlib
import shutil
import subprocess

import pytest

from tagalign.testing.model_hub.repository import LARGE_BYTES, HubFile, HubRepository


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("contents", [b"", b"{}", b"\0\xff" * 100])
def test_a_small_file_has_gits_own_name(contents):
    told = subprocess.run(
        ["git", "hash-object", "--stdin"], input=contents, capture_output=True, check=True
    ).stdout.decode()
    file = HubFile("config.json", contents)
    assert file.oid == told.strip()
    assert file.etag == file.oid
    assert not file.is_large


def test_a_large_file_is_a_pointer_with_its_hash_and_size(tmp_path):
    contents = b"weights" * 9
    (tmp_path / "w").write_bytes(contents)
    for held in (contents, tmp_path / "w"):
        file = HubFile("model.safetensors", held)
        digest = hashlib.sha256(contents).hexdigest()
        assert file.is_large
        assert file.etag == file.sha256 == digest
        assert file.pointer.decode().splitlines() == [
            "version https://git-lfs.github.com/spec/v1", f"oid sha256:{digest}", f"size {len(contents)}",
        ]  # fmt: skip
        blob = b"blob %d\0" % len(file.pointer) + file.pointer
        assert file.oid == hashlib.sha1(blob, usedforsecurity=False).hexdigest()
        assert file.read(7, 14) == b"weights"


def test_size_alone_makes_a_file_large():
    assert HubFile("a.txt", b"x" * LARGE_BYTES).is_large
    assert not HubFile("a.txt", b"x" * (LARGE_BYTES - 1)).is_large


def test_a_commit_keeps_the_state_before_it():
    repository = HubRepository("lab/model", {"a": b"1", "b": b"2"})
    first = repository.main
    second = repository.commit({"b": b"3"})
    assert [commit.id for commit in second.line()] == [second.id, first.id]
    assert {name: file.contents for name, file in first.files.items()} == {"a": b"1", "b": b"2"}
    assert {name: file.contents for name, file in second.files.items()} == {"a": b"1", "b": b"3"}
    assert repository.main is second
    assert len({first.id, second.id}) == 2
    assert all(len(commit.id) == 40 for commit in (first, second))
