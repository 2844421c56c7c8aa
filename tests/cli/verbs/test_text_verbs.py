"""caption, ask, search and import through ``main``: results, and one line with exit 2 for what cannot be."""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tagalign.backbones.preprocess import Preprocessing
from tagalign.cli.main import main
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.folder import save_tag2text
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces

TAGS = ("dog", "cat", "grass", "red")


@pytest.fixture(scope="session")
def tag2text_folder(tmp_path_factory):
    """A random Tag2Text with its own small image encoder."""
    words = Wordpieces.from_texts(["a picture of | the on what is", *TAGS])
    text = {
        "vocab_size": len(words), "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 96, "initializer_range": 0.5,
    }  # fmt: skip
    vit = {
        "image_size": 16,
        "patch_size": 8,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    sizes = {
        "image_encoder": {"kind": "vit", "config": {**vit, "intermediate_size": 8, "initializer_range": 0.5}},
        "tag_encoder": {**text, "encoder_hidden_size": 8},
        "text_decoder": {**text, "encoder_hidden_size": 12},
        "tag_head": {"num_heads": 2, "num_layers": 1},
        "alignment": {"embed_dim": 6},
    }
    folder = tmp_path_factory.mktemp("tag2text")
    save_tag2text(
        folder,
        build_tag2text(num_tags=len(TAGS), **sizes),
        sizes=sizes,
        tags=TAGS,
        wordpieces=words,
        preprocessing=Preprocessing(image_size=16),
        choice=TagChoice.of(len(TAGS), default=0.5),
        length=CaptionLength(minimum=5, maximum=10),
    )
    return folder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, color in (("red", "red"), ("green", "green"), ("blue", "blue")):
        Image.new("RGB", (20, 30), color).save(folder / f"{name}.png")
    (folder / "broken.jpg").write_text("no image")
    return folder


@pytest.fixture
def call(tag2text_folder, tmp_path, capsys):
    """Run a verb; exit code, output lines and error text."""

    def run(*args):
        code = main([str(a) for a in args])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err

    return run


def test_caption_writes_sentences_with_tags_and_goes_on_past_a_broken_photo(
    call, photos, tag2text_folder, tmp_path
):
    code, out, err = call(
        "caption",
        photos,
        "--model",
        tag2text_folder,
        "--about",
        "dog, zebra",
        "--json",
        "--out",
        tmp_path / "c",
    )
    assert code == 0
    rows = [json.loads(line) for line in (tmp_path / "c/captions.jsonl").read_text().splitlines()]
    assert rows == [json.loads(line) for line in out]
    assert [row["path"].rsplit("/", 1)[1] for row in rows] == ["blue.png", "green.png", "red.png"]
    assert list(rows[0]["tags"]) == ["dog", "zebra"]
    assert rows[0]["tags"]["zebra"] is None
    assert json.loads((tmp_path / "c/errors.jsonl").read_text())["error"] == "ImageError"
    assert "3 captions written" in err
    assert json.loads((tmp_path / "c/settings.json").read_text())["model"]["method"] == "tag2text"


def test_caption_without_tags_uses_the_recognised_ones_and_the_threshold_acts(
    call, photos, tag2text_folder, tmp_path
):
    tags = {}
    for threshold in ("absolute:0.0", "absolute:1.0"):
        arguments = (
            "--model",
            tag2text_folder,
            "--threshold",
            threshold,
            "--json",
            "--out",
            tmp_path / threshold,
        )
        code, out, _ = call("caption", photos / "red.png", *arguments)
        assert code == 0
        tags[threshold] = json.loads(out[0])["tags"]
    assert set(tags["absolute:0.0"]) == set(TAGS)
    assert tags["absolute:1.0"] == {}


def test_ask_prints_the_answer(call, photos, tag2text_folder):
    arguments = ("ask", photos / "red.png", "what is red?", "--model", tag2text_folder)
    code, out, _ = call(*arguments, "--json")
    assert code == 0
    row = json.loads(out[0])
    assert row["question"] == "what is red?"
    code, plain, _ = call(*arguments)
    assert (code, plain) == (0, [row["answer"]])


@pytest.mark.parametrize("model", ["tag2text", "clip"])
def test_search_finds_a_photo_by_itself_and_grows(
    call, photos, tag2text_folder, clip_folder, tmp_path, model
):
    index = tmp_path / "index"
    name = tag2text_folder if model == "tag2text" else clip_folder
    code, _, err = call(
        "search", "index", photos / "red.png", photos / "blue.png", "--index", index, "--model", name
    )
    assert code == 0
    assert "2 photos added" in err
    code, _, err = call("search", "index", photos, "--index", index, "--model", name)
    assert (code, "1 photo added" in err, "3 in all, 1 failed" in err) == (0, True, True)
    code, out, _ = call("search", "query", photos / "blue.png", "--index", index, "--json")
    assert code == 0
    rows = [json.loads(line) for line in out]
    assert len(rows) == 3
    assert rows[0]["path"].endswith("blue.png")


def test_search_by_words_shows_tags_and_reranks(call, photos, tag2text_folder, tmp_path):
    index = tmp_path / "index"
    call("search", "index", photos, "--index", index, "--model", tag2text_folder)
    code, out, _ = call("search", "query", "a red dog on grass", "--index", index, "--json", "--count", "2")
    assert code == 0
    assert len(out) == 2
    code, again, _ = call(
        "search", "query", "a red dog on grass", "--index", index, "--rerank", "3", "--json"
    )
    assert code == 0
    assert len(again) == 3


def test_tags_of_a_plain_clip_come_from_labels(call, photos, clip_folder, tmp_path):
    index = tmp_path / "index"
    arguments = ("--index", index, "--model", clip_folder, "--labels", "dog,red", "--method", "maskclip")
    assert call("search", "index", photos, *arguments)[0] == 0
    code, out, _ = call("search", "query", "dog", "--index", index, "--json")
    assert code == 0
    assert any(json.loads(line)["tags"] == ["dog"] for line in out)


def golden_checkpoint(golden, path):
    """The golden weights under the release's names (a reverse mapping is tested where the mapping is)."""
    from released_tag2text import released_state

    torch.save({"model": released_state(load_file(golden / "weights.safetensors"))}, path)


def test_import_makes_a_folder_that_opens(call, photos, tmp_path):
    from pathlib import Path

    golden = Path(__file__).parents[2] / "parity/golden/tag2text"
    golden_checkpoint(golden, tmp_path / "released.pth")
    arguments = (
        "import", "tag2text", tmp_path / "released.pth", "--tag-list", golden / "tags.txt",
        "--vocab", golden / "vocab.txt", "--image-size", "64", "--out", tmp_path / "model",
    )  # fmt: skip
    code, _, err = call(*arguments)
    assert code == 0, err
    assert "30 tags" in err
    code, out, _ = call(
        "caption", photos / "red.png", "--model", tmp_path / "model", "--out", tmp_path / "c", "--json"
    )
    assert code == 0
    assert json.loads(out[0])["caption"]
    # it has no alignment encoder, as the release has none
    code, _, err = call("search", "index", photos, "--model", tmp_path / "model", "--index", tmp_path / "i")
    assert code == 2
    assert "no alignment encoder" in err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("caption", "{photo}", "--model", "tiny", "--both"), "give --about too"),
        (("caption", "{photo}", "--model", "tiny", "--about", " , "), "--about expects at least one tag"),
        (("caption", "{photo}", "--model", "tiny", "--beams", "0"), "--beams must be at least 1"),
        (("caption", "{photo}", "--model", "tiny", "--top-p", "2"), "must lie in (0, 1]"),
        (("caption", "{photo}", "--model", "{clip}"), "needs a trained part"),
        (("caption", "{photo}"), "--model is needed: a folder with a trained Tag2Text"),
        (("caption", "nowhere.jpg", "--model", "{clip}"), "no such file"),
        (("ask", "{photo}", " ", "--model", "tiny"), "expected a question"),
        (("ask", "{photo}", "what?", "--model", "{clip}"), "needs a trained part"),
        (("search", "query", "dog", "--index", "nowhere"), "no search index here"),
        (("search", "query", " "), "to search with, got nothing"),
        (("search", "query", "dog", "--count", "0"), "expected --count of at least 1"),
        (("import", "ram", "x.pth", "--tag-list", "{photo}"), "unknown kind of import 'ram'"),
        (("import", "tag2text", "x.pth", "--tag-list", "{photo}"), "expected a text file"),
    ],
)
def test_what_cannot_be_gets_one_line_and_exit_2(call, photos, clip_folder, arguments, match):
    filled = [
        a.replace("{photo}", str(photos / "red.png")).replace("{clip}", str(clip_folder)) for a in arguments
    ]
    code, out, err = call(*filled)
    assert code == 2
    assert match in err
    assert "Traceback" not in err
    assert out == []
