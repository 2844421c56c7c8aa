"""Compound prompts from tag shards, against a plain loop over the captions."""

import itertools
import json
import random
from collections import Counter

import pytest

from tagalign.errors import DataError, InputError
from tagalign.labels import Label, LabelSet
from tagalign.tags.compound.co_occurrence import (
    PAIR_LEAST,
    TRIPLE_LEAST,
    named_together,
    prompts_of,
    prompts_of_shards,
)

NAMES = ["dog", "hot dog", "person", "bus", "tree"]
LABELS = LabelSet(name="custom", labels=tuple(Label(name=name) for name in NAMES))


def write_shard(folder, rows, name="a.jsonl"):
    lines = (json.dumps({"key": str(i), "caption": "", "objects": row}) for i, row in enumerate(rows))
    (folder / name).write_text("\n".join(lines) + "\n")


def test_captions_are_counted_by_the_labels_that_their_tags_name(tmp_path):
    write_shard(tmp_path, [["dogs", "people"], ["person", "dog"], [], ["hot dog"]])
    write_shard(tmp_path, [["hot", "dog"], ["hot", "chair"]], "b.jsonl")
    found = named_together(sorted(tmp_path.iterdir()), LABELS)
    assert found == {frozenset({0, 2}): 2, frozenset({1}): 1, frozenset({0}): 1, frozenset(): 2}


def test_prompts_are_those_of_a_plain_loop():
    rng = random.Random(0)
    rows = [
        frozenset(i for i in range(5) if rng.random() < (0.5, 0.02, 0.3, 0.1, 0.6)[i]) for _ in range(300)
    ]

    def share(some):
        return sum(set(some) <= row for row in rows)

    wanted = set()
    for a, b in itertools.combinations(range(5), 2):
        if share((a, b)) > PAIR_LEAST * min(share((a,)), share((b,))):
            wanted.add(f"{NAMES[a]} and {NAMES[b]}")
            best = max((c for c in range(5) if c not in (a, b)), key=lambda c: share((a, b, c)))
            if share((a, b, best)) > TRIPLE_LEAST * share((a, b)):
                x, y, z = sorted((a, b, best))
                wanted.add(f"{NAMES[x]}, {NAMES[y]}, and {NAMES[z]}")
    found = prompts_of(Counter(rows), NAMES)
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert len(wanted) > 5


def test_labels_that_never_meet_and_a_place_without_shards_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no tag shards"):
        prompts_of_shards(tmp_path, LABELS)
    write_shard(tmp_path, [["dog"], ["bus"]])
    with pytest.raises(InputError, match="no two of the 5 labels are named together"):
        prompts_of_shards(tmp_path, LABELS)
