"""What users call: encode once, tag, caption in batches, answer, rank.

Holds ``methods/tag2text/captioning.py``.
"""

import math

import pytest
import torch

from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods.protocols import Answerer, Captioner, Tagger
from tagalign.methods.tag2text.captioning import Decoding
from tagalign.methods.tag2text.guidance import Guidance, question_rows
from tagalign.methods.tag2text.image_value import Tag2TextImage
from tagalign.methods.thresholds import Threshold


def labels(*names):
    return LabelSet(name="custom", labels=tuple(Label(name=n) for n in names))


def test_it_is_a_tagger_a_captioner_and_an_answerer(method):
    assert isinstance(method, Tagger)
    assert isinstance(method, Captioner)
    assert isinstance(method, Answerer)


def test_encoding_a_batch_equals_one_by_one(method, photos, images):
    assert images[0].size == (20, 28)
    for photo, image in zip(photos, images, strict=True):
        alone = method.encode_images([photo])[0]
        # float32 sums in another order
        torch.testing.assert_close(alone.tag_logits, image.tag_logits, atol=1e-4, rtol=1e-5)


def test_tag_takes_the_best_of_repeated_names(method, images, tags):
    asked = method.encode_labels(labels("train", "Dogs"))
    result = method.tag(images[0], asked)
    probs = images[0].tag_logits.sigmoid()
    assert result.scores[0] == pytest.approx(float(probs[[2, 5]].max()))
    assert result.scores[1] == pytest.approx(float(probs[0]))
    assert asked.owners.tolist() == [0, 0, 1]


def test_its_own_tags_are_a_label_set_with_each_name_once(method, images):
    own = method.encode_labels(method.label_set)
    assert own.names == ("dog", "cat", "train", "grass", "red", "run", "green grass")
    assert len(method.tag(images[0], own).scores) == 7


def test_recognise_keeps_the_index_as_the_key(method, images, tags):
    result = method.recognise(images[0])
    assert result.names == tags
    assert set(result.chosen) == {i for i, s in enumerate(result.scores) if s > 0.5}


def test_unknown_labels_name_the_nearest_and_the_way_out(method):
    with pytest.raises(InputError, match=r"'gras' is not among the 8 tags .* nearest is 'grass'.*tagclip"):
        method.encode_labels(labels("gras"))


def test_a_users_rule_replaces_the_models_thresholds(make_method, images, tags):
    top = make_method(threshold=Threshold(kind="top", value=2))
    assert len(top.recognise(images[0]).chosen) == 2


@pytest.fixture(scope="module")
def tag_lists():
    return [["dog"], ["red", "cat", "grass"], [], ["green grass", "run"], None, ["train"]]


def test_captions_of_a_batch_equal_one_by_one(method, images, tag_lists):
    together = method.captions(images, tag_lists)
    alone = [method.captions([i], [t])[0] for i, t in zip(images, tag_lists, strict=True)]
    assert [c.text for c in together] == [c.text for c in alone]
    assert len({c.text for c in together}) > 1


def test_tags_change_the_caption_and_are_returned_with_their_scores(method, images, tags):
    texts = {method.caption(images[0], tags=given).text for given in (["dog"], ["train"], ["red", "grass"])}
    assert len(texts) > 1
    caption = method.caption(images[0], tags=["Dog", "zebra"])
    assert list(caption.tags) == ["dog", "zebra"]
    assert caption.tags["dog"] == pytest.approx(float(images[0].tag_logits[0].sigmoid()))
    assert math.isnan(caption.tags["zebra"])


def test_given_tags_need_no_second_run_of_the_image_encoder(method, images, monkeypatch):
    monkeypatch.setattr(method.model.image_encoder, "forward", None)  # would raise
    assert method.caption(images[0], tags=["dog"]).text


def test_both_puts_given_tags_before_recognised_ones(method, images):
    found = method.guidance(images[0]).tags
    both = method.guidance(images[0], ["zebra"], both=True).tags
    assert both == ("zebra", *found)
    assert method.guidance(images[0], [found[0]], both=True).tags == found


def test_recognised_tags_stand_in_the_order_of_their_scores(method, images):
    for image in images:
        scores = list(method.guidance(image).scores.values())
        assert scores == sorted(scores, reverse=True)


def test_the_released_profile_keeps_repeats_and_index_order(make_method, images, tags):
    released = make_method(profile="released", default=0.0)
    assert released.guidance(images[0]).tags == tags


def test_deleted_tags_never_guide(make_method, images):
    assert "dog" not in make_method(default=0.0, deleted=[0]).guidance(images[0]).tags


def test_tags_that_do_not_fit_are_named(method, images):
    given = [f"dog {i}" for i in range(40)]
    guidance = method.guidance(images[0], given)
    assert guidance.left_out
    assert set(guidance.tags) | set(guidance.left_out) == set(given)


def test_padding_is_seen_in_released_captions_and_not_in_fixed_ones(make_method, images):
    tags = [["dog"], ["dog", "red", "green grass", "cat", "train", "run"]] * 3
    texts = {
        profile: [c.text for c in make_method(profile=profile).captions(images, tags)]
        for profile in ("fixed", "released")
    }
    assert texts["fixed"] != texts["released"]


def test_sampling_depends_on_the_seed_and_the_place_alone(method, images):
    def sample(chosen, seed, first=0):
        decoding = Decoding(top_p=0.9, seed=seed, length=method.decoding.length)
        captions = method.captions(chosen, [["dog"]] * len(chosen), decoding=decoding, first_index=first)
        return [c.text for c in captions]

    assert sample(images, 1) == sample(images, 1)
    assert sample(images, 1) != sample(images, 2)
    assert sample(images, 1)[3:] == sample(images[3:], 1, first=3)


def test_answers_of_a_batch_equal_one_by_one_and_use_the_question(method, images):
    asked = [
        "what is the dog on?",
        "is the cat red?",
        "what?",
        "is a train on the grass?",
        "what run?",
        "red?",
    ]
    together = method.answers(images, asked)
    assert together == [method.answer(i, q) for i, q in zip(images, asked, strict=True)]
    ids, mask = question_rows(asked, [Guidance(tags=())] * 6, method.wordpieces)
    states = method.model.tag_states(ids, mask, images[0].tokens.expand(6, -1, -1))[:, 0]
    assert torch.pdist(states).min() > 1e-3  # every question meets the image in another way


def test_an_empty_question_is_refused(method, images):
    with pytest.raises(InputError, match="expected a question"):
        method.answer(images[0], "  ")


def test_ranking_parts_agree_with_the_network(method, images):
    texts = ["a dog on the grass", "red train"]
    scores = method.embed_images(images) @ method.embed_texts(texts).T
    assert scores.shape == (6, 2)
    assert scores.abs().max() <= 1 + 1e-6
    probs = method.match(images[:2], texts)
    assert ((probs > 0) & (probs < 1)).all()
    with pytest.raises(InputError, match="6 images and 2 texts"):
        method.match(images, texts)


def test_an_image_of_another_method_is_refused(method):
    foreign = Tag2TextImage(method="clip", size=(1, 1), tokens=torch.zeros(1, 16), tag_logits=torch.zeros(8))
    with pytest.raises(InputError, match="'clip'"):
        method.caption(foreign)


def test_nothing_in_nothing_out(method):
    assert method.encode_images([]) == []
    assert method.captions([]) == []
    assert method.answers([], []) == []
