"""An exact search gives the same numbers wherever its embeddings lie, and reads parts only where it must."""

import math

import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import DataError
from tagalign.tasks.search import embeds as places
from tagalign.tasks.search import files
from tagalign.tasks.search.embeds import PartEmbeds, cosines
from tagalign.tasks.search.files import add_photos, part_paths
from tagalign.tasks.search.head import IndexHead
from tagalign.tasks.search.index import SearchIndex
from tagalign.tasks.search.rankers import RankedPhoto

MODEL = {"method": "clip", "model": "tiny", "weight_hash": "abc"}
DIM, PHOTOS = 24, 61


def photos(count=PHOTOS, seed=1):
    embeds = F.normalize(torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed)), dim=-1)
    return [(f"{seed}-{i}.jpg", RankedPhoto(embed=e, tags={i % 2: 0.5})) for i, e in enumerate(embeds)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Parts of 7 photos, asked in blocks of 8."""
    monkeypatch.setattr(files, "PART_ROWS", 7)
    monkeypatch.setattr(places, "BLOCK_ROWS", 8)
    add_photos(tmp_path, photos(), model=MODEL, tag_names=("dog", "cat"))
    return tmp_path


def opened(folder, place, monkeypatch):
    if place == "parts":
        monkeypatch.setattr(places, "MOST_HELD", 2 * PHOTOS * DIM - 1)
    if place == "file":
        pytest.importorskip("faiss", reason="the search extra is not installed")
        from tagalign.tasks.search.approximate import build_approximate

        build_approximate(folder)
    return SearchIndex.open(folder)


PLACES = pytest.mark.parametrize("place", ["memory", "parts", "file"])


@PLACES
def test_scores_are_those_of_a_plain_loop(folder, place, monkeypatch):
    query = F.normalize(torch.randn(DIM, generator=torch.Generator().manual_seed(9)), dim=0)
    found = opened(folder, place, monkeypatch).scores(query)
    expected = [
        math.fsum(a * b for a, b in zip(photo.embed.half().tolist(), query.tolist(), strict=True))
        for _, photo in photos()
    ]
    # float32 sums of 24 products below 1
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


@PLACES
def test_scores_have_every_bit_of_one_product_in_float32(folder, place, monkeypatch):
    query = F.normalize(torch.randn(DIM, generator=torch.Generator().manual_seed(9)), dim=0)
    whole = torch.stack([photo.embed.half().float() for _, photo in photos()])
    assert torch.equal(opened(folder, place, monkeypatch).scores(query), whole @ query)


@PLACES
def test_equal_scores_keep_the_order_of_the_index_across_parts_and_blocks(folder, place, monkeypatch):
    twins = [(f"twin {i}.jpg", photo) for i, (_, photo) in enumerate([photos()[3]] * 20)]
    add_photos(folder, twins, model=MODEL, tag_names=("dog", "cat"))
    found = opened(folder, place, monkeypatch).search("", photos()[3][1].embed, count=21)
    assert [hit.key for hit in found.hits] == ["1-3.jpg", *(f"twin {i}.jpg" for i in range(20))]


@pytest.mark.parametrize("place", ["memory", "file"])
def test_a_second_question_reads_no_part(folder, place, monkeypatch):
    index = opened(folder, place, monkeypatch)
    for path in part_paths(folder):
        path.unlink()
    assert index.search("", photos()[5][1].embed, count=1).hits[0].key == "1-5.jpg"


def test_more_than_memory_should_hold_stays_in_the_parts(folder, monkeypatch):
    index = opened(folder, "parts", monkeypatch)
    assert isinstance(index.embeds, PartEmbeds)
    assert index.search("", photos()[5][1].embed, count=1).hits[0].key == "1-5.jpg"
    part_paths(folder)[0].unlink()
    with pytest.raises(DataError, match="index its photos again"):
        index.search("", photos()[5][1].embed)


@pytest.mark.parametrize("rows", [1, 4, 7, 10, 61, 100])
def test_blocks_of_parts_are_those_of_a_tensor(folder, rows):
    whole = torch.stack([photo.embed.half() for _, photo in photos()])
    found = list(PartEmbeds(tuple(part_paths(folder)), PHOTOS, DIM).split(rows))
    expected = whole.split(rows)
    assert len(found) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", ["approximate.json", "approximate.embeds"])
def test_a_damaged_or_stale_file_is_passed_over(folder, name, monkeypatch):
    opened(folder, "file", monkeypatch)
    (folder / name).write_bytes((folder / name).read_bytes()[:9])
    assert len(SearchIndex.open(folder)) == PHOTOS
    opened(folder, "file", monkeypatch)
    add_photos(folder, photos(1, seed=2), model=MODEL, tag_names=("dog", "cat"))
    found = SearchIndex.open(folder).search("", photos(1, seed=2)[0][1].embed, count=1)
    assert found.hits[0].key == "2-0.jpg"


def test_the_precision_of_the_query_is_kept(folder):
    query = torch.randn(DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    whole = torch.stack([photo.embed.half().double() for _, photo in photos()])
    torch.testing.assert_close(cosines(SearchIndex.open(folder).embeds, query), whole @ query)


@PLACES
def test_parts_of_another_size_or_without_embeddings_are_refused(folder, place, monkeypatch):
    opened(folder, place, monkeypatch)
    query = torch.zeros(DIM // 2)
    IndexHead(model=MODEL, dim=DIM // 2, tag_names=("dog", "cat")).write(folder)
    with pytest.raises(DataError, match=r"expected embeddings of 12 numbers in float16, found .*24"):
        SearchIndex.open(folder).search("", query)
    path = part_paths(folder)[0]
    pq.write_table(pq.read_table(path).drop_columns("embed"), path)
    with pytest.raises(DataError, match=r"cannot be read (.|\n)*index its photos again"):
        SearchIndex.open(folder).search("", query)
