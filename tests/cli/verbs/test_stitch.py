"""``--stitch`` of segment, refer and evaluate: the same as the option, recorded as it acted, refused where it cannot."""

import json

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main

ACTED = {"stitch": True, "short_side": 48, "window": 32, "stride": 16}


@pytest.fixture
def photo_path(tmp_path):
    blocks = np.random.default_rng(1).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(blocks).resize((90, 60), Image.Resampling.NEAREST).save(path)
    return path


@pytest.mark.parametrize("verb", ["segment", "refer"])
def test_the_flag_is_the_option(verb, clip_folder, photo_path, tmp_path):
    words = (
        ["--labels", "dog,sky,tree", "--no-summary"] if verb == "segment" else ["--phrase", "the red thing"]
    )
    for out, flags in (
        ("flag", ["--stitch"]),
        ("option", ["--option", "stitch=true"]),
    ):
        command = [verb, str(photo_path), *words, "--model", str(clip_folder), "--method", "naclip"]
        assert main([*command, "--out", str(tmp_path / out), *flags]) == 0
    model = json.loads((tmp_path / "flag" / "settings.json").read_text())["model"]
    assert ACTED.items() <= model.items()
    mask = {out: (tmp_path / out / "photo.png").read_bytes() for out in ("flag", "option")}
    assert mask["flag"] == mask["option"]


def test_evaluate_records_it(clip_folder, tmp_path):
    flags = ["--data", "tiny-world", "--limit", "2", "--allow-missing", "--resamples", "0", "--gallery", "0"]
    command = ["evaluate", *flags, "--model", str(clip_folder), "--method", "pearl", "--stitch"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert ACTED.items() <= json.loads((tmp_path / "out" / "result.json").read_text())["model"].items()


@pytest.mark.parametrize(
    ("verb", "flags", "said"),
    [
        ("segment", ["--method", "cls-seg"], "has no option 'stitch'"),
        ("segment", ["--method", "clip", "--option", "stitch=true"], "given by its flag and by --option"),
        ("segment", ["--method", "clip", "--option", "window=12"], "multiples"),
        ("segment", ["--method", "rcs", "--option", "feedback=true"], "leave one of both out"),
        ("refer", ["--method", "proxy"], "has no option 'stitch'"),
        ("evaluate", ["--method", "cls-seg"], "which --stitch or protocol 'plain' sets"),
    ],
)
def test_where_it_cannot_act_it_is_refused_in_one_line(
    verb, flags, said, clip_folder, photo_path, tmp_path, capsys
):
    own = {
        "segment": [str(photo_path), "--labels", "dog,sky"],
        "refer": [str(photo_path), "--phrase", "the dog"],
        "evaluate": ["--data", "tiny-world", "--limit", "1", "--allow-missing"],
    }[verb]
    command = [verb, *own, "--stitch", *flags, "--model", str(clip_folder), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert said in err[-1]
    assert not (tmp_path / "out" / "photo.png").exists()
