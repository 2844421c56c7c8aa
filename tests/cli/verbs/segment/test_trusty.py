"""`tagalign segment` with a trusty model: seen and new labels, and a picture of the trusty map."""

import json

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.methods.table import DEFAULTS
from tagalign.ops.masks import decode_rle
from tagalign.tasks.photos.rows import read_rows
from tagalign.testing.clip_folder import make_clip_folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A trusty model of one step, the CLIP below it, and a photo."""
    folder = tmp_path_factory.mktemp("trusty")
    make_clip_folder(folder / "clip", layers=2)
    Image.effect_noise((40, 24), 80).convert("RGB").save(folder / "photo.png")
    sizes = ["--steps", "1", "--batch-size", "1", "--size", "16", "--limit", "2", "--prompts", "1"]
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


def test_parts_hold_the_same_masks_as_pngs(files, tmp_path):
    flags = ("--seen", "dog", "--unseen", "unicorn")
    assert segment(files, tmp_path / "png", *flags) == 0
    assert segment(files, tmp_path / "rle", *flags, "--rle", "--png") == 0
    (row,) = read_rows((tmp_path / "rle" / "masks").glob("part-*.parquet"))
    with (
        Image.open(tmp_path / "png" / "photo.png") as one,
        Image.open(tmp_path / "rle" / "png" / "photo.png") as other,
    ):
        assert one.tobytes() == other.tobytes()
        ids = np.asarray(one)
    for label, code in zip(row["labels"], row["counts"], strict=True):
        assert np.array_equal(decode_rle(code, tuple(row["size"])).numpy(), ids == label)


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
            f"answers with {DEFAULTS['segment']}, which treats all labels alike",
        ),
        (
            "model",
            ["--labels", "dog,cat", "--seen", "cow"],
            "seen name 'cow' is none of the labels: dog, cat",
        ),
        ("model", ["--seen", "dog"], "give labels with --labels"),
        ("model", ["--seen", "dog,car", "--unseen", "Dog"], "'Dog' is given as --seen and as --unseen"),
        ("model", ["--labels", "dog,cat", "--background"], "has no option 'background_rule'"),
    ],
)
def test_what_cannot_be_is_one_line(files, tmp_path, capsys, model, flags, message):
    assert segment(files, tmp_path, *flags, model=model) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def evaluate(files, out, *flags, model="model"):
    common = [
        "--limit",
        "2",
        "--resamples",
        "0",
        "--gallery",
        "0",
        "--device",
        "cpu",
        "--model",
        str(files / model),
    ]
    return main(["evaluate", *common, "--out", str(out), *flags])


@pytest.mark.parametrize(("flags", "weighting"), [([], "auto"), (["--cross-dataset"], "cross-dataset")])
def test_an_evaluation_names_target_and_weighting(files, tmp_path, capsys, flags, weighting):
    assert evaluate(files, tmp_path, *flags) == 0
    head, _, row = capsys.readouterr().out.strip().splitlines()
    for name in ("mIoU", "pixel acc.", "mean acc.", "mIoU(S)", "mIoU(U)", "hIoU"):
        assert f"| {name} |" in head
    assert f"inductive, trusty target strict, weighting {weighting} on" in row


def test_only_a_trusty_model_has_a_token_to_leave_out(files, tmp_path, capsys):
    assert evaluate(files, tmp_path, "--cross-dataset", model="clip") == 2
    assert (
        f"answers with {DEFAULTS['segment']}, which has no trusty token to leave out"
        in capsys.readouterr().err
    )


def test_a_benchmark_with_background_is_asked_all_its_classes_by_name(files, tmp_path):
    """The paper's Table 3 on PASCAL Context's 60 classes; here the drawn objects and their background."""
    asked = [
        "--data",
        "tiny-world-objects",
        "--limit",
        "2",
        "--gallery",
        "0",
        "--resamples",
        "0",
        "--cross-dataset",
    ]
    model = ["--model", str(files / "model"), "--device", "cpu", "--out", str(tmp_path)]
    assert main(["evaluate", *asked, *model]) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["settings"]["labels"]["names"][0] == "background"
    assert result["model"]["weighting"] == "cross-dataset"
    assert "background" in result["per_class"]["iou"]
