"""Exact results against a full sort, files that only grow, identical rebuilds, ties, damage.

Holds ``tasks/search/files.py`` and ``tasks/search/head.py``.
"""

import hashlib

import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import DataError, InputError
from tagalign.tasks.search import files as index_files
from tagalign.tasks.search import index as search_index
from tagalign.tasks.search.files import add_photos, part_paths
from tagalign.tasks.search.index import SearchIndex, best_rows
from tagalign.tasks.search.rankers import RankedPhoto

MODEL = {"method": "clip", "model": "tiny", "weight_hash": "abc"}
NAMES = ("dog", "cat", "grass")


def photos(count, *, start=0, dim=8):
    g = torch.Generator().manual_seed(start)
    embeds = F.normalize(torch.randn(count, dim, generator=g), dim=-1)
    return [
        (f"{i + start}.jpg", RankedPhoto(embed=e, tags={i % 3: 0.5 + 0.01 * i})) for i, e in enumerate(embeds)
    ]


def add(folder, rows, **changes):
    return add_photos(folder, rows, **{"model": MODEL, "tag_names": NAMES, **changes})


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_results_are_those_of_a_full_sort(tmp_path):
    rows = photos(50)
    add(tmp_path, rows)
    index = SearchIndex.open(tmp_path)
    query = F.normalize(torch.randn(8, generator=torch.Generator().manual_seed(9)), dim=-1)
    found = index.search("a dog", query, [0, 2], count=7, tag_weight=0.4)
    scored = []
    for key, photo in rows:
        cosine = float(photo.embed.half().float() @ query)  # float16 is what the index stores
        overlap = sum(photo.tags.get(tag, 0.0) for tag in (0, 2)) / 2
        scored.append((cosine + 0.4 * overlap, key))
    expected = sorted(scored, key=lambda item: -item[0])[:7]
    assert [hit.key for hit in found.hits] == [key for _, key in expected]
    # float32 sums of eight products
    assert [hit.score for hit in found.hits] == pytest.approx([score for score, _ in expected], abs=1e-6)


def test_hits_show_the_tags_they_share_with_the_query(tmp_path):
    add(tmp_path, photos(6))
    found = SearchIndex.open(tmp_path).search("dog on grass", torch.zeros(8), [0, 2], count=6, tag_weight=1.0)
    assert {hit.key: hit.tags for hit in found.hits} == {
        "0.jpg": ("dog",), "1.jpg": (), "2.jpg": ("grass",), "3.jpg": ("dog",), "4.jpg": (), "5.jpg": ("grass",),
    }  # fmt: skip


def test_an_index_built_twice_is_identical(tmp_path):
    for name in ("a", "b"):
        add(tmp_path / name, photos(20))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_adding_leaves_old_files_alone_and_known_photos_out(tmp_path):
    assert add(tmp_path, photos(20)) == 20
    before = digests(tmp_path)
    assert add(tmp_path, [*photos(20), *photos(5, start=100)]) == 5
    after = digests(tmp_path)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1
    assert len(SearchIndex.open(tmp_path)) == 25
    assert add(tmp_path, photos(20)) == 0
    assert digests(tmp_path) == after


def test_parts_have_a_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr(index_files, "PART_ROWS", 8)
    add(tmp_path, photos(20))
    assert len(part_paths(tmp_path)) == 3
    assert list(SearchIndex.open(tmp_path).keys) == [key for key, _ in photos(20)]


def test_embeddings_lie_in_a_part_as_they_are_and_all_else_is_packed(tmp_path):
    add(tmp_path, photos(20))
    row_group = pq.read_metadata(part_paths(tmp_path)[0]).row_group(0)
    columns = {c.path_in_schema.split(".")[0]: c for c in map(row_group.column, range(row_group.num_columns))}
    packed = {name: (c.compression, "RLE_DICTIONARY" in c.encodings) for name, c in columns.items()}
    assert packed.pop("embed") == ("UNCOMPRESSED", False)
    assert packed == dict.fromkeys(("key", "tags", "scores"), ("ZSTD", True))


@pytest.mark.parametrize("together", [1, 2, 65_536])
def test_equal_scores_keep_the_order_of_the_index(together, monkeypatch):
    monkeypatch.setattr(search_index, "LOOKED_OVER", together)
    assert best_rows(torch.tensor([1.0, 2.0, 1.0, 2.0, 1.0]), 4) == [1, 3, 0, 2]
    assert best_rows(torch.zeros(4), 2) == [0, 1]
    assert best_rows(torch.tensor([3.0]), 5) == [0]
    assert best_rows(torch.zeros(0), 5) == []


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"model": {**MODEL, "weight_hash": "other"}}, "use the same model"),
        ({"tag_names": ("dog",)}, "and 1"),
    ],
)
def test_another_model_is_refused(tmp_path, changes, match):
    add(tmp_path, photos(3))
    with pytest.raises(DataError, match=match):
        add(tmp_path, photos(3, start=50), **changes)


def test_another_dimension_is_refused(tmp_path):
    add(tmp_path, photos(3))
    with pytest.raises(DataError, match="holds embeddings of 8 numbers, the new ones have 4"):
        add(tmp_path, photos(3, start=50, dim=4))
    with pytest.raises(InputError, match="8 numbers, the query has 4"):
        SearchIndex.open(tmp_path).search("x", torch.zeros(4))


def test_missing_empty_and_damaged_indexes_say_so(tmp_path):
    with pytest.raises(DataError, match="no search index here"):
        SearchIndex.open(tmp_path)
    add(tmp_path, photos(3))
    part_paths(tmp_path)[0].write_bytes(b"PAR1 broken")
    with pytest.raises(DataError, match="index its photos again"):
        SearchIndex.open(tmp_path)
    part_paths(tmp_path)[0].unlink()
    with pytest.raises(DataError, match="holds no photo yet"):
        SearchIndex.open(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        SearchIndex.open(tmp_path)


def test_a_query_wants_at_least_one_result(tmp_path):
    add(tmp_path, photos(3))
    with pytest.raises(InputError, match="at least 1 result, got 0"):
        SearchIndex.open(tmp_path).search("x", torch.zeros(8), count=0)
