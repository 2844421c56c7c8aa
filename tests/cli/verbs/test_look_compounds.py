"""Looks with compound prompts through the verbs: against plain numpy, over shards, and what is refused."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.looks.files import read_look

LABELS = ("dog", "cat", "tree")
PROMPTS = ("a dog and a cat", "two cats", "a street")
pytestmark = pytest.mark.filterwarnings("always:a look at", "always:scores do not differ")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compounds") / "photos"
    folder.mkdir()
    for i in range(7):
        pixels = np.random.default_rng(i).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder.parent / "prompts.txt").write_text("\n".join(PROMPTS) + "\n")
    return folder


@pytest.fixture
def call(clip_folder, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos.parent)

    def run(verb, *flags, out="out", method="clip"):
        given = [
            "--labels",
            ",".join(LABELS),
            "--model",
            str(clip_folder),
            "--method",
            method,
            "--device",
            "cpu",
        ]
        return main([*verb.split(), *flags, *given, "--out", str(tmp_path / out)])

    return run


def z(x):
    return (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)


def raw_scores(clip_folder, photos):
    """Scores of labels, and of each prompt among them, by the tagger alone: a prompt as one label more."""
    method = load_method(str(clip_folder), method="clip")
    images = method.encode_images([Image.open(photos / f"{i}.png") for i in range(7)])
    template = method.profile.template

    def scores(*names):
        labels = LabelSet(name="custom", labels=tuple(Label(name=n) for n in names), templates=(template,))
        return np.array([method.tag(image, method.encode_labels(labels)).scores for image in images])

    return method, images, scores(*LABELS)


def test_tags_are_those_of_plain_numpy(call, clip_folder, photos, tmp_path):
    assert call("look", "photos", "--compounds", "prompts.txt", out="look") == 0
    assert call("tag", "photos", "--look", str(tmp_path / "look"), "--batch-size", "1", out="tags") == 0
    look = read_look(tmp_path / "look")
    assert look.compounds.prompts == PROMPTS[:2]  # the third names no label
    assert look.compounds.members == ((0,), (0, 1), ())
    method, images, single = raw_scores(clip_folder, photos)
    labels = method.with_compounds(method.encode_labels(look.labels), PROMPTS[:2])
    compound = z(np.log([method.compound_scores(image, labels) for image in images]))
    single = z(np.log(single))
    final = single.copy()
    for label, members in enumerate(((0,), (0, 1), ())):
        if members:
            columns = np.column_stack([np.sort(compound[:, members], axis=1), single[:, label]])
            direction = np.linalg.svd(columns - columns.mean(axis=0))[2][0]
            direction *= np.sign(direction.mean()) / np.abs(direction).sum()
            final[:, label] = (columns @ direction + single[:, label]) / 2
    wanted = z(final) - 2
    rows = csv.DictReader((tmp_path / "tags/tags.csv").read_text().splitlines())
    found = [[float(row[name]) for name in LABELS] for row in rows]
    # photos of noise are nearly equal: a deviation divides the rounding of stored scores
    np.testing.assert_allclose(found, (1 + wanted / (1 + np.abs(wanted))) / 2, atol=5e-3)
    assert json.loads((tmp_path / "tags/settings.json").read_text())["model"]["look"] == look.mark()


def test_a_prompt_is_scored_as_one_label_more(clip_folder, photos):
    """Against the tagger itself, asked for the labels and the prompt."""
    method = load_method(str(clip_folder), method="clip")
    image = method.encode_images([Image.open(photos / "0.png")])[0]
    labels = LabelSet(
        name="custom", labels=tuple(Label(name=n) for n in LABELS), templates=("{}",), background=("sky",)
    )
    encoded = method.with_compounds(method.encode_labels(labels), PROMPTS)
    for prompt, score in zip(PROMPTS, method.compound_scores(image, encoded), strict=True):
        more = LabelSet(
            name="more", labels=(*labels.labels, Label(name=prompt)), templates=("{}",), background=("sky",)
        )
        wanted = method.tag(image, method.encode_labels(more)).scores[-1]
        assert score == pytest.approx(wanted, rel=1e-5)  # float32 rounding of two softmaxes


@pytest.mark.parametrize("profile", ["fixed", "released"])
def test_any_shards_give_the_same_bytes(call, tmp_path, profile):
    flags = ("photos", "--compounds", "prompts.txt", "--look-profile", profile)
    assert call("look", *flags, out="whole") == 0
    for shard in ("1/2", "0/2"):
        assert call("look", *flags, "--shard", shard, "--part-size", "2", out="shards") == 0
    assert (tmp_path / "shards/look.json").read_bytes() == (tmp_path / "whole/look.json").read_bytes()
    assert call("look", *flags, out="whole") == 0  # nothing is left to do
    assert call("look", "photos", out="plain") == 0
    assert read_look(tmp_path / "plain").mark() != read_look(tmp_path / "whole").mark()


def test_tag_shards_give_the_prompts(call, tmp_path):
    shard = tmp_path / "captions.jsonl"
    shard.write_text(json.dumps({"key": "0", "objects": ["dogs", "tree"]}) + "\n")
    assert call("look", "photos", "--compounds", str(shard), out="look") == 0
    assert read_look(tmp_path / "look").compounds.prompts == ("dog and tree",)


@pytest.mark.parametrize("method", ["tagclip", "piaa", "gated"])
def test_a_method_that_cannot_is_refused(call, capsys, method):
    assert call("look", "photos", "--compounds", "prompts.txt", method=method) == 2
    assert f"method '{method}' cannot score compound prompts" in capsys.readouterr().err


def test_what_cannot_be_weighed_is_refused(call, tmp_path, capsys):
    assert call("look", "photos/0.png", "photos/1.png", "photos/2.png", "--compounds", "prompts.txt") == 2
    assert "2 compound prompts name 'cat', 3 photos can weigh at most 1" in capsys.readouterr().err
    assert call("look", "photos", "--compounds", "gone.txt") == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert call("look", "photos", "--compounds", "prompts.txt", out="look") == 0
    look = str(tmp_path / "look")
    assert call("look", "--merge", look, look, "--compounds", "prompts.txt") == 2
    assert call("look", "--merge", look, look) == 2
    assert "compound prompts cannot be merged" in capsys.readouterr().err


def test_a_look_whose_weights_were_changed_is_refused(call, tmp_path, capsys):
    assert call("look", "photos", "--compounds", "prompts.txt", out="look") == 0
    head = tmp_path / "look/look.json"
    text = head.read_text()
    for damaged in (
        re.sub(r'"weights"', '"weight"', text),
        re.sub(r'("weights": \[\s*\[\s*)-?\d', r"\g<1>7", text),
    ):
        assert damaged != text
        head.write_text(damaged)
        assert call("tag", "photos", "--look", str(tmp_path / "look")) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_language_model_writes_the_prompts_once(call, tmp_path, capsys):
    """A stand-in on the loopback: the list alone, then the look with it, in shards too; nothing is asked twice."""
    pytest.importorskip("openai", reason="needs the llm extra")
    from tagalign.testing.llm_server import StubLLMServer

    def captions_of(system, asked):
        return json.dumps({"captions": [f"a {asked[0]} and a tree", "nothing of it"]})

    with StubLLMServer(other=captions_of) as server:
        llm = ("--compounds", "llm", "--llm-url", server.url, "--llm-model", "stub")
        assert call("look", *llm, out="look") == 0  # no photos: the list alone
        listed = tmp_path / "look/compounds.txt"
        assert listed.read_text() == "a dog and a tree\na cat and a tree\n"
        assert not (tmp_path / "look/look.json").exists()
        assert call("look", "photos", *llm, out="look") == 0
        assert server.log.calls == 3
        assert "3 saved before" in capsys.readouterr().err
        assert json.loads((tmp_path / "look/usage.json").read_text())["total"]["calls"] == 3
    assert read_look(tmp_path / "look").compounds.prompts == ("a dog and a tree", "a cat and a tree")
    for shard in ("0/2", "1/2"):
        assert call("look", "photos", "--compounds", str(listed), "--shard", shard, out="shards") == 0
    assert (tmp_path / "shards/look.json").read_bytes() == (tmp_path / "look/look.json").read_bytes()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("photos", "--compounds", "llm"), "--compounds llm needs --llm-model"),
        (("photos", "--llm-model", "stub"), "--llm-model is for --compounds llm"),
        (
            ("photos", "--compounds", "llm", "--llm-model", "stub", "--shard", "0/2"),
            "would ask in each shard",
        ),
        (
            (
                "photos",
                "--compounds",
                "llm",
                "--llm-model",
                "s",
                "--llm-url",
                "http://127.0.0.1:9/v1",
                "--llm-retries",
                "0",
            ),
            "nobody answers at http://127.0.0.1:9/v1",
        ),
        (
            ("photos", "--compounds", "llm", "--llm-model", "s", "--llm-url", "nowhere"),
            "must begin with http",
        ),
    ],
)
def test_a_language_model_that_cannot_be_asked_is_refused_in_one_line(call, capsys, flags, said):
    pytest.importorskip("openai", reason="needs the llm extra")
    assert call("look", *flags) == 2
    found = capsys.readouterr().err
    assert said in found
    assert len(found.strip().splitlines()) == 1
