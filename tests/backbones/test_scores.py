"""Scores of whole images and texts against numpy: a scale, a bias, and who competes with whom."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch

from tagalign.backbones.scores import image_text_logits, image_text_probs

RNG = np.random.default_rng(0)
IMAGES, TEXTS = RNG.normal(size=(3, 5)), RNG.normal(size=(4, 5))
SAME = dict(rtol=1e-5, atol=1e-6)  # float32 against float64


def encoder(scale, bias):
    return Mock(logit_scale=scale, logit_bias=bias)


def by_hand(scale, bias):
    norms = np.linalg.norm(IMAGES, axis=1)[:, None] * np.linalg.norm(TEXTS, axis=1)[None]
    return scale * (IMAGES @ TEXTS.T) / norms + bias


def called(function, backbone):
    return function(backbone, torch.tensor(IMAGES).float(), torch.tensor(TEXTS).float()).numpy()


@pytest.mark.parametrize(("scale", "bias"), [(100.0, 0.0), (12.5, -3.0)])
def test_logits_are_scale_times_cosine_plus_bias(scale, bias):
    np.testing.assert_allclose(
        called(image_text_logits, encoder(scale, bias)), by_hand(scale, bias), rtol=1e-5, atol=1e-4
    )


def test_without_a_bias_the_texts_of_an_image_compete():
    logits = by_hand(7.0, 0.0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(called(image_text_probs, encoder(7.0, 0.0)), expected, **SAME)


def test_with_a_bias_every_pair_stands_by_itself():
    expected = 1 / (1 + np.exp(-by_hand(7.0, -2.0)))
    np.testing.assert_allclose(called(image_text_probs, encoder(7.0, -2.0)), expected, **SAME)
