"""TagCLIP end to end on a small random encoder: golden cases, batches, profiles, and images that break other code.

Holds ``methods/tagclip/encoder_pass.py``, ``methods/tagclip/image.py``, ``methods/tagclip/steps.py``,
``methods/tagclip/whole.py``.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tagalign.errors import InputError
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.options import build_options
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip import image as tagclip_image
from tagalign.methods.tagclip import steps
from tagalign.methods.tagclip.image import buckets, canvas_size
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.tagclip.presets import filled
from tagalign.methods.tagclip.profiles import layer_choice
from tagalign.methods.tagclip.steps import refine_scores
from tagalign.tags.label_sets import load_label_set

PARITY = Path(__file__).parents[2] / "parity"
GOLDEN = sorted(p for p in (PARITY / "golden" / "tagclip").iterdir() if (p / "weights.safetensors").exists())

# the same float32 numbers in batches of another size: a softmax at scale 100 multiplies a cosine's rounding by 100
BATCH = {"rtol": 1e-4, "atol": 1e-5}


def photo(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def tagger(backbone):
    return TagClip(backbone)


@pytest.fixture
def labels(tagger):
    return tagger.encode_labels(load_label_set("dog,cat,tree,red car,house", templates="1", background="voc"))


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda p: p.name)
def test_whole_method_gives_the_released_scores_and_tags(folder):
    from families.tagclip import Case

    case = Case(folder, load_file(folder / "outputs.safetensors"))
    steps = case.tagger.steps([case.encoded], case.labels)[0][0]
    # golden README: 1e-4, a softmax at scale 100
    torch.testing.assert_close(steps.final, case.stored["cwr.final"], rtol=0, atol=1e-4)
    assert steps.scores.candidates.tolist() == case.stored["cwr.candidates"].tolist()
    assert sorted(case.tagger.tag(case.encoded, case.labels).chosen) == case.stored["tags.ids"].tolist()


@pytest.mark.parametrize("profile", ["fixed", "released", "paper"])
def test_batch_equals_one_by_one_for_images_of_any_sizes(backbone, profile):
    tagger = TagClip(
        backbone, TagClipOptions(profile=profile), resources=Resources(batch_size=2, crop_batch=3)
    )
    labels = tagger.encode_labels(load_label_set("dog,cat,tree", templates="1", background="voc"))
    images = [photo(40, 56, 1), photo(33, 47, 2), photo(40, 56, 3), photo(64, 24, 4)]
    together = tagger.tag_batch(tagger.encode_images(images), labels)
    for image, tagging in zip(images, together, strict=True):
        alone = tagger.tag(tagger.encode_images([image])[0], labels)
        np.testing.assert_allclose(tagging.scores, alone.scores, **BATCH)


def test_label_order_does_not_matter(tagger):
    image = tagger.encode_images([photo(48, 48)])[0]
    names = ["dog", "cat", "tree"]
    forth = tagger.tag(image, tagger.encode_labels(load_label_set(names, templates="1")))
    back = tagger.tag(image, tagger.encode_labels(load_label_set(names[::-1], templates="1")))
    assert dict(zip(forth.names, forth.scores, strict=True)) == pytest.approx(
        dict(zip(back.names, back.scores, strict=True)), abs=1e-5
    )


def test_released_loses_what_the_border_shows_and_fixed_does_not(backbone):
    released, fixed = TagClip(backbone, TagClipOptions(profile="released")), TagClip(backbone)
    scores = torch.zeros(12, 2)
    scores[11, 0] = scores[0, 1] = 1.0  # last patch of a 3 x 4 grid, and the first
    both = torch.tensor([0, 1])
    lost = released.find_regions(scores, (3, 4), both)
    assert not lost.filled().any()  # the first candidate's box is empty, which ends the release's loop
    kept = fixed.find_regions(scores, (3, 4), both)
    assert kept.boxes.tolist() == [[3, 2, 4, 3], [0, 0, 1, 1]]
    assert kept.masks.flatten(1).all()


@pytest.mark.parametrize("profile", ["fixed", "released", "paper"])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (8, 8), (1, 300), (40, 40)])
def test_constant_and_tiny_images_give_finite_scores(backbone, profile, size):
    tagger = TagClip(backbone, TagClipOptions(profile=profile))
    labels = tagger.encode_labels(load_label_set("dog,cat", templates="1"))
    tagging = tagger.tag(tagger.encode_images([Image.new("RGB", size[::-1], "grey")])[0], labels)
    assert all(0 <= score <= 1 for score in tagging.scores)
    assert tagging.chosen


def test_one_label_alone_is_chosen(tagger):
    labels = tagger.encode_labels(load_label_set("dog", templates="1"))
    tagging = tagger.tag(tagger.encode_images([photo(32, 32)])[0], labels)
    assert tagging.tags == ("dog",)
    assert np.isfinite(tagging.scores).all()


def test_groups_score_labels_apart(backbone):
    from dataclasses import replace

    from tagalign.labels import Label

    tagger = TagClip(backbone)
    plain = load_label_set("dog,cat,animal,plant", templates="1")
    grouped = replace(
        plain, labels=tuple(Label(name=n, group=g) for n, g in zip(plain.names, "kkff", strict=True))
    )
    image = tagger.encode_images([photo(32, 40)])[0]
    chosen = tagger.tag(image, tagger.encode_labels(grouped)).tags
    assert {"dog", "cat"} & set(chosen)
    assert {"animal", "plant"} & set(chosen)


def test_steps_of_the_paper_can_be_left_out(backbone, labels):
    image = photo(48, 40)
    found = {}
    for dmar in (True, False):
        for cwr in (True, False):
            tagger = TagClip(backbone, TagClipOptions(dual_masking=dmar, reidentify=cwr))
            found[dmar, cwr] = tagger.tag(tagger.encode_images([image])[0], labels).scores
    assert len(set(found.values())) == 4
    coarse = TagClip(backbone, TagClipOptions(dual_masking=False, reidentify=False))
    encoded = coarse.encode_images([image])[0]
    probs = (
        backbone.logit_scale
        * torch.nn.functional.normalize(encoded.embeds, dim=1)
        @ torch.cat([labels.embeds, labels.background]).T
    ).softmax(dim=1)
    assert found[False, False] == pytest.approx(probs[:, :5].amax(dim=0).tolist(), abs=1e-6)


def test_weight_of_the_local_scores(backbone, labels):
    image = photo(48, 40)
    by_weight = {}
    for weight in (0.0, 0.5, 1.0):
        tagger = TagClip(backbone, TagClipOptions(local_weight=weight))
        by_weight[weight] = np.array(tagger.tag(tagger.encode_images([image])[0], labels).scores)
    np.testing.assert_allclose(by_weight[0.5], (by_weight[0.0] + by_weight[1.0]) / 2, atol=1e-6)
    assert not np.allclose(by_weight[0.0], by_weight[1.0])


def test_number_of_second_looks_can_be_limited(backbone, labels):
    image = photo(48, 40)
    tagger = TagClip(backbone, TagClipOptions(candidate_share=0.0, max_candidates=2))
    steps = tagger.steps(tagger.encode_images([image]), labels)[0][0]
    best = steps.scores.local.topk(2).indices.sort().values
    assert steps.scores.candidates.tolist() == best.tolist()


def test_images_of_another_method_are_refused(tagger, labels, backbone):
    other = TagClip(backbone, method="cls-seg").encode_images([photo(32, 32)])[0]
    with pytest.raises(InputError, match="encoded for method 'cls-seg', this is 'tagclip'"):
        tagger.tag(other, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"profile": "releasd"}, "takes paper, released or fixed, got 'releasd'"),
        ({"candidate_share": 1.5}, "candidate_share: expected a number from 0 to 1, got 1.5"),
        ({"refine_layers": (8,)}, r"refine layers: expected some of 0 to 7, got \[8\]"),
        ({"min_votes": 9}, "expected 0 to 8"),
        ({"threshold": "best"}, "unknown threshold"),
    ],
)
def test_wrong_settings_are_refused(backbone, settings, message):
    with pytest.raises(InputError, match=message):
        TagClip(backbone, build_options(TagClipOptions, settings, method="tagclip"))


def test_layers_of_the_papers_at_twelve_and_at_other_depths():
    def layers(depth):
        given = filled(ClsSegOptions())
        return layer_choice(depth, refine=given.refine_layers, affinity=given.affinity_layers)

    twelve = layers(12)
    assert twelve.refine == (8, 9, 10)
    assert twelve.affinity == tuple(range(4, 12))
    assert twelve.min_votes == 4
    assert layers(24).min_votes == 8
    assert layers(24).refine == tuple(range(16, 23))
    assert layers(24).affinity == tuple(range(8, 24))
    for depth in (1, 2, 3, 5):
        assert layers(depth).refine
        assert layers(depth).affinity


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((375, 500), None, (384, 512)),
        ((1, 1), None, (16, 16)),
        ((375, 500), 224, (224, 304)),
        ((224, 224), None, (224, 224)),
    ],
)
def test_sizes_are_rounded_up_to_whole_patches(size, short_side, expected):
    assert canvas_size(size, patch_size=16, short_side=short_side, max_patches=4096) == expected


@pytest.mark.parametrize("size", [(4000, 6000), (1, 100_000), (100_000, 3), (20_000, 20_000)])
def test_large_images_are_shrunk_to_the_budget(size):
    height, width = canvas_size(size, patch_size=16, short_side=None, max_patches=1000)
    assert height * width <= 1000 * 16**2
    assert height >= 16
    assert width >= 16


def test_buckets_hold_one_size_and_respect_the_budget():
    sizes = [(32, 32), (32, 64), (32, 32), (32, 32), (512, 512)]
    batches = buckets(sizes, batch_size=2, max_cells=1000, patch_size=8)
    assert sorted(i for batch in batches for i in batch) == [0, 1, 2, 3, 4]
    assert all(len({sizes[i] for i in batch}) == 1 and len(batch) <= 2 for batch in batches)
    assert [4] in batches


def test_wide_activations_make_smaller_batches_on_a_cpu(backbone, monkeypatch):
    hidden = backbone.mlp_width
    monkeypatch.setattr(tagclip_image, "CPU_NUMBERS", 2 * 16 * hidden)
    assert tagclip_image.pass_limit(backbone, 16) == 2
    assert tagclip_image.pass_limit(backbone, 10_000) == 1
    sizes = [(32, 32)] * 5
    batches = buckets(
        sizes,
        batch_size=8,
        max_cells=10**9,
        patch_size=8,
        limit=lambda n: tagclip_image.pass_limit(backbone, n),
    )
    assert [len(batch) for batch in batches] == [2, 2, 1]


def test_thousands_of_labels_stay_bounded(backbone):
    from tagalign.labels import Label, LabelSet
    from tagalign.types import EncodedLabels

    count = 5000
    rows = torch.nn.functional.normalize(
        torch.randn(count, backbone.embed_dim, generator=torch.Generator().manual_seed(0)), dim=1
    )
    labels = EncodedLabels(
        method="tagclip",
        label_set=LabelSet(name="many", labels=tuple(Label(name=str(i)) for i in range(count))),
        embeds=rows,
        owners=torch.arange(count),
        background=rows[:0],
    )
    tagger = TagClip(backbone, TagClipOptions(max_candidates=4))
    tagging = tagger.tag(tagger.encode_images([photo(64, 64)])[0], labels)
    assert len(tagging.scores) == count
    assert np.isfinite(tagging.scores).all()


def test_released_rounds_resized_positions_only(backbone):
    native = torch.zeros(1, 3, 32, 32)
    larger = torch.zeros(1, 3, 40, 32)
    for pixels, same in ((native, True), (larger, False)):
        plain, _ = backbone.embed_patches(pixels, positions="bilinear")
        rounded, _ = backbone.embed_patches(pixels, positions="bilinear", round_positions=True)
        assert torch.equal(plain, rounded) == same


def test_columns_are_refined_some_at_a_time_to_the_same_scores(monkeypatch):
    """A column does not see others; products of other widths may round otherwise."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(20, 7, generator=generator)
    attention = torch.rand(20, 20, generator=generator)
    for boxes in (True, False):
        settings = {"boxes": boxes, "lose_last": True}
        whole = refine_scores(coarse, attention, (4, 5), **settings)
        with monkeypatch.context() as patch:
            patch.setattr(steps, "COLUMNS", 3)
            some = refine_scores(coarse, attention, (4, 5), **settings)
        # float32 sums of 20 products below 20
        torch.testing.assert_close(some, whole, rtol=0, atol=2e-5)
        assert refine_scores(coarse[:, :0], attention, (4, 5), **settings).shape == (20, 0)
