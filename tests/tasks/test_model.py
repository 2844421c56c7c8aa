"""``model.search``: what the command line finds, from Python; and what it refuses."""

import json

import pytest
from PIL import Image

import tagalign as ta
from tagalign.cli.main import main
from tagalign.errors import DataError, InputError, ModelError
from tagalign.tasks.search.index import SearchIndex


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i, color in enumerate(["red", "green", "blue", "white"]):
        Image.new("RGB", (32 + 8 * i, 40), color).save(folder / f"{color}.png")
    return folder


@pytest.fixture(scope="module")
def index(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    command = [
        "search",
        "index",
        str(photos),
        "--index",
        str(folder),
        "--model",
        "tiny",
        "--labels",
        "car,dog",
    ]
    assert main([*command, "--device", "cpu"]) == 0
    return folder


@pytest.fixture(scope="module")
def model():
    return ta.load("tiny", device="cpu")


def printed(capsys, *args):
    capsys.readouterr()
    assert main(["search", "query", *args, "--device", "cpu", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("name", [None, "clip"])
def test_words_find_what_the_command_line_finds(name, index, capsys):
    found = ta.load("tiny", method=name, device="cpu").search(index, "a dog in the snow", count=3)
    assert isinstance(found, ta.Ranking)
    rows = printed(capsys, "a dog in the snow", "--index", str(index), "--count", "3")
    assert [(hit.key, round(hit.score, 6)) for hit in found.hits] == [(r["path"], r["score"]) for r in rows]


def test_a_photo_is_a_query_as_path_and_as_image(photos, index, model, capsys):
    path = photos / "blue.png"
    rows = printed(capsys, str(path), "--index", str(index))
    for query in (path, str(path), Image.open(path)):
        found = model.search(SearchIndex.open(index), query)
        assert [hit.key for hit in found.hits] == [row["path"] for row in rows]
        assert found.hits[0].key == str(path)  # nothing is as near as itself


def test_an_index_of_another_method_is_refused_with_both(index):
    other = ta.load("tiny", method="maskclip", device="cpu")
    with pytest.raises(ModelError, match=r"made with tiny \(clip.*not with tiny \(maskclip"):
        other.search(index, "a dog")


def test_what_cannot_be_asked_is_refused_in_one_line(index, model, photos, tmp_path):
    with pytest.raises(InputError, match="got nothing"):
        model.search(index, " ")
    with pytest.raises(InputError, match="matching head"):
        model.search(index, "a dog", rerank=2)
    with pytest.raises(InputError, match="leave it out with a photo"):
        model.search(index, photos / "red.png", rerank=2)
    with pytest.raises(DataError, match="no search index here"):
        model.search(tmp_path, "a dog")
    with pytest.raises(InputError, match="cannot search; these can: "):
        ta.load("tiny", method="tagclip", device="cpu").search(index, "a dog")


def test_both_rankers_are_rankers(model):
    from tagalign.tasks.search.rankers import ranker_for

    assert isinstance(ranker_for(model.implementation.methods["search"]), ta.Ranker)


@pytest.mark.parametrize("kind", ["path", "picture"])
@pytest.mark.parametrize("verb", ["tag", "segment", "refer", "heat_maps", "caption", "answer"])
def test_a_photo_that_was_not_encoded_is_refused_with_what_to_do(tmp_path, verb, kind, unchecked_types):
    """The first thing that who knows a pipeline tries."""
    model = ta.load("tiny", method="tag2text" if verb in {"caption", "answer"} else "surgery")
    photo = Image.new("RGB", (16, 16))
    photo.save(tmp_path / "a.png")
    given = {"path": tmp_path / "a.png", "picture": photo}[kind]
    asked = {"caption": (), "answer": ("what?",), "refer": ("a dog",)}.get(verb, (["dog", "cat"],))
    with pytest.raises(InputError, match=r"image = model\.encode_image\(photo\), and ask about that"):
        getattr(model, verb)(given, *asked)
