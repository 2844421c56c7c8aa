"""RCS with feedback: the labels finish an image, as the halves of the mode say, and other questions are refused."""

import pytest
import torch
from PIL import Image

from tagalign.backbones.modes.rcs import Rcs, steps
from tagalign.backbones.stream import Stream
from tagalign.errors import InputError
from tagalign.methods.dense.feedback import FirstLook, first_look, second_pass
from tagalign.methods.load import load_method
from tagalign.ops.feedback import PATHS, feedback_map, score_bias
from tagalign.tags.label_sets import label_set_of

LABELS = label_set_of(["dog", "red car", "grass"])


@pytest.fixture
def start(backbone):
    pixels = torch.randn(1, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    x, grid = backbone.embed_patches(pixels)
    mode = Rcs(feedback=True)
    return mode, steps.start(Stream(backbone.blocks, x))[0], grid, pixels[0]


def names(backbone):
    rows = torch.randn(3, backbone.embed_dim, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.normalize(rows, dim=-1)


def test_the_second_pass_is_the_softmax_of_the_mixed_scores(backbone, start):
    """The score formula with its map written out, on labels that lie in three pieces."""
    mode, begun, grid, _ = start
    labels = torch.arange(grid[0] * grid[1]).view(grid) % 3
    look = FirstLook(dense=begun.x, cosines=torch.zeros(3, *grid), patches=labels)
    weight, gain = mode.feedback_weight, mode.feedback_gain
    f = score_bias(feedback_map(labels, PATHS["component"](labels)), weight=1.0, halves=False)
    block = backbone.blocks[-1]
    _, k, v = block.qkv(block.norm1(begun.x))
    base = k @ k.transpose(2, 3) / k.shape[-1] ** 0.5
    cells = [(i // grid[1], i % grid[1]) for i in range(grid[0] * grid[1])]
    near = torch.tensor([[-((a - c) ** 2 + (b - d) ** 2) / 50 for c, d in cells] for a, b in cells]).exp()
    own, plane = torch.zeros_like(base), torch.zeros_like(base)
    own[..., 1:, 1:], plane[..., 1:, 1:] = f, near
    maps = (gain * ((1 - weight) * base + weight * own) + plane).softmax(dim=-1)
    earlier = torch.stack(
        [(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1) for q, k in begun.earlier]
    )
    mixed = block.out(mode.gain * (0.7 * maps + 0.3 * earlier.mean(dim=0)) @ v)
    found = second_pass(backbone, mode, begun, grid, look, halves=False)
    torch.testing.assert_close(found, mixed, rtol=1e-4, atol=2e-5)  # float32, fused attention


def test_unsure_pixels_count_as_the_first_name_or_as_none(backbone, start):
    _, begun, grid, pixels = start
    for unsure, expected in (("first", 0), ("apart", 3)):
        mode = Rcs(feedback=True, feedback_threshold=1.0, feedback_unsure=unsure)
        assert (first_look(backbone, mode, begun, grid, pixels, names(backbone)).patches == expected).all()


def test_paths_differ_where_a_label_lies_in_two_pieces(backbone, start):
    _, begun, grid, _ = start
    labels = torch.zeros(grid, dtype=torch.long)
    labels[:, 3] = 1
    look = FirstLook(dense=begun.x, cosines=torch.zeros(2, *grid), patches=labels)
    dense = [
        second_pass(backbone, Rcs(feedback=True, feedback_path=path), begun, grid, look, halves=False)
        for path in ("component", "none")
    ]
    assert not torch.allclose(*dense)


def test_masks_and_maps_finish_and_tags_and_phrases_are_refused(clip_folder, photo):
    method = load_method(str(clip_folder), method="rcs", feedback=True)
    labels = method.encode_labels(LABELS)
    images = method.encode_images([photo, Image.new("RGB", (30, 50), "grey")])
    for image, size in zip(images, [(44, 60), (50, 30)], strict=True):
        found = method.segment(image, labels)
        assert found.labels.shape == size
        assert found.scores.isfinite().all()
    torch.testing.assert_close(
        method.heat_maps(images[0], labels).amax(dim=0), method.segment(images[0], labels).scores
    )
    with pytest.raises(InputError, match="it cannot tag"):
        method.tag(images[0], labels)
    with pytest.raises(InputError, match="it cannot refer"):
        method.refer(images[0], "a dog")


def test_feedback_and_stitch_exclude_each_other(clip_folder):
    with pytest.raises(InputError, match="leave one of both out"):
        load_method(str(clip_folder), method="rcs", feedback=True, stitch=True, window=32)
