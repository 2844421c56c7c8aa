"""The page of the demo: what tags bought stands in its heading, whichever way it went; the frozen row comes first."""

import pytest

from tagalign.experiments.demo.page import Told, headline, render_demo
from tagalign.experiments.demo.regime import CAPTIONS, FROZEN, ROWS, SIZES, TAGS, sentence, sizes_of
from tagalign.experiments.scoring import RowScores
from tagalign.tags.vocabulary import TagVocabulary


def scores(**objects):
    rest = {"miou": 20.0, "pixel_accuracy": 30.0}
    referring = {"miou": 30.0, "overall_iou": 28.0, "precision_50": 20.0}
    return {
        row.name: RowScores(
            segmentation={"miou_objects": objects.get(row.name, 10.0), **rest}, referring=referring
        )
        for row in ROWS
    }


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (35.0, "Tags bought +1.5 points of mIoU: frozen CLIP 28.0"),
        (33.0, "Tags bought nothing (-0.5) points of mIoU"),
    ],
)
def test_the_heading_says_what_tags_bought(tags, said):
    assert headline(scores(**{FROZEN: 28.0, CAPTIONS: 33.5, TAGS: tags})).startswith(said)


def test_the_page_holds_heading_regime_and_rows_in_order():
    regime = sentence(SIZES, world=2, names=608, coverage=27.4)
    told = Told(regime=regime, settings={"seed": 3}, command="tagalign segment photo.jpg")
    vocabulary = TagVocabulary(names=("dog",), kinds=("object",), counts=(4,))
    page = render_demo(scores(), [], vocabulary, [], told)
    assert "a batch of 256 captions names 27 % of the 608 tags" in page
    places = [page.index(f"<td>{row.name}</td>") for row in ROWS]
    assert places == sorted(places)
    assert "<h2>Masks</h2>" not in page  # no scene, no card


def test_a_batch_is_never_larger_than_the_scenes():
    assert sizes_of(train=128, test=4, steps=1).batch_size == 128
    assert sizes_of(train=5000, test=4, steps=1).batch_size == SIZES.batch_size
