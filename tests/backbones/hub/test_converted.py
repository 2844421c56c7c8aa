"""A pickle is converted once, under its hash; a cache that cannot be written is no obstacle."""

import hashlib

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

from tagalign.backbones.hub import converted
from tagalign.backbones.hub.converted import convert, converted_path, file_digest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tensors():
    base = torch.arange(12.0).reshape(3, 4)
    return {"a": base, "tied": base, "turned": base.T, "half": base.half(), "scalar": torch.tensor(1.5)}


@pytest.fixture
def pickled(tmp_path, tensors):
    torch.save(tensors, tmp_path / "w.bin")
    return tmp_path / "w.bin"


def assert_same(found, tensors):
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_it_is_written_once(pickled, tensors):
    digest = file_digest(pickled)
    assert digest == hashlib.sha256(pickled.read_bytes()).hexdigest()
    copy = convert(pickled, digest)
    assert copy == converted_path(digest)
    assert_same(load_file(copy), tensors)
    pickled.write_bytes(b"gone")  # the second start does not open it
    assert convert(pickled, digest) == copy
    assert [p.name for p in copy.parent.iterdir()] == [copy.name]


def test_two_versions_of_the_cache_lie_side_by_side(pickled, monkeypatch):
    first = convert(pickled, file_digest(pickled))
    monkeypatch.setattr(converted, "VERSION", converted.VERSION + 1)
    second = convert(pickled, file_digest(pickled))
    assert first != second
    assert first.exists()
    assert second.exists()


def test_a_cache_that_cannot_be_written(pickled, tensors, cache):
    cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="converted in memory"):
        found = convert(pickled, file_digest(pickled))
    assert_same(found, tensors)
