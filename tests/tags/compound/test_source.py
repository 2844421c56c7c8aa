"""Lists and shards as sources of compound prompts, and what is refused."""

import json

import pytest

from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.tags.compound import source
from tagalign.tags.compound.source import read_prompts

LABELS = LabelSet(name="custom", labels=(Label(name="dog"), Label(name="cat", aliases=("kitten",))))


def test_a_list_loses_blanks_duplicates_and_what_names_no_label(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("a dog by the sea\n\n a dog by the sea \nan empty street\ntwo kittens\n")
    assert read_prompts(path, LABELS) == ("a dog by the sea", "two kittens")


def test_a_shard_gives_pairs(tmp_path):
    (tmp_path / "tags.jsonl").write_text(json.dumps({"key": "0", "objects": ["dog", "kitten", "cat"]}) + "\n")
    for place in (tmp_path, tmp_path / "tags.jsonl"):
        assert read_prompts(place, LABELS) == ("dog and cat",)


def test_what_gives_no_prompt_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"no such file or folder; give a list \(\.txt\) or tag shards"):
        read_prompts(tmp_path / "gone", LABELS)
    path = tmp_path / "prompts.txt"
    path.write_text("an empty street\n")
    with pytest.raises(InputError, match="none of its 1 sentences names one of the labels"):
        read_prompts(path, LABELS)
    monkeypatch.setattr(source, "MOST_PROMPTS", 1)
    path.write_text("a dog\na cat\n")
    with pytest.raises(InputError, match="2 prompts name labels, at most 1"):
        read_prompts(path, LABELS)
