"""Our tokenizers against transformers' own classes on real captions, and the folders that are refused.

Holds ``backbones/tokenizer_files.py``.
"""

import json
import shutil

import pytest
from tokenizers import Tokenizer as Engine

from tagalign.backbones.packaged import packaged_dir
from tagalign.backbones.text import TextRule, Tokenizer
from tagalign.errors import InputError, ModelError

ODD = [
    "Two   dogs,\tone   RED frisbee!!",
    "it's 3 o'clock; they're in the café — 42 m away",
    "狗和猫 🐕",
    "naïve e\u0301clair (decomposed)",
    "<|endoftext|> in the middle",
    "a_b-c.d/e",
]


def open_tiny(folder=None, **changed):
    chosen = {"context": 32, "rule": TextRule(), "vocabulary": 2048, "end_id": 2047} | changed
    return Tokenizer.from_folder(folder or packaged_dir(), **chosen)


@pytest.fixture(scope="module")
def theirs():
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(packaged_dir())


@pytest.fixture
def old_files(tmp_path):
    """``vocab.json`` and ``merges.txt`` as OpenAI's repositories have them, nothing else."""
    model = json.loads((packaged_dir() / "tokenizer.json").read_text())["model"]
    vocabulary = dict(model["vocab"])
    vocabulary |= {"<|startoftext|>": 2046, "<|endoftext|>": 2047}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    return tmp_path


def check_rows(tokenizer, theirs, texts):
    expected = theirs(texts, truncation=True, max_length=32)["input_ids"]
    for text, row in zip(texts, expected, strict=True):
        ids = tokenizer([text])[0].tolist()
        assert ids == row


@pytest.mark.filterwarnings("ignore:.*prompt.* longer than")
def test_odd_texts_equal_transformers(theirs):
    check_rows(open_tiny(), theirs, ODD)


@pytest.mark.filterwarnings("ignore:.*prompt.* longer than")
def test_vocab_and_merges_are_the_same_tokenizer(theirs, old_files):
    check_rows(open_tiny(old_files), theirs, ODD)


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:.*prompt.* longer than")
def test_real_captions_equal_transformers(theirs, old_files, real_data):
    lines = (real_data / "captions" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    captions = [json.loads(line)["caption"] for line in lines[:2000]]
    captions = [caption for caption in captions if caption.strip()]
    check_rows(open_tiny(), theirs, captions)
    check_rows(open_tiny(old_files), theirs, captions)


def test_rows_are_padded_with_the_end_token_to_the_longest():
    ids = open_tiny()(["a dog", "a dog and a red car"])
    assert ids.shape[1] < 32
    assert set(ids[0, (ids[0] == 2047).int().argmax() :].tolist()) == {2047}


def test_marks_are_set_where_the_file_does_not(tmp_path):
    engine = Engine.from_file(str(packaged_dir() / "tokenizer.json"))
    bare = json.loads(engine.to_str())
    bare["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(bare))
    assert open_tiny(tmp_path)(["a red car"]).tolist() == open_tiny()(["a red car"]).tolist()


def test_a_tokenizer_of_another_model_is_refused(old_files):
    with pytest.raises(ModelError, match="ids up to 2047, the text tower knows 100 tokens"):
        open_tiny(old_files, vocabulary=100)
    with pytest.raises(ModelError, match="config ends a text with token 7, the tokenizer with 2047"):
        open_tiny(old_files, end_id=7)
    with pytest.raises(ModelError, match="has no token '<eos>'"):
        open_tiny(old_files, rule=TextRule(start="", end="<eos>"))


def test_damaged_or_missing_files(old_files):
    (old_files / "merges.txt").write_text("one two three\n")
    with pytest.raises(ModelError, match="two pieces a line"):
        open_tiny(old_files)
    (old_files / "vocab.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        open_tiny(old_files)
    (old_files / "vocab.json").unlink()
    with pytest.raises(ModelError, match="found none"):
        open_tiny(old_files)
    (old_files / "spiece.model").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"only spiece.model \(sentencepiece\) is there"):
        open_tiny(old_files)
    shutil.copy(packaged_dir() / "config.json", old_files / "tokenizer.json")
    with pytest.raises(ModelError, match="expected tokenizer files"):
        open_tiny(old_files)


def test_an_empty_prompt_is_refused_and_no_prompt_is_none():
    with pytest.raises(InputError, match="prompt 1 is empty"):
        open_tiny()(["dog", " "])
    assert open_tiny()([]).shape == (0, 32)
