"""Words in pictures: letters that no font has are not drawn as empty boxes without a word."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.export import drawing
from tagalign.export.overlay import heat_overlay, overlay, referring_overlay
from tagalign.types import Referring, Segmentation

STRANGE = "\ue123\ue124"  # of the private use area: no font has them


@pytest.fixture
def found() -> Segmentation:
    labels = torch.tensor([[0, 1], [1, 1]]).repeat(4, 4)
    return Segmentation(labels=labels, names=("dog", STRANGE), scores=torch.ones(8, 8))


def test_latin_is_drawn_and_private_letters_are_not() -> None:
    assert drawing.can_draw("dog, é ß ž")
    assert not drawing.can_draw(STRANGE)
    assert drawing.drawn_words("dog", "label 0") == "dog"


def test_a_legend_shows_the_id_and_says_so(found: Segmentation) -> None:
    photo = Image.new("RGB", (8, 8))
    with pytest.warns(
        UserWarning, match="no font on this machine has the letters .* the picture says 'label 1'"
    ):
        picture = overlay(photo, found)
    named = Segmentation(labels=found.labels, names=("dog", "label 1"), scores=found.scores)
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(overlay(photo, named)))


def test_heat_maps_and_phrases_show_escapes() -> None:
    photo, heat = Image.new("RGB", (8, 8)), torch.rand(8, 8)
    with pytest.warns(UserWarning, match="letters"):
        picture = heat_overlay(photo, heat, STRANGE)
    expected = heat_overlay(photo, heat, r"\ue123\ue124")
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(expected))
    phrase = Referring(phrase=STRANGE, mask=heat > 0.5, box=None, score=0.1, heat=heat)
    with pytest.warns(UserWarning, match="letters"):
        referring_overlay(photo, phrase)
