"""`tagalign segment` with a trusty model: seen and new labels, and a picture of the trusty map."""

import json

import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.testing.clip_folder import make_clip_folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A trusty model of one step, the CLIP below it, and a photo."""
    folder = tmp_path_factory.mktemp("trusty")
    make_clip_folder(folder / "clip", layers=2)
    Image.effect_noise((40, 24), 80).convert("RGB").save(folder / "photo.png")
    sizes = ["--steps", "1", "--batch-size", "1", "--crop", "16", "--limit", "2", "--prompts", "1"]
    data = ["--data", "tiny-world-objects", "--model", str(folder / "clip"), "--device", "cpu"]
    assert main(["train", "--method", "trusty", *data, *sizes, "--out", str(folder / "model")]) == 0
    return folder


def segment(files, out, *flags, model="model"):
    photo = [str(files / "photo.png"), "--model", str(files / model), "--out", str(out), "--device", "cpu"]
    return main(["segment", *photo, *flags])


def test_the_trusty_map_stands_beside_the_result(files, tmp_path):
    assert segment(files, tmp_path, "--seen", "dog", "--unseen", "unicorn, red car", "--overlay") == 0
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["labels"] == ["dog", "unicorn", "red car"]
    with (
        Image.open(tmp_path / "photo.overlay.png") as result,
        Image.open(tmp_path / "photo.trusty.png") as picture,
    ):
        assert picture.width > result.width


def test_without_a_choice_there_is_no_map(files, tmp_path):
    """All names were trained: nothing to weigh."""
    assert segment(files, tmp_path, "--labels", "dog,car", "--overlay") == 0
    assert not (tmp_path / "photo.trusty.png").exists()


@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        (
            "clip",
            ["--labels", "dog,cat", "--seen", "dog"],
            "answers with maskclip, which treats all labels alike",
        ),
        (
            "model",
            ["--labels", "dog,cat", "--seen", "cow"],
            "seen name 'cow' is none of the labels: dog, cat",
        ),
        ("model", ["--seen", "dog"], "give labels with --labels"),
        ("model", ["--labels", "dog,cat", "--background"], "no background rule"),
    ],
)
def test_what_cannot_be_is_one_line(files, tmp_path, capsys, model, flags, message):
    assert segment(files, tmp_path, *flags, model=model) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
