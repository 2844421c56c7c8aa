"""A saved model answers like the one in memory; a damaged folder is refused with one line."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from tagalign.backbones.preprocess import Preprocessing
from tagalign.errors import ModelError
from tagalign.methods.tag2text.folder import load_tag2text, save_tag2text
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.tag_choice import TagChoice


@pytest.fixture
def folder(tmp_path, model, wordpieces, sizes, tags):
    save_tag2text(
        tmp_path / "m",
        model,
        sizes=sizes(),
        tags=tags,
        wordpieces=wordpieces,
        preprocessing=Preprocessing(image_size=32),
        choice=TagChoice.of(len(tags), default=0.5, overrides={2: 0.9}, deleted=[4]),
        length=CaptionLength(minimum=5, maximum=14),
    )
    return tmp_path / "m"


def test_a_saved_model_gives_the_same_captions(folder, method, photos, images):
    loaded = load_tag2text(folder)
    again = loaded.encode_images(photos)
    assert torch.equal(again[0].tag_logits, images[0].tag_logits)
    given = [["dog"]] * 6
    assert [c.text for c in loaded.captions(again, given)] == [c.text for c in method.captions(images, given)]
    assert loaded.choice.thresholds.tolist() == pytest.approx([0.5, 0.5, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert loaded.choice.deleted.nonzero()[:, 0].tolist() == [4]
    assert loaded.embed_texts(["a dog"]).shape == (1, 8)


def test_shared_weights_are_stored_once(folder, model):
    stored = load_file(folder / "model.safetensors")
    assert sum(t.numel() for t in stored.values()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda f: (f / "tags.txt").unlink(), "expected the tag list"),
        (lambda f: (f / "tags.txt").write_text("dog\ncat\n"), "the weights do not fit"),
        (lambda f: (f / "vocab.txt").unlink(), "one word piece per line"),
        (lambda f: edit(f, "tag_encoder", None), "tag_encoder is missing"),
        (lambda f: edit(f, "pixels", {"side": "x"}), "field missing or of a wrong type"),
        (lambda f: edit(f, "model_type", "trusty"), "expected a tag2text model, got model_type 'trusty'"),
        (lambda f: edit(f, "profile", "best"), "unknown profile 'best'"),
        (lambda f: drop(f), "text_decoder.bert.embeddings.word_embeddings.weight is missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 50), "cannot be read"),
    ],
)
def test_damaged_folders_are_refused(folder, damage, match):
    damage(folder)
    with pytest.raises((ModelError, ValueError), match=match):
        load_tag2text(folder)


def edit(folder, key, value):
    config = json.loads((folder / "config.json").read_text())
    config[key] = value
    if value is None:
        del config[key]
    (folder / "config.json").write_text(json.dumps(config))


def drop(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["text_decoder.bert.embeddings.word_embeddings.weight"]
    save_file(tensors, folder / "model.safetensors")


def test_half_precision_is_half_the_size_and_nearly_the_same(
    tmp_path, model, wordpieces, sizes, tags, photos
):
    options = dict(
        sizes=sizes(), tags=tags, wordpieces=wordpieces, preprocessing=Preprocessing(image_size=32),
        choice=TagChoice.of(len(tags)),
    )  # fmt: skip
    save_tag2text(tmp_path / "full", model, **options)
    save_tag2text(tmp_path / "half", model, half=True, **options)
    full, half = (load_tag2text(tmp_path / n).encode_images(photos)[0].tag_logits for n in ("full", "half"))
    # float16 keeps three digits of the weights
    torch.testing.assert_close(full, half, atol=0.05, rtol=0.01)
    size = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("full", "half")]
    assert size[1] < 0.6 * size[0]
