"""Counts, labels and coverage of shards against plain loops over the same parses."""

from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from tagalign.errors import DataError
from tagalign.tags import ParsedCaption, TagVocabulary
from tagalign.tags import shard_vocabulary as module
from tagalign.tags.row_hashes import caption_hash
from tagalign.tags.shard_vocabulary import (
    CAPTION_HASH,
    count_shards,
    coverage,
    first_tags,
    label_shards,
    recount,
    vocabulary_hash,
)
from tagalign.tags.shards import open_writer, to_batch

FIELDS = ("objects", "attributes", "pairs")
WORDS = ("car", "dog", "tree", "house", "boat", "hat")
COLOURS = ("red", "blue", "green")


def some_parses(count, seed):
    draw = np.random.default_rng(seed)
    return [
        ParsedCaption(
            objects=tuple(dict.fromkeys(draw.choice(WORDS, draw.integers(0, 4)).tolist())),
            attributes=tuple(dict.fromkeys(draw.choice(COLOURS, draw.integers(0, 3)).tolist())),
        )
        for _ in range(count)
    ]


@pytest.fixture
def shards(tmp_path):
    """Two shards and their parses; 40 captions."""
    parses = [some_parses(25, 0), some_parses(15, 1)]
    paths = []
    for number, part in enumerate(parses):
        path = tmp_path / f"tags-{number}.parquet"
        keys = [f"{number}/{i}" for i in range(len(part))]
        with open_writer(path, FIELDS, format="parquet") as writer:
            writer.write_batch(to_batch(keys, [f"caption {key}" for key in keys], part, FIELDS))
        paths.append(path)
    return paths, [one for part in parses for one in part]


def by_hand(parses, merges=None):
    counts = Counter()
    for parse in parses:
        for kind in ("object", "attribute"):
            counts.update({(kind, (merges or {}).get(tag, tag)) for tag in parse.tags(kind)})
    return counts


def test_counts_are_captions_per_tag(shards):
    paths, parses = shards
    seen = []
    found = count_shards(paths, sizes={"object": 10, "attribute": 10}, on_progress=seen.append)
    assert dict(zip(zip(found.kinds, found.names, strict=True), found.counts, strict=True)) == dict(
        by_hand(parses)
    )
    assert sum(seen) == len(parses)


def test_lists_are_the_most_frequent_and_merged_tags_count_once_per_caption(shards):
    paths, parses = shards
    merges = {"dog": "car"}
    found = count_shards(paths, sizes={"object": 2}, merges=merges)
    wanted = [(n, tag) for (kind, tag), n in by_hand(parses, merges).items() if kind == "object"]
    assert list(found.counts) == sorted((n for n, _ in wanted), reverse=True)[:2]
    assert found.kinds == ("object", "object")
    assert "dog" not in found.names


def test_numbers_that_are_handed_over_between_batches_count_the_same(shards, monkeypatch):
    paths, parses = shards
    monkeypatch.setattr(module, "_MAX_NAMES", 2)  # after every batch
    monkeypatch.setattr(module, "_BATCH", 7)
    vocabulary = count_shards(paths, merges={"boat": "car"})
    found = dict(zip(zip(vocabulary.kinds, vocabulary.names, strict=True), vocabulary.counts, strict=True))
    assert found == dict(by_hand(parses, {"boat": "car"}))


def test_labels_are_the_sorted_ids_of_each_caption_and_counts_are_of_these_captions(shards, tmp_path):
    paths, parses = shards
    vocabulary = TagVocabulary.of([("object", "tree", 1), ("object", "car", 1), ("attribute", "red", 9)])
    summary = label_shards(paths, vocabulary, tmp_path / "labels")
    ids = {("object", "tree"): 0, ("object", "car"): 1, ("attribute", "red"): 2}
    wanted = [
        sorted(
            ids[kind, tag]
            for kind in ("object", "attribute")
            for tag in parse.tags(kind)
            if (kind, tag) in ids
        )
        for parse in parses
    ]
    rows = [
        row
        for path in paths
        for row in pq.read_table(tmp_path / "labels" / f"{path.stem}.parquet").to_pylist()
    ]
    assert [row["tags"] for row in rows] == wanted
    assert all(row[CAPTION_HASH] == caption_hash(f"caption {row['key']}") for row in rows)
    assert (summary.rows, summary.labelled) == (len(parses), sum(map(bool, wanted)))
    counts = Counter(i for one in wanted for i in one)
    assert summary.frequencies.tolist() == [counts[i] for i in range(3)]
    saved = TagVocabulary.load(tmp_path / "labels/vocabulary.tsv")
    assert (saved.names, list(saved.counts)) == (vocabulary.names, [counts[i] for i in range(3)])


def test_kinds_choose_what_becomes_a_label(shards, tmp_path):
    paths, _ = shards
    vocabulary = TagVocabulary.of([("object", "car", 1), ("attribute", "red", 1)])
    summary = label_shards(paths, vocabulary, tmp_path / "labels", kinds=("attribute",))
    assert summary.frequencies[0] == 0
    assert summary.frequencies[1] > 0


def test_few_matches_are_warned_of(shards, tmp_path, monkeypatch):
    paths, parses = shards
    monkeypatch.setattr(module, "FEW", 1.1)
    vocabulary = TagVocabulary.of([("object", "car", 1)])
    with pytest.warns(
        UserWarning, match=f"of {len(parses)} captions have a tag of the list; the captions say"
    ):
        label_shards(paths, vocabulary, tmp_path / "labels")
    with pytest.raises(DataError, match="the vocabulary holds no tag"):
        label_shards(paths, TagVocabulary.of([]), tmp_path / "none")


def test_coverage_is_the_share_of_captions_that_keep_a_tag(shards):
    paths, parses = shards
    vocabulary = TagVocabulary.of(
        [*(("object", word, 1) for word in WORDS), *(("attribute", word, 1) for word in COLOURS)]
    )
    found = coverage(paths, vocabulary, sizes=(1, 2, 50))
    for size in (1, 2, 50):
        objects = [not {*WORDS[:size]}.isdisjoint(parse.objects) for parse in parses]
        colours = [not {*COLOURS[:size]}.isdisjoint(parse.attributes) for parse in parses]
        either = [a or b for a, b in zip(objects, colours, strict=True)]
        for name, kept in (("object", objects), ("attribute", colours), ("any", either)):
            assert found[name][size] == pytest.approx(sum(kept) / len(parses))
    assert coverage([], vocabulary, sizes=(1,)) == {
        "object": {1: 0.0},
        "attribute": {1: 0.0},
        "any": {1: 0.0},
    }


def test_the_hash_is_of_ids_and_not_of_counts(shards):
    paths, _ = shards
    vocabulary = TagVocabulary.of([("object", "car", 1), ("object", "dog", 2)])
    again = recount(vocabulary, np.array([7, 0]))
    assert (again.names, again.counts) == (vocabulary.names, (7, 0))
    assert vocabulary_hash(again) == vocabulary_hash(vocabulary)
    turned = TagVocabulary.of([("object", "dog", 2), ("object", "car", 1)])
    assert vocabulary_hash(turned) != vocabulary_hash(vocabulary)
    assert len(first_tags(paths, ["object"], count=3)) == 3
