"""``tagalign serve --look``: tags of a request are those of a model with the look, over HTTP, options beside it."""

import json
from contextlib import closing

import pytest
from PIL import Image

pytest.importorskip("uvicorn", reason="the serve extra is not installed")
pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

import tagalign
from tagalign.apps.server.app import create_app
from tagalign.cli.main import main
from tagalign.cli.verbs.serve import ServeSettings, make_app
from tagalign.data.tiny_world import TinyWorld

LABELS = ["dog", "car", "tree", "house"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i, scene in enumerate(TinyWorld(seed=1, split="test").take(20)):
        Image.fromarray(scene.image).save(folder / f"{i}.png")
    return folder


def look_at(photos, out, *flags):
    asked = ["--labels", ",".join(LABELS), "--model", "tiny", "--out", str(out), *flags]
    assert main(["look", str(photos), *asked]) == 0
    return out


@pytest.fixture(scope="module")
def look(photos, tmp_path_factory):
    return look_at(photos, tmp_path_factory.mktemp("look"))


@pytest.fixture(scope="module")
def client(look):
    with TestClient(make_app(ServeSettings(model="tiny", look=look, batch_size=1))) as client:
        yield client


def ask(client, photos, path="/v1/tag", **fields):
    with closing((photos / "0.png").open("rb")) as file:
        return client.post(path, files={"image": file}, data={"labels": LABELS, **fields})


def test_tags_are_seen_against_the_folder(client, photos, look):
    found = ask(client, photos).json()
    looked, plain = tagalign.load("tiny", look=look), tagalign.load("tiny")
    image = photos / "0.png"
    expected = looked.tag(looked.encode_image(image), LABELS)
    assert [(one["name"], one["score"]) for one in found["tags"]] == [
        (name, pytest.approx(score, abs=1e-5)) for name, score in expected.top(len(LABELS))
    ]
    assert found["chosen"] == list(expected.tags)
    assert plain.tag(plain.encode_image(image), LABELS).scores != expected.scores
    # masks of the default methods know nothing of a look
    assert ask(client, photos, "/v1/segment").status_code == 200


def test_options_act_beside_the_look_or_are_refused(client, photos, look):
    assert len(ask(client, photos, options="threshold=top:3").json()["chosen"]) == 3
    for fields, message in (
        ({"options": "local_weight=0.9"}, "this look was made with another local_weight"),
        ({"options": "look=/etc"}, "settled when"),
        ({"labels": ["dog", "car"]}, "other labels"),
    ):
        answer = ask(client, photos, **fields)
        assert answer.status_code == 422, answer.text
        text = answer.json()["error"]["message"]
        assert message in text
        if "options" in fields:  # of an option a client hears no path of this machine
            assert str(look) not in text


def test_piaa_answers_with_its_look_and_takes_options(photos, tmp_path):
    out = look_at(photos, tmp_path / "piaa", "--method", "piaa")
    options = {"class_weight": 0.9, "threshold": "top:2"}
    with TestClient(make_app(ServeSettings(model="tiny", method="piaa", look=out))) as client:
        plain = ask(client, photos).json()
        found = ask(client, photos, options="class_weight=0.9\nthreshold=top:2").json()
        refused = ask(client, photos, options="keep=3")
    opened = tagalign.load("tiny", method="piaa", look=out, **options)
    expected = opened.tag(opened.encode_image(photos / "0.png"), LABELS)
    assert found["chosen"] == list(expected.tags) != plain["chosen"]
    assert found["options"] == options
    assert (refused.status_code, "'keep' is settled" in refused.text) == (422, True)


def test_a_look_of_another_model_ends_the_start(look, capsys):
    assert main(["serve", "--model", "tiny-plain", "--look", str(look)]) == 2
    assert "this look was made with" in capsys.readouterr().err


def test_a_server_without_a_look_has_none_to_give(photos):
    with TestClient(create_app(tagalign.load("tiny"))) as client:
        answer = ask(client, photos, options="look=none")
    assert answer.status_code == 422
    assert json.loads(answer.text)["error"]["message"].startswith("options: 'look' is settled")
