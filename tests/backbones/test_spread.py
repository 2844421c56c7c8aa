"""An encoder spread over two processes answers as a whole one does, and each process holds half of what is spread."""

import json
from pathlib import Path

import pytest
import torch
from forked_runs import run_two

from tagalign.backbones.load import load_backbone
from tagalign.backbones.spread import spread_encoder
from tagalign.errors import InputError
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.encoder_folders import make_encoder_folder

CHILD = Path(__file__).parent / "spread_run.py"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Of a CLIP, whose head is one matrix, and of a SigLIP, whose head is a network: what either process found."""
    out = tmp_path_factory.mktemp("spread")
    clip = make_clip_folder(out / "clip", width=32, layers=3, dim=16, image_size=32, text_layers=2)
    siglip = make_encoder_folder(out / "siglip", "siglip")
    run_two(CHILD.read_text(), out, clip, siglip, said=out)
    return [json.loads((out / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("family", [0, 1])
def test_answers_and_gradients_are_those_of_the_whole_encoder(found, family):
    for rank in (0, 1):
        # the same products of the same numbers: not a bit is lost on the way
        assert found[rank][family]["apart"] == dict.fromkeys(found[rank][family]["apart"], 0.0)


@pytest.mark.parametrize("family", [0, 1])
def test_each_process_holds_half_and_no_more_than_a_block_beside_it(found, family):
    for rank in (0, 1):
        row = found[rank][family]
        # what is gathered beside it at any time is less than a block
        assert row["own"] <= row["whole"] / 2 + row["block"]
    # nothing is lost: the parts, with what both hold, are the whole
    own = [found[rank][family]["own"] for rank in (0, 1)]
    assert sum(own) >= found[0][family]["whole"]


def test_broken_weights_are_named_by_who_holds_them(found):
    """And nobody waits for the others to look: a process that fails is alone."""
    for rank in (0, 1):
        assert "the weights of blocks.0.q.weight hold NaN" in found[rank][0]["broken"]


def test_an_encoder_that_cannot_be_spread_is_refused(tmp_path):
    clip = load_backbone(str(make_clip_folder(tmp_path / "clip", layers=1, text_layers=1)))
    clip.multiply_in("bf16")
    with pytest.raises(InputError, match="keeps a second copy of its weights in bf16"):
        spread_encoder(clip, torch.device("cpu"))
