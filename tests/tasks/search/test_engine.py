"""One engine: by words, by a photo, with a second look; what it says is what the index and the model say."""

import pytest
import torch
from PIL import Image

from tagalign.errors import ImageError, InputError
from tagalign.tasks.search.engine import SearchEngine
from tagalign.tasks.search.files import add_photos
from tagalign.tasks.search.index import SearchIndex
from tagalign.tasks.search.rankers import DenseRanker, Tag2TextRanker, identity, ranker_for


@pytest.fixture
def photos(tmp_path):
    found = []
    for i, color in enumerate(["red", "green", "blue", "white"]):
        path = tmp_path / f"{color}.png"
        Image.new("RGB", (32 + 8 * i, 40), color).save(path)
        found.append(path)
    return found


@pytest.fixture
def folder(clip_folder, photos, tmp_path):
    from tagalign.methods.load import load_method

    method = load_method(str(clip_folder), method="clip", device="cpu")
    ranker = ranker_for(method)
    rows = zip(map(str, photos), ranker.embed_photos([Image.open(p) for p in photos]), strict=True)
    add_photos(tmp_path / "index", rows, model=identity(str(clip_folder), method), tag_names=())
    return tmp_path / "index"


def test_a_photo_finds_itself_first(folder, photos):
    engine = SearchEngine.open(folder, device="cpu")
    for photo in photos:
        found = engine.by_photo(Image.open(photo), name="x", count=2)
        assert (found.query, found.hits[0].key, len(found.hits)) == ("x", str(photo), 2)
        # stored in float16: 11 bits of each of some dozen numbers
        assert found.hits[0].score == pytest.approx(1.0, abs=2e-3)


def test_words_are_compared_with_every_photo(folder):
    engine = SearchEngine.open(folder, device="cpu")
    found = engine.by_text("a dog", count=4)
    embed = engine.ranker.embed_texts(["a dog"])[0]
    expected = (SearchIndex.open(folder).embeds.float() @ embed).sort(descending=True).values
    torch.testing.assert_close(torch.tensor([hit.score for hit in found.hits]), expected)


def test_a_second_look_is_refused_where_the_model_has_no_matching_head(folder):
    engine = SearchEngine.open(folder, device="cpu")
    assert isinstance(engine.ranker, DenseRanker)
    with pytest.raises(InputError, match="an index made with a Tag2Text model"):
        engine.by_text("a dog", rerank=2)


def test_the_second_look_adds_its_probability_and_stays_in_front(folder, photos, monkeypatch):
    engine = SearchEngine.open(folder, device="cpu")
    first = engine.by_text("a dog", count=4)

    class Matching(Tag2TextRanker):
        def __init__(self, inner):
            self.inner, self.tag_names = inner, inner.tag_names

        def embed_texts(self, texts):
            return self.inner.embed_texts(texts)

        def match(self, photos, text):
            return [0.25, 0.75][: len(photos)]

    found = SearchEngine(engine.index, Matching(engine.ranker)).by_text("a dog", count=3, rerank=2)
    a, b, c = first.hits[:3]
    assert [hit.key for hit in found.hits] == [b.key, a.key, c.key]
    assert [hit.score for hit in found.hits] == pytest.approx([b.score + 0.75, a.score + 0.25, c.score])


def test_a_photo_that_is_missing_is_no_sentence(folder):
    engine = SearchEngine.open(folder, device="cpu")
    with pytest.raises(ImageError, match=r"no such\.png"):
        engine.ask("no such.png")
    with pytest.raises(ImageError):
        engine.ask(f"{'a' * 300}.JPG")
