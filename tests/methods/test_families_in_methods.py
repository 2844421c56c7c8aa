"""Every family of encoders through every method that needs no training, through search, and as the ground of TagAlign."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.errors import ModelError
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.load import load_method
from tagalign.methods.table import METHODS, training_free
from tagalign.methods.tagclip.crops import find_regions, masked_class_tokens
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.search.rankers import ranker_for
from tagalign.testing.encoder_folders import KINDS, make_encoder_folder

NAMES = ["a dog", "grass", "sky"]
# float32, batches of other shapes
TOL = {"rtol": 1e-4, "atol": 2e-5}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("families")
    return {kind: make_encoder_folder(root / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def opened(folders):
    """Each family opened once per method, when it is asked for."""
    methods = {}

    def get(kind, name):
        if (kind, name) not in methods:
            methods[kind, name] = load_method(str(folders[kind]), method=name, device="cpu")
        return methods[kind, name]

    return get


def pictures():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)) for h, w in ((44, 60), (70, 41))]


@pytest.mark.parametrize("name", training_free())
@pytest.mark.parametrize("kind", KINDS)
def test_it_tags_and_segments(kind, name, opened):
    method = opened(kind, name)
    labels = method.encode_labels(load_label_set(NAMES))
    encoded = method.encode_images(pictures())
    for image, photo in zip(encoded, pictures(), strict=True):
        tagging = method.tag(image, labels)
        assert all(0 <= score <= 1 for score in tagging.scores)
        assert tagging.chosen
        if "segment" in METHODS[name].can:
            found = method.segment(image, labels, photo=photo)
            assert found.labels.shape == (photo.height, photo.width)
            assert found.scores.isfinite().all()
    alone = method.tag(method.encode_images(pictures()[1:])[0], labels)
    np.testing.assert_allclose(alone.scores, method.tag(encoded[1], labels).scores, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_refers(kind, opened):
    method = opened(kind, "maskclip")
    found = method.refer(method.encode_images(pictures()[:1])[0], "the dog")
    assert found.mask.shape == (44, 60)


@pytest.mark.parametrize("kind", KINDS)
def test_search_embeds_photos_as_the_family_does(kind, opened):
    method = opened(kind, "maskclip")
    ranked = ranker_for(method).embed_photos(pictures())
    size = method.backbone.preprocessing.image_size
    for photo, row in zip(pictures(), ranked, strict=True):
        assert row.embed.norm().item() == pytest.approx(1, abs=1e-5)
        if method.backbone.preprocessing.squash:
            square = np.asarray(photo.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
            own = method.backbone.preprocessing
            pixels = (square / 255 - np.array(own.mean)) / np.array(own.std)
            tensor = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
            expected = torch.nn.functional.normalize(method.backbone.embed_images(tensor)[0], dim=0)
            torch.testing.assert_close(row.embed, expected, **TOL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_region_of_the_whole_crop_is_the_crop_itself(kind, opened):
    """With a mask that hides nothing, what looks at the region looks at everything: the family's image embedding."""
    backbone = opened(kind, "tagclip").backbone
    pixels = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    scores = torch.linspace(0, 1, 16)[:, None]
    regions = find_regions(scores, (4, 4), share=-1.0, native_grid=(4, 4), lose_last=False)
    (found,) = masked_class_tokens(backbone, [pixels], [regions], batch_size=4)
    torch.testing.assert_close(found, backbone.embed_images(pixels[None]), **TOL)


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_outside_of_a_region_counts_for_patches_alone(kind, opened):
    """One visible patch: SigLIP's pooling head gives exactly that patch's own embedding."""
    backbone = opened(kind, "tagclip").backbone
    pixels = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    scores = torch.zeros(16, 1)
    scores[[0, 5]] = 1.0  # a box of four patches, two of them visible
    regions = find_regions(scores, (4, 4), share=0.5, native_grid=(4, 4), lose_last=False)
    (found,) = masked_class_tokens(backbone, [pixels], [regions], batch_size=4)
    assert not torch.allclose(found, backbone.embed_images(pixels[None]), **TOL)
    assert found.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_tagalign_trains_on_it_and_opens_again(kind, folders, opened, tmp_path):
    from tagalign.data.feature_pairs import FeaturePairs, encode_images
    from tagalign.tags.vocabulary import TagLabels, TagVocabulary
    from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
    from tagalign.train.tagalign.training import train_tagalign

    backbone = opened(kind, "maskclip").backbone
    photos = [photo for _ in range(4) for photo in pictures()]
    pairs = FeaturePairs(
        store=encode_images(backbone, photos),
        images=np.arange(8),
        texts=backbone.encode_text(NAMES * 2 + NAMES[:2]),
        labels=TagLabels(np.arange(9, dtype=np.int64), np.array([0, 1] * 4, dtype=np.int32)),
        keys=[str(i) for i in range(8)],
    )
    vocabulary = TagVocabulary.of([("object", "dog", 4), ("object", "grass", 4)])
    data = TrainingPairs(pairs=pairs, vocabulary=vocabulary)
    train_tagalign(backbone, data, TagAlignPlan(steps=2, batch_size=4), out_dir=tmp_path)
    method = load_method(str(tmp_path), device="cpu")
    assert method.method == "tagalign"
    image = method.encode_images(pictures()[:1])[0]
    assert method.segment(image, method.encode_labels(load_label_set(NAMES))).labels.shape == (44, 60)


@pytest.mark.parametrize("kind", ["siglip", "tipsv2"])
def test_what_needs_one_class_row_says_so(kind, opened):
    from tagalign.methods.tag2text.image_encoders import ClipTokens
    from tagalign.methods.trusty.prompts import DeepPrompts

    backbone = opened(kind, "maskclip").backbone
    with pytest.raises(ModelError, match=r"Tag2Text reads one class token .* take a CLIP"):
        ClipTokens(backbone)
    with pytest.raises(ModelError, match=r"between a class row and the patches; .* take a CLIP"):
        DeepPrompts(32, patch_size=8, depth=8)(backbone, torch.zeros(1, 3, 32, 32))


def test_the_soft_gate_takes_any_family(folders):
    for folder in folders.values():
        method = load_method(str(folder), method="gated", gate="soft", device="cpu")
        image = method.encode_images(pictures()[:1])[0]
        assert method.segment(image, method.encode_labels(load_label_set(NAMES))).labels.shape == (44, 60)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_of_every_family(kind, tmp_path):
    pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    pytest.importorskip("onnxscript", reason="the onnx extra is not installed")
    import jaxtyping

    from tagalign.export.onnx import export_onnx

    # two layers: each is traced, optimised and written alike, at one second of processor
    folder = make_encoder_folder(tmp_path / "model", kind, vision={"num_hidden_layers": 2})
    method = DenseMethod(load_backbone(str(folder)), method="maskclip", mode="maskclip")
    jaxtyping.config.update("jaxtyping_disable", True)  # a traced graph has symbols where signatures say int
    try:
        report = export_onnx(method, tmp_path / "out", method.encode_labels(load_label_set(NAMES)))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    assert report.max_difference <= 1e-4
