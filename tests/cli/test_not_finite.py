"""Every verb refuses an encoder that yields NaN in one line and exit 2, and writes no mask and no number."""

import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from tagalign.cli.main import main
from tagalign.testing.clip_folder import make_clip_folder

LAYER = "vision_model.encoder.layers.3.mlp.fc1.weight"


@pytest.fixture(scope="module")
def folder_with(tmp_path_factory):
    """A CLIP folder, a weight of its vision tower multiplied: NaN is in the file, 1e30 overflows when it is used."""

    def make(factor):
        folder = make_clip_folder(tmp_path_factory.mktemp("clip"))
        tensors = load_file(folder / "model.safetensors")
        tensors[LAYER] *= factor
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return {"damaged": make(float("nan")), "overflowing": make(1e30)}


MESSAGES = {
    "damaged": r"blocks.3.mlp.fc1.weight has values that are not finite",
    "overflowing": "hold NaN or infinity in float32, though its weights are finite",
}


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize(
    "command",
    [
        ["tag", "{photo}", "--labels", "dog,cat", "--method", "tagclip", "--out", "{out}"],
        ["segment", "{photo}", "--labels", "dog,cat", "--method", "maskclip", "--out", "{out}"],
        ["segment", "{photo}", "--labels", "dog,cat", "--method", "cls-seg", "--rle", "--out", "{out}"],
        ["refer", "{photo}", "--phrase", "the dog", "--out", "{out}"],
        ["search", "index", "{photo}", "--index", "{out}"],
        [
            "train",
            "--method",
            "trusty",
            "--data",
            "tiny-world-objects",
            "--size",
            "16",
            "--limit",
            "2",
            "--prompts",
            "1",
            "--steps",
            "1",
            "--batch-size",
            "2",
            "--out",
            "{out}",
        ],
        ["evaluate", "--data", "tiny-world-objects", "--limit", "2", "--gallery", "0", "--out", "{out}"],
    ],
    ids=lambda command: "-".join(command[:2]).replace("{photo}", f"{len(command)}"),
)
def test_one_line_and_exit_2(folder_with, photo_file, tmp_path, capsys, kind, command):
    out = tmp_path / "out"
    flags = [part.format(photo=photo_file, out=out) for part in command]
    assert main([*flags, "--model", str(folder_with[kind]), "--device", "cpu"]) == 2
    printed = capsys.readouterr()
    assert MESSAGES[kind] in printed.err
    assert "Traceback" not in printed.err
    assert "NaN" not in printed.out
    assert not list(out.rglob("*.png"))
    assert not (out / "result.json").exists()
    assert sum(pq.read_metadata(path).num_rows for path in out.rglob("*.parquet")) == 0


def test_a_photo_of_one_colour_is_tagged(clip_folder, tmp_path):
    Image.new("RGB", (40, 30), "black").save(tmp_path / "black.png")
    command = ["tag", str(tmp_path / "black.png"), "--labels", "dog,cat", "--model", str(clip_folder)]
    assert main([*command, "--device", "cpu", "--out", str(tmp_path / "out")]) == 0
