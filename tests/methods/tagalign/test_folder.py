"""A trained projector on every dense mode: what it reads, with windows joined, gates and refinements on top."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.modes import DENSE_MODES
from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.dense.projector import Projector
from tagalign.methods.load import load_method
from tagalign.methods.tagalign.folder import TagAlignConfig, save_tagalign
from tagalign.ops.grid import map_to_tokens, tokens_to_map
from tagalign.tags.label_sets import label_set_of

LABELS = ["dog", "sky", "house"]


@pytest.fixture(scope="module")
def projector(backbone):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Projector.from_backbone(backbone, num_blocks=2)
        for block in made.blocks:
            torch.nn.init.constant_(block.gate, 0.5)
    return made.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clip_folder, backbone, projector):
    config = TagAlignConfig(
        backbone=str(clip_folder),
        backbone_hash=backbone.weight_hash,
        profile="paper",
        width=backbone.width,
        dim=backbone.embed_dim,
        num_blocks=2,
    )
    path = tmp_path_factory.mktemp("models") / "tagalign"
    save_tagalign(path, projector, config)
    return str(path)


@pytest.fixture
def photo():
    blocks = np.random.default_rng(5).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((56, 40), Image.Resampling.NEAREST)


@pytest.mark.parametrize("mode", DENSE_MODES)
def test_it_reads_the_patches_of_the_mode(folder, backbone, projector, photo, mode):
    method = load_method(folder, mode=mode, device="cpu")
    assert method.describe()["mode"] == mode
    canvas = method.canvas_rule.lay(photo, method.preprocessing)
    features = backbone.encode_dense(canvas.pixels[None], mode=mode)
    with torch.inference_mode():
        expected = map_to_tokens(projector(tokens_to_map(features.patches, features.grid)))[0]
    (view,) = method.encode_images([photo])[0].views
    # the same float32 operations on the same numbers
    torch.testing.assert_close(view.embeds, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["scclip", "pearl", "rcs"])
@pytest.mark.parametrize("options", [{"refine": "tlp"}, {"stitch": True}, {"stitch": True, "refine": "crf"}])
def test_refinements_and_joined_windows_work_on_top(folder, photo, mode, options):
    method = load_method(folder, mode=mode, device="cpu", **options)
    found = method.segment(
        method.encode_images([photo])[0], method.encode_labels(label_set_of(LABELS)), photo=photo
    )
    assert found.labels.shape == (photo.height, photo.width)
    assert found.scores.isfinite().all()
    assert {"mode": mode, **options}.items() <= method.describe().items()


@pytest.mark.parametrize("mode", ["scclip", "pearl", "rcs"])
def test_a_gate_in_front_lets_all_through(folder, photo, mode):
    gated = load_method(
        folder, method="gated", segmenter=f"tagalign:mode={mode}", threshold="top:3", device="cpu"
    )
    plain = load_method(folder, mode=mode, device="cpu")
    found, expected = (
        one.segment(one.encode_images([photo])[0], one.encode_labels(label_set_of(LABELS)))
        for one in (gated, plain)
    )
    assert torch.equal(found.labels, expected.labels)


def test_feedback_needs_labels_before_the_projector(folder):
    with pytest.raises(InputError, match="has no option 'feedback'"):
        load_method(folder, mode="rcs", feedback=True, device="cpu")


def test_a_mode_that_does_not_exist_is_refused(folder):
    with pytest.raises(UnknownNameError, match="sclap"):
        load_method(folder, mode="sclap", device="cpu")
