"""Cached label embeddings: the same numbers, once; another question or another model is another file."""

import dataclasses

import pytest
import torch

from tagalign.methods.labels import encode_label_set
from tagalign.methods.load import load_method
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.text_cache import cache_key
from tagalign.tags.label_sets import load_label_set


@pytest.fixture
def labels():
    return dataclasses.replace(load_label_set("dog,red car"), background=("sky",), templates=("a {}",))


@pytest.fixture
def counted(backbone, monkeypatch):
    """Number of prompts that reached the text tower."""
    calls = []
    original = type(backbone).encode_text
    monkeypatch.setattr(
        type(backbone),
        "encode_text",
        lambda self, prompts, **k: (calls.append(len(prompts)), original(self, prompts, **k))[1],
    )
    return calls


def test_second_time_reads_the_file(backbone, labels, tmp_path, counted):
    tagger = TagClip(backbone, resources=Resources(text_cache=tmp_path))
    first = tagger.encode_labels(labels)
    second = TagClip(backbone, resources=Resources(text_cache=tmp_path)).encode_labels(labels)
    assert counted == [3]
    for name in ("embeds", "owners", "background"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert second.names == ("dog", "red car")


def test_dense_methods_keep_theirs_too_and_tell_rules_apart(clip_folder, labels, tmp_path, counted):
    """Names of one prompt each are one row of both rules, so only the files can tell them apart."""
    for profile in ("paper", "released", "paper"):
        method = load_method(
            str(clip_folder), method="maskclip", profile=profile, device="cpu", text_cache=tmp_path
        )
        found = method.encode_labels(labels)
        bare = encode_label_set(
            method.backbone, labels, method="maskclip", mean=method.profile.template_mean, templates=("x {}",)
        )
        assert torch.equal(found.embeds, bare.embeds)
        assert found.method == "maskclip"
    kept = load_method(str(clip_folder), method="naclip", device="cpu", text_cache=tmp_path)
    before = len(counted)
    kept.encode_labels(labels)
    assert len(counted) == before, "methods with the same prompts share an entry"


def test_groups_share_a_file_but_the_answer_names_its_own_set(backbone, labels, tmp_path, counted):
    TagClip(backbone, resources=Resources(text_cache=tmp_path)).encode_labels(labels)
    renamed = dataclasses.replace(labels, name="mine", version=7)
    assert (
        TagClip(backbone, resources=Resources(text_cache=tmp_path)).encode_labels(renamed).label_set
        is renamed
    )
    assert len(counted) == 1


def test_whatever_changes_the_embeddings_changes_the_key(backbone, labels):
    base = cache_key(labels, backbone, ("t {}",), "v")
    others = [
        cache_key(dataclasses.replace(labels, templates=("b {}",)), backbone, ("t {}",), "v"),
        cache_key(dataclasses.replace(labels, background=()), backbone, ("t {}",), "v"),
        cache_key(dataclasses.replace(labels, labels=labels.labels[::-1]), backbone, ("t {}",), "v"),
        cache_key(labels, backbone, ("t {}",), "w"),
    ]
    assert len({base, *others}) == 5
    # templates of the set win, so the default does not matter
    assert cache_key(labels, backbone, ("u {}",), "v") == base


def test_a_damaged_file_is_replaced(backbone, labels, tmp_path, counted):
    TagClip(backbone, resources=Resources(text_cache=tmp_path)).encode_labels(labels)
    (file,) = (tmp_path / "text").iterdir()
    file.write_bytes(b"broken")
    TagClip(backbone, resources=Resources(text_cache=tmp_path)).encode_labels(labels)
    assert counted == [3, 3]
    assert file.stat().st_size > 100


def test_a_folder_that_cannot_be_written_costs_nothing(backbone, labels, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert len(TagClip(backbone, resources=Resources(text_cache=blocked)).encode_labels(labels).embeds) == 2
