"""Dense segmentation, tagging and referring against plain loops, and laws of batches and chunks.

Holds ``methods/dense/encoding.py``, ``methods/dense/settling.py`` and ``methods/dense/projector.py``.
"""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.errors import InputError, UnknownNameError
from tagalign.labels import Label, LabelSet
from tagalign.methods.dense import score_maps
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions, TagAlignOptions
from tagalign.methods.dense.profiles import PROFILES, dense_profile
from tagalign.methods.dense.projector import Projector, pool
from tagalign.methods.options import build_options
from tagalign.tags.label_sets import label_set_of

NAMES = label_set_of(["dog", "red car", "grass"])


def build(backbone, *, method="maskclip", mode="maskclip", projector=None, **options):
    kind = DenseOptions if projector is None else TagAlignOptions
    given = build_options(kind, options, method=method)
    return DenseMethod(backbone, given, method=method, mode=mode, projector=projector)


@pytest.fixture
def projector(backbone):
    torch.manual_seed(0)
    made = Projector.from_backbone(backbone)
    for block in made.blocks:
        torch.nn.init.constant_(block.gate, 0.3)
    return made


def test_paper_order_is_cosine_upsample_sigmoid(backbone, photo):
    method = build(backbone)
    image, labels = method.encode_images([photo])[0], method.encode_labels(NAMES)
    view = image.views[0]
    maps = []
    for name in labels.embeds:
        cosine = torch.stack([F.cosine_similarity(patch, name, dim=0) for patch in view.embeds])
        up = F.interpolate(
            cosine.view(1, 1, *view.grid), size=(44, 60), mode="bilinear", align_corners=False
        )[0, 0]
        maps.append(1 / (1 + torch.exp(-(10 * up - 2.5))))
    expected = torch.stack(maps)
    found = method.segment(image, labels)
    # float32 cosines
    torch.testing.assert_close(found.scores, expected.amax(dim=0), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(method.heat_maps(image, labels), expected, rtol=1e-5, atol=1e-6)
    assert method.heat_maps(image, labels, size=(11, 15)).shape == (len(expected), 11, 15)
    assert found.labels.shape == (44, 60)


def test_chunks_of_labels_give_the_same_map(backbone, photo, monkeypatch):
    method = build(backbone)
    labels = method.encode_labels(label_set_of([f"thing {i}" for i in range(13)]))
    image = method.encode_images([photo])[0]
    whole = method.segment(image, labels)
    monkeypatch.setattr(score_maps, "CACHE_BUDGET", 3 * 44 * 60)
    parts = method.segment(image, labels)
    assert torch.equal(whole.labels, parts.labels)
    torch.testing.assert_close(whole.scores, parts.scores)  # another size of matrix product


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_batch_equals_one_by_one(backbone, projector, photo, profile):
    method = build(backbone, method="tagalign", mode="surgery", profile=profile, projector=projector)
    photos = [photo, photo.transpose(Image.Transpose.ROTATE_90), photo.resize((90, 40))]
    labels = method.encode_labels(NAMES)
    together = [method.segment(image, labels) for image in method.encode_images(photos)]
    alone = [method.segment(method.encode_images([p])[0], labels) for p in photos]
    for a, b in zip(together, alone, strict=True):
        # batched matrix products round differently in the last bits
        torch.testing.assert_close(a.scores, b.scores, rtol=1e-5, atol=1e-6)


def test_background_is_where_the_best_is_at_most_the_threshold(backbone, photo):
    plain = build(backbone)
    labels = plain.encode_labels(NAMES)
    scores = plain.segment(plain.encode_images([photo])[0], labels)
    level = scores.scores.median().item()
    method = build(backbone, background_rule=True, background_threshold=level)
    found = method.segment(method.encode_images([photo])[0], labels)
    assert found.names == ("background", *NAMES.names)
    expected = torch.where(scores.scores > level, scores.labels + 1, 0)
    assert torch.equal(found.labels, expected)
    assert 0 < (found.labels == 0).float().mean() < 1


def test_an_alias_scores_for_its_label(backbone, photo):
    labels = LabelSet(name="x", labels=(Label(name="dog", aliases=("car",)), Label(name="grass")))
    method = build(backbone, use_aliases=True)
    image = method.encode_images([photo])[0]
    separate = build(backbone).encode_labels(label_set_of(["dog", "grass", "car"]))
    maps = method.heat_maps(image, separate)
    found = method.heat_maps(image, method.encode_labels(labels))
    # the sigmoid is increasing, so the best alias of the cosines is the best of the maps; bilinear mixes patches,
    # therefore only a bound holds between the patches
    assert (found[0] >= torch.maximum(maps[0], maps[2]) - 1e-6).all()
    torch.testing.assert_close(found[1], maps[1])


def test_released_profile_mixes_both_heads(backbone, projector, photo):
    labels_of = {}
    for weight in (0.0, 0.3, 1.0):
        options = {"profile": "released", "clip_weight": weight, "projector": projector}
        method = build(backbone, method="tagalign", mode="surgery", **options)
        labels_of[weight] = method.heat_maps(method.encode_images([photo])[0], method.encode_labels(NAMES))
    torch.testing.assert_close(labels_of[0.3], 0.7 * labels_of[0.0] + 0.3 * labels_of[1.0])


def test_new_projector_equals_the_frozen_head(backbone, photo):
    baseline = build(backbone, method="surgery", mode="surgery")
    fresh = build(backbone, method="tagalign", mode="surgery", projector=Projector.from_backbone(backbone))
    a, b = (m.segment(m.encode_images([photo])[0], m.encode_labels(NAMES)) for m in (baseline, fresh))
    torch.testing.assert_close(a.scores, b.scores)


def test_parameter_count_at_vit_b16():
    with torch.device("meta"):
        projector = Projector(width=768, dim=512)
    blocks = sum(p.numel() for p in projector.blocks.parameters())
    total = sum(p.numel() for p in projector.parameters())
    assert (blocks, total - blocks) == (21_242_884, 394_752)  # measured on the released modules


def test_pooling_is_the_mean_of_patches():
    embeds = torch.randn(2, 5, 3, 4)
    loop = torch.stack([sum(embeds[:, :, r, c] for r in range(3) for c in range(4)) / 12])[0]
    torch.testing.assert_close(pool(embeds), loop)


def test_tags_are_the_best_patch_of_a_softmax(backbone, photo):
    method = build(backbone)
    labels = replace(NAMES, background=("sky",))
    image, encoded = method.encode_images([photo])[0], method.encode_labels(labels)
    tagging = method.tag(image, encoded)
    best = [0.0, 0.0, 0.0]
    for patch in image.views[0].embeds:
        rows = torch.cat([encoded.embeds, encoded.background])
        logits = [method.logit_scale * F.cosine_similarity(patch, row, dim=0).item() for row in rows]
        total = sum(math.exp(v - max(logits)) for v in logits)
        best = [max(b, math.exp(v - max(logits)) / total) for b, v in zip(best, logits, strict=False)]
    assert tagging.scores == pytest.approx(best, rel=1e-4)  # float32 at scale 100 or less
    assert tagging.top(1)[0][0] == tagging.tags[0]


def test_a_single_label_is_chosen(backbone, photo):
    method = build(backbone)
    tagging = method.tag(method.encode_images([photo])[0], method.encode_labels(label_set_of(["dog"])))
    assert tagging.tags == ("dog",)


def test_referring_box_holds_the_mask(backbone, photo):
    method = build(backbone)
    found = method.refer(method.encode_images([photo])[0], "the red thing on the left")
    left, top, right, bottom = found.box
    assert found.mask[top:bottom, left:right].sum() == found.mask.sum() > 0
    assert found.mask.any(dim=1).nonzero().flatten()[[0, -1]].tolist() == [top, bottom - 1]
    assert (found.heat.min().item(), found.heat.max().item()) == (0.0, 1.0)


def test_a_constant_image_gives_an_empty_region_and_no_nan(backbone):
    class Flat(DenseMethod):
        def _embed(self, pixels):
            grid, embeds = super()._embed(pixels)
            return grid, [torch.ones_like(e) for e in embeds]

    method = Flat(backbone, method="clip", mode="clip")
    found = method.refer(method.encode_images([Image.new("RGB", (40, 40))])[0], "dog")
    assert found.box is None
    assert not found.mask.any()
    assert found.heat.isfinite().all()


def test_an_image_of_another_method_is_refused(backbone, photo):
    image = build(backbone).encode_images([photo])[0]
    other = build(backbone, method="clip", mode="clip")
    with pytest.raises(InputError, match="encoded for method 'maskclip', this is 'clip'"):
        other.segment(image, other.encode_labels(NAMES))


def test_pamr_needs_the_photo(backbone, photo):
    method = build(backbone, refine="pamr")
    image, labels = method.encode_images([photo])[0], method.encode_labels(NAMES)
    with pytest.raises(InputError, match="pass photo="):
        method.segment(image, labels)
    assert method.segment(image, labels, photo=photo).labels.shape == (44, 60)


def test_unknown_names(backbone):
    with pytest.raises(InputError, match="option 'refine' takes none, crf, pamr or tlp, got 'pamrr'"):
        build(backbone, refine="pamrr")
    with pytest.raises(UnknownNameError, match="unknown profile 'papr'"):
        dense_profile("papr")


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (61, 7)])
def test_extreme_sizes_get_a_map_of_their_own_size(backbone, size):
    method = build(backbone, profile="fixed")
    photo = Image.new("RGB", (size[1], size[0]), "green")
    found = method.segment(method.encode_images([photo])[0], method.encode_labels(NAMES))
    assert tuple(found.labels.shape) == size
