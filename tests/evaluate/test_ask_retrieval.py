"""The second look of a benchmark: one model run per image, resumed at will, the same scores as search gives."""

import pytest
from PIL import Image

import tagalign
from tagalign.data.benchmarks.tiny import TinyCaptions
from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError
from tagalign.evaluate.ask_retrieval import AskRetrieval, look_again
from tagalign.evaluate.engine import Plan, gather
from tagalign.evaluate.evaluation import evaluate_retrieval
from tagalign.evaluate.ranking import RankingRule, final_scores
from tagalign.evaluate.rows import read_rows
from tagalign.tasks.search.engine import SearchEngine
from tagalign.tasks.search.files import add_photos
from tagalign.tasks.search.head import IndexHead
from tagalign.tasks.search.index import SearchIndex
from tagalign.tasks.search.rankers import identity, ranker_for

SCENES = 6
RULE = RankingRule(tag_weight=0.3, rerank=3)


@pytest.fixture(scope="module")
def method():
    return tagalign.load("tiny", method="tag2text", device="cpu").implementation


@pytest.fixture(scope="module")
def data():
    return TinyCaptions(name="tiny-world-captions", world=TinyWorld(seed=0, split="test"), scenes=SCENES)


@pytest.fixture(scope="module")
def rows(method, data):
    asker = AskRetrieval(method, data, RULE)
    return look_again(asker, gather(asker, Plan()), Plan()).rows


def test_a_benchmark_ranks_as_search_does(method, data, rows, tmp_path):
    """Every sentence is asked of an index of the same photos, with the same weight and shortlist."""
    photos = []
    for i in range(SCENES):
        data.image(i).save(tmp_path / f"{i}.png")
        photos.append(tmp_path / f"{i}.png")
    ranker, facts = ranker_for(method), identity("tiny", method)
    embedded = zip(map(str, photos), ranker.embed_photos([Image.open(p) for p in photos]), strict=True)
    add_photos(tmp_path / "index", embedded, model=facts, tag_names=ranker.tag_names.names)
    engine = SearchEngine(SearchIndex.open(tmp_path / "index"), ranker)
    assert IndexHead.read(tmp_path / "index").tag_names
    scores = final_scores(rows, RULE).to_image
    text = 0
    for i in range(SCENES):
        for sentence in data.references(i):
            hits = engine.by_text(sentence, count=SCENES, tag_weight=0.3, rerank=3).hits
            order = scores[:, text].argsort(descending=True, stable=True).tolist()
            # the index keeps float16: what differs by less than 2e-3 may change places
            for place, hit in enumerate(hits[:3]):
                own = photos.index(type(photos[0])(hit.key))
                assert hit.score == pytest.approx(float(scores[own, text]), abs=4e-3)
                assert abs(float(scores[own, text] - scores[order[place], text])) < 8e-3
            text += 1


def test_every_image_is_encoded_once_more_and_a_stopped_look_goes_on(
    method, data, rows, tmp_path, monkeypatch
):
    asker, plan = AskRetrieval(method, data, RULE), Plan(out=tmp_path, batch_size=2)
    gathered = gather(asker, plan)
    calls = []
    original = type(method).encode_images

    def counted(self, images):
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, images)

    monkeypatch.setattr(type(method), "encode_images", counted)
    with pytest.raises(KeyboardInterrupt):
        look_again(asker, gathered, plan)
    calls.extend([0, 0])
    found = look_again(asker, gathered, plan)
    assert calls == [2, 2, 2, 0, 0, 2]
    for a, b in zip(found.rows, rows, strict=True):
        assert a["matches"]["texts"] == b["matches"]["texts"]
        assert a["matches"]["probs"] == pytest.approx(b["matches"]["probs"], abs=1e-6)
    assert [row["matches"] for row in read_rows(tmp_path)] == [row["matches"] for row in found.rows]


def test_the_result_names_its_rule(method, data):
    result = evaluate_retrieval(method, data, rule=RULE, resamples=0)
    assert result.settings["ranking"].startswith("cosine + 0.3 x shared tags + matching on the best 3")
    assert result.scoring == {"tag_weight": 0.3, "rerank": 3}
    assert set(result.metrics) == {f"{way}_recall@{k}" for way in ("text", "image") for k in (1, 5, 10)}


def test_what_a_method_has_not_is_refused(data):
    clip = tagalign.load("tiny", method="clip", device="cpu").implementation
    with pytest.raises(InputError, match="matching head: Tag2Text"):
        AskRetrieval(clip, data, RankingRule(rerank=2))
    with pytest.raises(InputError, match=r"tag_weight 0\.3 does not act"):
        AskRetrieval(clip, data, RankingRule(tag_weight=0.3))
