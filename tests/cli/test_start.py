"""What a short command loads: what it does not use, it does not wait for."""

import subprocess
import sys

import pytest
from PIL import Image

UNUSED = ("gradio", "matplotlib", "onnx", "openai", "pandas", "ray", "rich", "sklearn", "transformers")
"""Seconds each, or a part of one; some are there only because another package brought them."""


HEAVY = ("torch", "torchvision", "transformers", "onnxruntime", "sklearn")
"""What no flag needs: importing it takes longer than reading all of them."""


def test_no_verb_imports_torch_to_read_its_flags(tmp_path):
    code = f"""
import sys
from tagalign.cli.main import main
from tagalign.cli.verbs.table import VERBS
wrong = [["tag", "red.png", "--no-such-flag"], ["train", "--steps", "many"]]
for words in [["--help"], *([verb, "--help"] for verb in VERBS), *wrong]:
    try:
        main(words)
    except SystemExit:
        pass
    found = sorted(set({HEAVY}) & set(sys.modules))
    assert not found, (words, found)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.slow  # a process of its own that imports torch: three seconds
def test_a_tag_from_the_shell_loads_what_it_uses(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    code = f"""
import sys
from tagalign.cli.main import main
flags = ["--labels", "dog,car", "--model", "tiny", "--out", "tags"]
assert main(["tag", "red.png", *flags]) == 0
print(sorted(set({UNUSED}) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
