"""The demo's sizes and the sentence about them."""

from tagalign.experiments.demo.regime import FROZEN, ROWS, SAYS, SIZES, sentence, sizes_of


def test_a_batch_never_holds_more_pairs_than_there_are():
    small = sizes_of(train=100, test=4, steps=7)
    assert (small.train, small.test, small.steps, small.batch_size) == (100, 4, 7, 100)
    large = sizes_of(train=10_000, test=4, steps=7)
    assert large.batch_size == SIZES.batch_size
    assert large.validation == SIZES.validation


def test_the_frozen_encoder_comes_first_and_every_row_is_explained():
    assert ROWS[0].name == FROZEN
    assert [row.name for row in ROWS] == list(SAYS)


def test_the_sentence_holds_the_numbers_of_the_run():
    text = sentence(sizes_of(train=4000, test=200, steps=100), world=2, names=1120, coverage=21.7)
    for part in (
        "4,000 drawn scenes (world 2)",
        "30 % name something absent",
        "256 captions names 22 %",
        "1,120 tags",
    ):
        assert part in text
