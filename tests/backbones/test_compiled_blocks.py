"""Compiled blocks: the masks of the others, one code for all blocks, refused in one line where it cannot be."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import tagalign as ta
from tagalign.errors import InputError

TRACED = """
import json
import sys
from PIL import Image
import torch
import tagalign as ta
from tagalign.backbones.load import load_backbone
from tagalign.data.tiny_world import TinyWorld
from tagalign.ops import compiling

graphs, plain = [], torch.compile
if sys.argv[1] == "traced":  # graphs run as they are, which takes no compiler and no minute
    def kept(graph, inputs):
        graphs.append(graph)
        return graph.forward
    compiling.missing_compiler = lambda device: ""
    torch.compile = lambda function, **_: plain(function, backend=kept)

found = {}
for precision in ("fp32", "bf16"):
    torch._dynamo.reset()
    graphs.clear()
    encoders = [load_backbone("tiny", precision=precision, compile=one) for one in (True, False)]
    worst = 0.0
    for side in (80, 64, 48):
        pixels = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(side))
        ours, theirs = (one.encode_dense(pixels, mode="clip").patches for one in encoders)
        worst = max(worst, float((ours - theirs).abs().max() / theirs.abs().max()))
    found[precision] = {"graphs": len(graphs), "blocks": len(encoders[0].blocks), "worst": worst}
photo = Image.fromarray(TinyWorld(seed=1, split="test")[0].image)
maps = []
for one in (False, True):
    model = ta.load("tiny", method="maskclip", compile=one)
    maps.append(model.segment(model.encode_image(photo), ["car", "dog", "tree"]).labels)
found["same"] = float((maps[0] == maps[1]).double().mean())
print(json.dumps(found))
"""


def run(how, cache):
    """In a process of its own: the checks of shapes that tests switch on cannot be traced."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "TORCHINDUCTOR_VEC_ISA_OK": "1",  # PyTorch's own trial of the vector units that the processor names: 5 s
    }
    done = subprocess.run(
        [sys.executable, "-c", TRACED, how], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow  # a process of its own that imports torch and traces
def test_one_graph_serves_all_blocks_and_sizes_become_free(tmp_path):
    found = run("traced", tmp_path)
    for precision in ("fp32", "bf16"):
        assert found[precision]["blocks"] > 2
        assert found[precision]["graphs"] == 2, "one for the first size, one for all others"
        # the same operations, traced and run one by one
        assert found[precision]["worst"] == 0
    assert found["same"] == 1


@pytest.mark.slow  # the compiler itself: minutes on a busy machine
@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
def test_compiled_code_gives_the_same_to_rounding_and_is_kept(tmp_path):
    found = run("compiled", tmp_path)
    # sums in another order through some layers; bfloat16 keeps eight bits of each product's factors
    assert found["fp32"]["worst"] < 1e-4
    assert found["bf16"]["worst"] < 3e-2
    assert found["same"] > 0.999
    assert any(path.is_file() for path in tmp_path.rglob("*")), "kept for the next run"


def test_no_compiler_is_refused_before_the_first_photo(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"^compiling needs a C\+\+ compiler .* leave compile out$"):
        ta.load("tiny", compile=True)


def test_a_method_without_blocks_refuses_it():
    with pytest.raises(InputError, match="'tag2text' has no blocks that are compiled; leave out compile"):
        ta.load("tiny", method="tag2text", compile=True)
