"""A tag loss is one file: one that a test registers trains, is offered, checked and recorded like those of the package.

Holds ``ops/tag_loss.py``, ``ops/tag_losses/softmax.py``, ``ops/tag_losses/balanced.py``.
"""

from dataclasses import dataclass

import pytest
import torch

from tagalign.cli.main import main
from tagalign.cli.shared import choices
from tagalign.cli.shared.help import choices_of
from tagalign.errors import InputError, UnknownNameError
from tagalign.ops.losses import inverse_frequencies, log_frequencies, softmax_tag_loss, unit
from tagalign.ops.tag_loss import TagComparison, TagLoss
from tagalign.ops.tag_losses import TAG_LOSSES, TagLossEntry
from tagalign.ops.tag_rows import TagRows
from tagalign.option_fields import option
from tagalign.train.tagalign.plan import TagAlignPlan
from tagalign.train.tagalign.tag_losses import open_tag_loss

COUNTS = torch.tensor([5.0, 1.0, 20.0])


@dataclass(frozen=True, kw_only=True)
class Even:
    """The same for all images: what it says is checked by hand."""

    level: float = option(3.0, "the loss")
    bias_start = None

    def __call__(self, compared):
        return compared.images.sum() * 0 + self.level


@pytest.fixture
def even():
    with TAG_LOSSES.adding("even", TagLossEntry(kind=Even, summary="a toy", source="here")):
        yield


@pytest.fixture
def compared():
    generator = torch.Generator().manual_seed(0)
    return TagComparison(
        images=torch.randn(4, 8, generator=generator),
        tag_embeds=unit(torch.randn(3, 8, generator=generator)),
        targets=TagRows.from_lists([[0], [1, 2], [], [2]]),
        logit_scale=torch.tensor(10.0),
        log_counts=log_frequencies(COUNTS),
        rarity=inverse_frequencies(COUNTS),
        bias=torch.tensor(-2.0),
    )


def test_one_from_outside_is_opened_offered_and_checked(even, compared):
    assert open_tag_loss("even:level=2")(compared) == 2
    assert "even" in choices_of(choices.TagLossChoice)
    assert TagAlignPlan(steps=1, batch_size=2, seed=0, loss="even:level=1").switches().loss == "even:level=1"
    with pytest.raises(InputError, match="tag loss 'even' has no option 'levl'; did you mean 'level'"):
        TagAlignPlan(steps=1, batch_size=2, seed=0, loss="even:levl=1")
    with pytest.raises(InputError, match="takes a number, got 'high'"):
        TagAlignPlan(steps=1, batch_size=2, seed=0, loss="even:level=high")
    with pytest.raises(UnknownNameError, match="did you mean 'even'"):
        open_tag_loss("evn")


def test_the_command_line_shows_and_refuses(even, capsys):
    main(["train", "--help"])
    assert "even" in capsys.readouterr().out
    assert main(["train", "--pairs", "x", "--tag-loss-weight", "0", "--loss-option", "gamma=1"]) == 2
    assert "--loss-option belongs to --loss" in capsys.readouterr().err


@pytest.mark.parametrize("name", TAG_LOSSES)
def test_each_is_what_its_file_says(compared, name):
    loss = open_tag_loss(name)
    assert isinstance(loss, TagLoss)
    assert (loss.bias_start is None) == (name != "asymmetric")
    assert loss(compared).isfinite()


@pytest.mark.parametrize(("name", "prior"), [("softmax", None), ("balanced", COUNTS.log())])
def test_the_softmaxes_are_the_formula_with_their_prior(compared, name, prior):
    expected = softmax_tag_loss(
        compared.images, compared.tag_embeds, compared.targets, logit_scale=10.0, log_prior=prior
    )
    assert open_tag_loss(name)(compared) == pytest.approx(float(expected), rel=1e-6)


def test_tags_of_a_part_compete_among_themselves(compared):
    part = compared.part(1, 3)
    expected = softmax_tag_loss(
        compared.images, compared.tag_embeds[1:], TagRows.from_lists([[], [0, 1], [], [1]]), logit_scale=10.0
    )
    assert open_tag_loss("softmax")(part) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("text", ["focal:gamma=-1", "asymmetric:clip=2", "asymmetric:gamma_negative=-1"])
def test_values_that_cannot_be_are_refused(text):
    with pytest.raises(InputError, match="expected a number"):
        open_tag_loss(text)


def test_options_act(compared):
    assert open_tag_loss("focal:gamma=0")(compared) == pytest.approx(
        float(open_tag_loss("softmax")(compared))
    )
    assert open_tag_loss("asymmetric:clip=0.5")(compared) != open_tag_loss("asymmetric")(compared)
