"""The class-token taggers against CLIP's own embedding of an image and a plain loop.

Holds ``methods/class_token/options.py``, ``methods/class_token/build.py``.
"""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.cli.main import main
from tagalign.cli.verbs.methods import page
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods.class_token.method import ClassToken
from tagalign.methods.load import load_method
from tagalign.methods.table import background_words_act

LABELS = LabelSet(
    name="custom",
    labels=(Label(name="dog", aliases=("puppy",)), Label(name="sky"), Label(name="house")),
    background=("wall", "sand"),
)
# float32: a softmax at scale 100 multiplies the rounding of a cosine (1e-7) by 100
TOL = {"rel": 1e-4, "abs": 1e-5}


def photo(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def cosines(method, labels):
    """Of the native-size photo and each word, in plain loops; the best of a label's words counts."""
    side = method.backbone.preprocessing.image_size
    pixels = method.lay(photo(side, side))[None]
    own = method.backbone.embed_images(pixels)[0].tolist()
    encoded = method.encode_labels(labels)
    rows = [cosine(own, row) for row in encoded.embeds.tolist()]
    best = [max(r for r, o in zip(rows, encoded.owners.tolist(), strict=True) if o == i) for i in range(3)]
    return best, [cosine(own, row) for row in encoded.background.tolist()]


def tags(method, labels=LABELS):
    side = method.backbone.preprocessing.image_size
    (image,) = method.encode_images([photo(side, side)])
    return method.tag(image, method.encode_labels(labels))


def test_the_softmax_runs_over_labels_and_background_words(backbone):
    method = ClassToken(backbone)
    best, words = cosines(method, LABELS)
    powers = [math.exp(backbone.logit_scale * c) for c in (*best, *words)]
    assert list(tags(method).scores) == pytest.approx([p / sum(powers) for p in powers[:3]], **TOL)


def test_logits_score_each_label_by_itself(backbone):
    method = ClassToken(backbone, method="clip-cls-logits")
    best, _ = cosines(method, LABELS)
    assert list(tags(method).scores) == pytest.approx([(1 + c) / 2 for c in best], **TOL)
    alone = LabelSet(name="one", labels=LABELS.labels[1:2])
    assert tags(method, alone).scores[0] == pytest.approx(tags(method).scores[1], abs=1e-6)


def test_a_label_that_loses_to_its_negative_scores_nothing(backbone):
    for name in ("clip-cls", "clip-cls-logits"):
        # the same word against itself ties, which is the label's; another one wins for one of the two
        pair = [
            LabelSet(name="x", labels=(Label(name=a, negatives=(b,)), Label(name="house")))
            for a, b in (("dog", "sky"), ("sky", "dog"))
        ]
        method = ClassToken(backbone, method=name)
        assert sorted(tags(method, one).scores[0] > 0 for one in pair) == [False, True]


def test_a_batch_of_any_sizes_equals_one_by_one(backbone):
    method = ClassToken(backbone)
    photos = [photo(40, 56), photo(33, 70, seed=1), photo(40, 56, seed=2)]
    together = method.encode_images(photos)
    for one, whole in zip(photos, together, strict=True):
        assert whole.size == (one.height, one.width)
        torch.testing.assert_close(
            whole.embed, method.encode_images([one])[0].embed, rtol=1e-4, atol=1e-5
        )  # batches of other shapes


def test_groups_compete_by_themselves(backbone):
    grouped = LabelSet(
        name="g",
        labels=tuple(Label(name=n, group=g) for n, g in (("dog", "a"), ("cat", "a"), ("sky", "b"))),
    )
    scores = tags(ClassToken(backbone), grouped).scores
    assert scores[0] + scores[1] == pytest.approx(1, abs=1e-5)
    assert scores[2] == pytest.approx(1, abs=1e-5)


def test_values_of_another_method_are_refused(clip_folder):
    own, other = (load_method(str(clip_folder), method=name) for name in ("clip-cls", "clip-cls-logits"))
    (image,) = own.encode_images([photo(40, 40)])
    with pytest.raises(InputError, match="encoded for method 'clip-cls', this is 'clip-cls-logits'"):
        other.tag(image, other.encode_labels(LABELS))


def test_both_are_methods_like_the_others():
    assert "clip-cls-logits: tags from the class token alone" in page("clip-cls-logits")
    assert background_words_act("clip-cls", "tag", has_background=False)
    assert not background_words_act("clip-cls-logits", "tag", has_background=False)


def test_background_words_that_do_not_act_are_refused(clip_folder, photo_file, tmp_path, capsys):
    asked = ["--model", str(clip_folder), "--method", "clip-cls-logits", "--background-words", "voc"]
    assert main(["tag", str(photo_file), "--labels", "dog,sky", "--out", str(tmp_path / "out"), *asked]) == 2
    assert "method 'clip-cls-logits' scores each label by itself" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
