"""More than 255 classes: 16-bit masks, 65535 for pixels that are not counted, and 255 a class like any other."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.data.trusty.augment import Augmentation, is_varied
from tagalign.data.trusty.sources import BenchmarkSource, ClassSplit, own_masks
from tagalign.errors import DataError, InputError
from tagalign.evaluate.segmentation import Confusion
from tagalign.export.masks import save_mask
from tagalign.labels import Label, LabelSet
from tagalign.ops.mask_losses import MaskLossForm, MaskLossWeights, segmentation_losses
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.targets import hide_labels, mask_labels, pseudo_labels, trusty_target
from tagalign.train.trusty.trainee import MaskData
from tagalign.train.trusty.training import train_trusty

NAMES = tuple(f"thing {i}" for i in range(300))
SPLIT = ClassSplit(names=NAMES, unseen=(7, 256))
IGNORED = 65_535
LABELS = torch.tensor([[[0, 254, 255, 7], [256, 257, 299, IGNORED]]])


def test_a_class_may_have_the_id_255():
    assert (SPLIT.ignored, ClassSplit(names=NAMES[:255]).ignored) == (IGNORED, 255)
    with pytest.raises(InputError, match="at most 65535 classes"):
        ClassSplit(names=tuple(map(str, range(65_536))))


def test_labels_of_a_step_match_a_plain_loop():
    seen, unseen = SPLIT.seen, SPLIT.unseen
    flat = LABELS.flatten().tolist()
    found = mask_labels(LABELS, seen, ignored=IGNORED).flatten().tolist()
    assert found == [seen.index(i) if i in seen else IGNORED for i in flat]
    for kind in ("strict", "paper"):
        target = trusty_target(LABELS, seen, unseen, kind=kind, ignored=IGNORED).flatten().tolist()
        assert target == [i not in seen if kind == "strict" else i in unseen for i in flat]
        hidden = hide_labels(LABELS, seen, unseen, kind=kind, ignored=IGNORED)
        assert hidden.flatten().tolist() == [
            i if i in seen else (-1 if t else IGNORED) for i, t in zip(flat, target, strict=True)
        ]
        logits = torch.randn(1, 300, 2, 4, generator=torch.Generator().manual_seed(0))
        expected = []
        for place, value in enumerate(hidden.flatten().tolist()):
            scores = {i: logits[0, i].flatten()[place].item() for i in unseen}
            best = max(scores, key=scores.get)
            given = best if torch.tensor(scores[best]).sigmoid() >= 0.5 else IGNORED
            expected.append(given if value == -1 else value)
        found = pseudo_labels(logits, hidden, unseen, min_score=0.5, ignored=IGNORED)
        assert found.flatten().tolist() == expected
    assert IGNORED in expected


def test_crops_count_class_255_and_pad_with_the_wide_id():
    labels = np.array([[255, 255, 3, 3]])
    assert is_varied(labels, 0.75, ignored=IGNORED)
    assert not is_varied(labels, 0.75), "with 255 ignored one class is left"
    assert not is_varied(np.array([[255, 255, IGNORED, IGNORED]]), 0.75, ignored=IGNORED)
    augment = Augmentation(crop=8, scale=(0.5, 0.5), flip=0.0, colors=0.0)
    sample = augment(
        np.zeros((4, 4, 3), np.uint8), np.full((4, 4), 255), np.random.default_rng(0), ignored=IGNORED
    )
    assert set(sample.labels[sample.is_padding].tolist()) == {IGNORED}
    assert set(sample.labels[~sample.is_padding].tolist()) == {255}


@pytest.mark.parametrize("ignored", ["released", "masked"])
def test_the_order_of_classes_is_only_an_order(ignored):
    """Class 255 trained as class 255, and the same pixels with it at place 0: the same losses."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 300, 4, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(250, 260, (2, 4, 4), generator=generator)
    labels[0, 0] = IGNORED
    order = [255, *range(255), *range(256, 300)]
    place = {old: new for new, old in enumerate(order)} | {IGNORED: IGNORED}
    moved = torch.tensor([place[i] for i in labels.flatten().tolist()]).view_as(labels)
    form, weights = MaskLossForm(ignored=ignored, ignored_id=IGNORED), MaskLossWeights(cls=1.0)
    first = segmentation_losses(logits, None, labels, form=form, weights=weights)
    other = segmentation_losses(logits[:, order], None, moved, form=form, weights=weights)
    assert {k: v.item() for k, v in first.items()} == pytest.approx(
        {k: v.item() for k, v in other.items()},
        rel=1e-6,  # targets and their sums are float32
    )
    narrow = segmentation_losses(logits, None, labels, form=MaskLossForm(ignored=ignored), weights=weights)
    assert (first["mask"] != narrow["mask"]) == (ignored == "masked")


@pytest.fixture
def folders(tmp_path):
    """Two photos of 16 pixels with 16-bit masks of 300 classes."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / f"images/{name}.png")
        ids = np.full((16, 16), IGNORED, np.uint16)
        ids[:8], ids[8:12], ids[12:, :8] = 255, 299, 7
        Image.fromarray(ids).save(tmp_path / f"masks/{name}.png")
    return tmp_path


@pytest.mark.parametrize("setting", ["inductive", "transductive", "supervised"])
def test_own_masks_of_16_bits_train_segment_and_score(tmp_path, folders, setting):
    sizes = {"width": 16, "layers": 2, "dim": 8, "image_size": 16, "text_layers": 1}
    clip = load_backbone(str(make_clip_folder(tmp_path / "clip", **sizes)))
    names = LabelSet(name="own", labels=tuple(Label(name=name) for name in NAMES))
    data = own_masks(folders / "images", folders / "masks", names)
    assert (data.ignore, set(np.unique(data.target(0)).tolist())) == (IGNORED, {7, 255, 299, IGNORED})
    plan = TrustyPlan(
        steps=2,
        batch_size=2,
        warmup=1,
        num_prompts=2,
        hidden=16,
        setting=setting,
        augmentation=Augmentation(crop=16),
        ignored="masked",
    )
    model = train_trusty(clip, MaskData(source=BenchmarkSource(data), split=SPLIT), plan)
    found = model.segment(model.encode_images([data.image(0)])[0], model.encode_labels(names))
    save_mask(tmp_path / "mask.png", found.labels, len(NAMES))
    with Image.open(tmp_path / "mask.png") as image:
        assert image.mode == "I;16"
        stored = torch.from_numpy(np.asarray(image).astype(np.int64))
    assert torch.equal(stored, found.labels)
    confusion = Confusion(len(NAMES), ignore=data.ignore)
    confusion.update(stored, torch.from_numpy(data.target(0)))
    assert int(confusion.matrix.sum()) == 16 * 12 + 4 * 8
    assert int(confusion.matrix[255].sum()) == 8 * 16


def test_an_id_above_the_classes_is_named(folders):
    names = LabelSet(name="own", labels=tuple(Label(name=name) for name in NAMES[:290]))
    with pytest.raises(DataError, match=r"holds id 299, .* 0 to 289 and 65535"):
        own_masks(folders / "images", folders / "masks", names).target(0)
