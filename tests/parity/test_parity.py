"""All golden folders agree with the library, tensor by tensor; the checker itself can fail."""

import json
import subprocess
import sys
from pathlib import Path

import check
import pytest
from safetensors.torch import load_file, save_file

from tagalign.ops.windows import window_boxes

HERE = Path(__file__).parent
CASES = [
    (family, folder) for family in check.FAMILIES for folder in check.case_folders(HERE / "golden" / family)
]


@pytest.mark.parametrize(("family", "folder"), CASES, ids=[f"{f}-{p.name}" for f, p in CASES])
def test_every_tensor_agrees(family, folder):
    failed = [row for row in check.check_case(family, folder) if not row[3]]
    assert not failed


def test_there_is_a_case_for_tagalign():
    assert any(family == "tagalign" for family, _ in CASES)


def test_windows_are_those_of_the_release():
    golden = json.loads((HERE / "golden/tagalign/windows.json").read_text())
    for name, boxes in golden["sizes"].items():
        height, width = map(int, name.split("x"))
        found = window_boxes((height, width), crop=golden["crop"], stride=golden["stride"])
        # the release lists top, bottom, left, right; ours are XYXY
        assert [[top, bottom, left, right] for left, top, right, bottom in found] == boxes


def test_a_changed_missing_or_extra_tensor_fails(tmp_path):
    source = HERE / "golden/tagalign"
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = load_file(source / "outputs.safetensors")
    tensors["projector.pooled"] = tensors["projector.pooled"] + 1e-3
    tensors["unknown"] = tensors.pop("clip.image_embeds").clone()
    save_file(tensors, tmp_path / "outputs.safetensors")
    failed = {row[0] for row in check.check_case("tagalign", tmp_path) if not row[3]}
    assert failed == {"projector.pooled", "unknown", "clip.image_embeds"}


def test_an_unreadable_folder_exits_with_2(tmp_path):
    command = [sys.executable, str(HERE / "check.py"), "--family", "tagalign", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no folder with outputs.safetensors" in done.stderr
