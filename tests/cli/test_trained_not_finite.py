"""Trained parts, trainings, the server, the page and the ONNX export: weights that yield NaN end in one line and no number.

``damaged``: NaN stands in the file. ``overflowing``: every weight is finite, and their products are not.
"""

import base64
import json
import re
import runpy
import shutil
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small_pairs import make_pairs

import tagalign
from tagalign.cli.main import main
from tagalign.errors import NotFiniteError
from tagalign.methods.tag2text.folder import tiny_tag2text_dir
from tagalign.testing.clip_folder import make_clip_folder

LAYER = "vision_model.encoder.layers.3.mlp.fc1.weight"
EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_segment.py"
NO_NUMBERS = r"hold NaN or infinity in float32, though its weights are finite"


def spoil(folder, layer, kind):
    """Put NaN, or numbers that overflow when they are used, into one tensor of a folder."""
    path = folder / "model.safetensors"
    with safe_open(path, "pt") as file:
        meta = file.metadata()
    tensors = load_file(path)
    for name in [name for name in tensors if layer in name]:
        # float32, where such a number is one
        tensors[name] = tensors[name].float() * (torch.nan if kind == "damaged" else 1e34)
    save_file(tensors, path, metadata=meta)


def json_numbers(text):
    """Every JSON line, read by a reader that knows no NaN."""

    def refuse(constant):
        raise AssertionError(f"{constant} in JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines() if line.startswith("{")]


def refused(words, capsys, *, code=2):
    """What was said by a command that ends in one line."""
    assert main([*map(str, words), "--device", "cpu"]) == code
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert not json_numbers(printed.out)
    return printed.err


# --- trained parts ----------------------------------------------------------------------------------------------------

PARTS = {
    "image": ("tag_encoder.encoder.layer.1", ["tag", "--labels", "dog"], "tag logits"),
    "decoder": ("text_decoder.cls.predictions.transform.dense.weight", ["caption"], "word scores"),
    "answer": ("text_decoder.cls.predictions.transform.dense.weight", ["ask", "what is it?"], "word scores"),
    "search": ("alignment.image_projection.weight", ["search index"], "image embeddings"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "kind"),
    [(part, "overflowing") for part in PARTS if part != "search"]
    + [("search", "damaged"), ("image", "damaged")],
)  # a projection alone cannot overflow: what it gives is brought to unit length
def test_a_tag2text_names_what_is_no_number(part, kind, photo_file, tmp_path, capsys):
    layer, verb, what = PARTS[part]
    folder = Path(shutil.copytree(tiny_tag2text_dir(), tmp_path / "model"))
    spoil(folder, layer, kind)
    out = ["--index" if verb[0] == "search index" else "--out", tmp_path / "out"]
    words = [*verb[0].split(), photo_file, *verb[1:], "--model", folder, *out]
    said = refused(words, capsys)
    assert (layer if kind == "damaged" else what) in said
    assert (
        not (tmp_path / "out" / "captions.jsonl").exists()
        or not (tmp_path / "out/captions.jsonl").read_text()
    )


def test_a_text_to_search_with_that_is_no_number(photo_file, tmp_path, capsys):
    folder = Path(shutil.copytree(tiny_tag2text_dir(), tmp_path / "model"))
    flags = ["search", "index", str(photo_file), "--model", str(folder), "--index", str(tmp_path / "index")]
    assert main([*flags, "--device", "cpu"]) == 0
    model = tagalign.load(str(folder), device="cpu")
    with torch.no_grad():
        model.implementation.model.alignment.text_projection.weight.fill_(torch.inf)
    with pytest.raises(NotFiniteError, match=r"alignment.text_projection.weight hold NaN or infinity"):
        model.implementation.embed_texts(["a dog"])
    encoded = model.implementation.encode_images([Image.open(photo_file).convert("RGB")])
    with torch.no_grad():
        model.implementation.model.alignment.match.weight.fill_(torch.nan)
    with pytest.raises(NotFiniteError, match="matching scores are no numbers"):
        model.implementation.match(encoded, ["a dog"])


@pytest.fixture(scope="module")
def trusty(tmp_path_factory):
    """A trusty model of one step."""
    folder = tmp_path_factory.mktemp("trusty")
    make_clip_folder(folder / "clip", layers=2)
    sizes = ["--steps", "1", "--batch-size", "1", "--size", "16", "--limit", "2", "--prompts", "1"]
    data = ["--data", "tiny-world-objects", "--model", str(folder / "clip"), "--device", "cpu"]
    assert main(["train", "--method", "trusty", *data, *sizes, "--out", str(folder / "model")]) == 0
    return folder / "model"


@pytest.mark.parametrize(
    ("kind", "what"), [("damaged", "is not finite"), ("overflowing", "trusty: the masks of the trained head")]
)
def test_a_trusty_head_names_what_is_no_number(kind, what, trusty, photo_file, tmp_path, capsys):
    model = Path(shutil.copytree(trusty, tmp_path / "model"))
    spoil(model, "head.layers.2.", kind)
    words = ["segment", photo_file, "--labels", "dog,cat", "--model", model, "--out", tmp_path / "out"]
    assert what in refused(words, capsys)
    assert not list((tmp_path / "out").rglob("*.png"))


# --- trainings --------------------------------------------------------------------------------------------------------

STEPS = ["--steps", "2", "--batch-size", "2", "--warmup", "1", "--log-every", "1"]
TRAININGS = {
    "tagalign": ["--pairs", "pairs.jsonl", "--tags", "tags.parquet", "--vocabulary", "vocabulary.tsv", "--chunk", "2"],
    "cached": ["--pairs", "pairs.jsonl", "--tags", "tags.parquet", "--vocabulary", "vocabulary.tsv", "--chunk", "2",
               "--cache-features", "cache"],
    "tag2text": ["--method", "tag2text", "--records", "pairs.jsonl", "--label-rows", "labels.parquet",
                 "--tag-list", "vocabulary.tsv",
                 "--layers", "1", "--width", "16", "--heads", "2"],
    "groupvit": ["--method", "groupvit", "--pairs", "pairs.jsonl", "--tags", "tags.parquet",
                 "--vocabulary", "vocabulary.tsv", "--width", "16", "--heads", "2",
                 "--patch", "8", "--depths", "1", "1", "1", "--groups", "4", "2",
                 "--chunk", "2", "--precision", "fp32"],
}  # fmt: skip
"""GroupViT trains its own image tower beside the frozen text tower, so there it is the text that is spoilt."""


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_on_an_encoder_that_yields_nan_ends_before_a_model_is_written(
    name, tmp_path, capsys, monkeypatch
):
    make_pairs(tmp_path / "pairs")
    make_clip_folder(tmp_path / "clip")
    spoil(
        tmp_path / "clip",
        "text_model.encoder.layers.0.mlp.fc1.weight" if name == "groupvit" else LAYER,
        "overflowing",
    )
    monkeypatch.chdir(tmp_path / "pairs")
    words = ["train", *TRAININGS[name], *STEPS, "--model", tmp_path / "clip"]
    said = refused([*words, "--out", tmp_path / "out"], capsys)
    assert NO_NUMBERS in said
    assert not list((tmp_path / "out").glob("model.safetensors"))
    for path in (tmp_path / "out").rglob("*.jsonl"):
        json_numbers(path.read_text())


# --- answers over HTTP and on the page --------------------------------------------------------------------------------


@pytest.fixture
def overflowing(tmp_path):
    """A CLIP whose weights are finite and whose features are not."""
    folder = make_clip_folder(tmp_path / "clip")
    spoil(folder, LAYER, "overflowing")
    return folder


@pytest.mark.parametrize("verb", ["tag", "segment", "refer"])
def test_the_server_answers_500_with_one_line(verb, overflowing, photo_file):
    pytest.importorskip("fastapi", reason="the serve extra is not installed")
    from fastapi.testclient import TestClient

    from tagalign.apps.server.app import create_app

    body = {"image_base64": base64.b64encode(photo_file.read_bytes()).decode()}
    body |= {"phrase": "dog"} if verb == "refer" else {"labels": ["dog", "cat"]}
    model = tagalign.load(str(overflowing), device="cpu")
    with TestClient(create_app(model), raise_server_exceptions=False) as client:
        answer = client.post(f"/v1/{verb}", json=body)
    assert answer.status_code == 500
    assert re.search(NO_NUMBERS, answer.json()["error"]["message"])
    assert "NaN," not in answer.text


def test_the_page_says_it(overflowing, photo_file):
    pytest.importorskip("gradio", reason="the app extra is not installed")
    from tagalign.apps.page.studio import Studio

    studio = Studio(lambda name: tagalign.load(str(overflowing), method=name, device="cpu"), ["maskclip"])
    with pytest.raises(NotFiniteError, match=NO_NUMBERS):
        studio.look(photo_file, "dog, cat", "maskclip")
    with pytest.raises(NotFiniteError, match=NO_NUMBERS):
        studio.refer(photo_file, "dog", "maskclip")
    with pytest.raises(NotFiniteError, match=NO_NUMBERS):
        studio.heat(photo_file, "dog", "maskclip")


# --- ONNX -------------------------------------------------------------------------------------------------------------


def test_the_onnx_example_refuses_maps_that_are_no_numbers(tmp_path, photo_file, monkeypatch, capsys):
    """A graph runs in other programs and on other processors: the example looks at what it gave."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    np.savez(tmp_path / "labels.npz", embeds=np.ones((1, 4), np.float32), owners=np.zeros(1, np.int64))
    config = {
        "short_side": 32,
        "max_side": 64,
        "patch_size": 8,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
        "names": ["dog"],
    }
    (tmp_path / "model.json").write_text(json.dumps(config))

    class Session:
        def __init__(self, *args, **kwargs):
            pass

        def run(self, outputs, feed):
            return [np.full((1, 4, 4, 4), np.nan, np.float32)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    example = runpy.run_path(str(EXAMPLE))
    with pytest.raises(SystemExit, match="hold NaN or infinity"):
        example["main"](str(tmp_path), str(photo_file), str(tmp_path / "mask.png"))
    assert not (tmp_path / "mask.png").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_an_export_of_maps_that_are_no_numbers_is_refused(tmp_path, capsys, monkeypatch):
    """Two layers: each is traced, optimised and written alike, at one second of processor."""
    monkeypatch.setattr(
        jaxtyping.config, "jaxtyping_disable", True
    )  # a graph has symbols where signatures say int
    pytest.importorskip("onnxscript", reason="the onnx extra is not installed")
    folder = make_clip_folder(tmp_path / "clip", layers=2)
    spoil(folder, LAYER.replace("layers.3", "layers.0"), "overflowing")
    words = ["export", "onnx", "--labels", "dog,cat", "--method", "maskclip", "--model", folder]
    assert re.search(NO_NUMBERS, refused([*words, "--out", tmp_path / "out"], capsys))
    assert not list((tmp_path / "out").glob("*.onnx"))
