"""Compiled blocks: the masks of the others, one code for all blocks, refused in one line where it cannot be."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import tagalign as ta
from tagalign.backbones.load import load_backbone
from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError
from tagalign.ops import compiling

LABELS = ["car", "dog", "tree"]


@pytest.fixture
def traced(monkeypatch):
    """Graphs that were traced; they run as they are, which takes no compiler and no minute."""
    graphs, plain = [], torch.compile

    def kept(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(compiling, "missing_compiler", lambda device: "")
    monkeypatch.setattr(torch, "compile", lambda function, **_: plain(function, backend=kept))
    yield graphs
    torch._dynamo.reset()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_graph_serves_all_blocks_and_sizes_become_free(traced, precision):
    encoder = load_backbone("tiny", precision=precision, compile=True)
    plain = load_backbone("tiny", precision=precision)
    for side in (80, 64, 48):
        pixels = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(side))
        ours, theirs = (one.encode_dense(pixels, mode="clip").patches for one in (encoder, plain))
        assert torch.equal(ours, theirs)  # the same operations, traced and run one by one
    assert len(encoder.blocks) > 2
    assert len(traced) == 2, "one for the first size, one for all others"


def test_masks_are_the_same(traced):
    photo = Image.fromarray(TinyWorld(seed=1, split="test")[0].image)
    maps = []
    for compile_ in (False, True):
        model = ta.load("tiny", method="maskclip", compile=compile_)
        maps.append(np.asarray(model.segment(model.encode_image(photo), LABELS).labels))
    assert traced
    assert np.array_equal(*maps)


@pytest.mark.slow  # the compiler itself: minutes on a busy machine
@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
def test_compiled_code_gives_the_same_to_rounding(monkeypatch, tmp_path):
    monkeypatch.setenv(compiling.KEPT_IN, str(tmp_path))
    torch._dynamo.reset()
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    ours, theirs = (
        load_backbone("tiny", compile=one).encode_dense(pixels, mode="clip").patches for one in (True, False)
    )
    # float32 sums in another order, through a dozen layers
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert any(tmp_path.rglob("*")), "kept for the next run"
    torch._dynamo.reset()


def test_no_compiler_is_refused_before_the_first_photo(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"^compiling needs a C\+\+ compiler .* leave compile out$"):
        ta.load("tiny", compile=True)


def test_a_method_without_blocks_refuses_it():
    with pytest.raises(InputError, match="'tag2text' has no blocks that are compiled; leave out compile"):
        ta.load("tiny", method="tag2text", compile=True)
