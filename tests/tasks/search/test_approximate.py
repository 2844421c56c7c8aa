"""What the approximate index finds, against all comparisons; stale and damaged ones are refused in one line.

The embeddings lie in clusters, as those of photos do: of 4,000 with 32 numbers nine of ten hits are exact.
"""

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import DataError, InputError
from tagalign.tasks.search.files import add_photos, part_paths
from tagalign.tasks.search.index import SearchIndex
from tagalign.tasks.search.rankers import RankedPhoto

pytest.importorskip("faiss", reason="the search extra is not installed")

from tagalign.tasks.search.approximate import CELLS, EMBEDS, HEAD, build_approximate

MODEL = {"method": "clip", "model": "tiny", "weight_hash": "abc"}
NAMES = ("dog", "cat", "grass")


def clustered(count, *, seed, dim=32):
    g = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(50, dim, generator=torch.Generator().manual_seed(0)), dim=-1)
    noise = 0.1 * torch.randn(count, dim, generator=g)
    return F.normalize(centres[torch.randint(50, (count,), generator=g)] + noise, dim=-1)


def photos(count, seed=1):
    embeds = clustered(count, seed=seed)
    return [(f"{seed}-{i:05d}.jpg", RankedPhoto(embed=e, tags={i % 3: 0.9})) for i, e in enumerate(embeds)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("approximate")
    add_photos(folder, photos(4000), model=MODEL, tag_names=NAMES)
    build_approximate(folder)
    return folder


@pytest.mark.parametrize("tags", [[], [1], [0, 2], [7]])
def test_hits_are_nearly_those_of_all_comparisons_and_scores_are_exact(folder, tags):
    exact, near = SearchIndex.open(folder), SearchIndex.open(folder, approximate=True)
    shared = total = 0
    for query in clustered(20, seed=2):
        wanted = exact.search("", query, tags, count=10)
        found = near.search("", query, tags, count=10)
        scores = dict(zip(exact.keys, exact.scores(query, tags).tolist(), strict=True))
        # float32 sums of 32 products in another order
        assert [hit.score for hit in found.hits] == pytest.approx(
            [scores[h.key] for h in found.hits], abs=1e-6
        )
        assert [hit.score for hit in found.hits] == sorted((h.score for h in found.hits), reverse=True)
        known = {hit.key: hit.tags for hit in wanted.hits}
        assert all(known.get(hit.key, hit.tags) == hit.tags for hit in found.hits)
        shared += len({h.key for h in wanted.hits} & {h.key for h in found.hits})
        total += len(wanted.hits)
    assert shared / total > 0.9


def test_few_photos_are_all_found(tmp_path):
    add_photos(tmp_path, photos(5), model=MODEL, tag_names=NAMES)
    assert build_approximate(tmp_path) == 1
    query = clustered(1, seed=3)[0]
    wanted = SearchIndex.open(tmp_path).search("", query, [0], count=9)
    found = SearchIndex.open(tmp_path, approximate=True).search("", query, [0], count=9)
    assert [hit.key for hit in found.hits] == [hit.key for hit in wanted.hits]


def test_a_stale_index_is_refused_and_the_exact_one_goes_on(tmp_path):
    add_photos(tmp_path, photos(50), model=MODEL, tag_names=NAMES)
    build_approximate(tmp_path)
    add_photos(tmp_path, photos(1, seed=9), model=MODEL, tag_names=NAMES)
    with pytest.raises(DataError, match=r"added or removed since .* --approximate"):
        SearchIndex.open(tmp_path, approximate=True)
    assert len(SearchIndex.open(tmp_path)) == 51
    build_approximate(tmp_path)
    assert len(SearchIndex.open(tmp_path, approximate=True)) == 51


@pytest.mark.parametrize("name", [HEAD, CELLS, EMBEDS])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_damage_is_said_in_one_line(tmp_path, name, damage):
    add_photos(tmp_path, photos(50), model=MODEL, tag_names=NAMES)
    build_approximate(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(DataError, match="make it with: tagalign search index"):
        SearchIndex.open(tmp_path, approximate=True)


def test_an_index_without_photos_has_none(tmp_path):
    with pytest.raises(DataError, match="no search index here"):
        build_approximate(tmp_path)


def test_a_query_of_another_size_is_refused(folder):
    with pytest.raises(InputError, match="32 numbers, the query has 8"):
        SearchIndex.open(folder, approximate=True).search("", torch.zeros(8))


def test_the_parts_stay_as_they_are(folder):
    assert len(part_paths(folder)) == 1
    assert {path.name for path in folder.iterdir()} == {
        "index.json",
        "part-000000.parquet",
        HEAD,
        CELLS,
        EMBEDS,
    }
