"""The losses of a training step: what each phase asks, and that a strict run learns nothing it may not know."""

import pytest
import torch

from tagalign.data.trusty.crops import CropBatch
from tagalign.data.trusty.sources import ClassSplit
from tagalign.errors import InputError
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.ops.mask_losses import segmentation_losses
from tagalign.train.trusty.step import StepLoss, phase_of, poly_rate, total_loss

SPLIT = ClassSplit(names=tuple("abcdefg"), unseen=(2, 5))
BACKGROUND = 9


@pytest.fixture(scope="module")
def network(backbone):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TrustyNetwork(sizes_for(backbone, num_prompts=2)).eval()


@pytest.fixture(scope="module")
def text(backbone):
    generator = torch.Generator().manual_seed(3)
    return torch.nn.functional.normalize(torch.randn(7, backbone.embed_dim, generator=generator), dim=-1)


def make_batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = (
        torch.randint(0, 7, (2, 8, 6), generator=generator).repeat_interleave(4, 1).repeat_interleave(4, 2)
    )
    is_padding = torch.zeros(2, 32, 24, dtype=torch.bool)
    is_padding[1, 28:] = True
    labels[is_padding] = 255
    return CropBatch(
        pixels=torch.randn(2, 3, 32, 24, generator=generator), labels=labels, is_padding=is_padding
    )


def shuffled(batch, seed):
    """The same batch with non-seen pixels permuted among unseen classes, background and ignore."""
    generator = torch.Generator().manual_seed(seed)
    others = ~torch.isin(batch.labels, torch.tensor(SPLIT.seen)) & ~batch.is_padding
    choice = torch.tensor([2, 5, BACKGROUND, 255])
    labels = batch.labels.clone()
    labels[others] = choice[torch.randint(0, 4, (int(others.sum()),), generator=generator)]
    return CropBatch(pixels=batch.pixels, labels=labels, is_padding=batch.is_padding)


def values(losses):
    return {name: value.item() for name, value in losses.items()}


@pytest.mark.parametrize("phase", ["inductive", "self-training"])
@pytest.mark.parametrize("ignored", ["released", "masked"])
@pytest.mark.parametrize("trusty_loss", ["focal", "dice"])
def test_strict_losses_do_not_depend_on_labels_that_are_hidden(
    backbone, network, text, phase, ignored, trusty_loss
):
    step = StepLoss(backbone, text, SPLIT, target="strict", ignored=ignored, trusty_loss=trusty_loss)
    batch = make_batch()
    with torch.no_grad():
        expected = values(step(network, batch, phase))
        for seed in range(4):
            assert values(step(network, shuffled(batch, seed), phase)) == expected


@pytest.mark.parametrize("phase", ["inductive", "self-training"])
def test_paper_losses_do_depend_on_them(backbone, network, text, phase):
    step = StepLoss(backbone, text, SPLIT, target="paper")
    with torch.no_grad():
        expected = values(step(network, make_batch(), phase))
        assert values(step(network, shuffled(make_batch(), 0), phase)) != expected


def test_strict_pseudo_labels_do_not_depend_on_hidden_labels_and_really_happen(backbone, network, text):
    step = StepLoss(backbone, text, SPLIT, target="strict")
    batch = make_batch()
    with torch.no_grad():
        logits = network.masks(network.encode(backbone, batch.pixels), text, drop_token=True)
        found = step.pseudo_labels_of(logits, batch)
        for seed in range(4):
            assert torch.equal(step.pseudo_labels_of(logits, shuffled(batch, seed)), found)
    seen = torch.isin(batch.labels, torch.tensor(SPLIT.seen))
    assert torch.equal(found[seen], batch.labels[seen])
    assert set(found[~seen & ~batch.is_padding].unique().tolist()) <= {2, 5}
    assert (found[batch.is_padding] == 255).all()


def test_unseen_names_do_not_enter_inductive_training(backbone, network, text):
    """Class rows see each other, so one hidden name more would move every score."""
    other = text.clone()
    other[list(SPLIT.unseen)] = other[list(SPLIT.unseen)].flip(-1)
    batch = make_batch()
    with torch.no_grad():
        losses = [values(StepLoss(backbone, t, SPLIT)(network, batch, "inductive")) for t in (text, other)]
        assert losses[0] == losses[1]
        transductive = [
            values(StepLoss(backbone, t, SPLIT)(network, batch, "self-training")) for t in (text, other)
        ]
        assert transductive[0] != transductive[1]


def test_supervised_sees_all_classes_and_no_token(backbone, network, text):
    batch = make_batch()
    with torch.no_grad():
        losses = StepLoss(backbone, text, SPLIT)(network, batch, "supervised")
        logits = network.masks(network.encode(backbone, batch.pixels), text, drop_token=True)
        expected = segmentation_losses(logits.classes, None, batch.labels)
    assert values(losses) == values(expected)
    assert "trusty" not in losses


def test_padding_is_a_negative_of_the_trusty_map(backbone, network, text):
    batch = make_batch()
    bare = CropBatch(pixels=batch.pixels, labels=batch.labels, is_padding=torch.zeros_like(batch.is_padding))
    with torch.no_grad():
        step = StepLoss(backbone, text, SPLIT)
        assert values(step(network, batch, "inductive")) != values(step(network, bare, "inductive"))


def test_every_trained_tensor_gets_a_gradient_and_no_frozen_one(backbone, network, text):
    batch = make_batch()
    network.zero_grad()
    total_loss(StepLoss(backbone, text, SPLIT)(network, batch, "inductive")).backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    assert all(p.grad is None for p in backbone.parameters())


def test_phases():
    assert [phase_of("transductive", s, self_training_from=2) for s in range(4)] == [
        *["inductive"] * 2,
        *["self-training"] * 2,
    ]
    assert phase_of("supervised", 0, self_training_from=0) == "supervised"
    assert phase_of("inductive", 9, self_training_from=2) == "inductive"


def test_rate_is_polynomial_after_a_linear_warm_up():
    rates = [poly_rate(2e-4, s, steps=100, warmup=10) for s in range(101)]
    assert rates[0] == pytest.approx(2e-4 * 1e-6, rel=1e-9)
    assert rates[5] == pytest.approx(((2e-4 - 1e-6) * 0.95**0.9 + 1e-6) * (0.5 + 0.5e-6), rel=1e-9)
    assert rates[50] == pytest.approx((2e-4 - 1e-6) * 0.5**0.9 + 1e-6, rel=1e-9)
    assert rates[100] == pytest.approx(1e-6, rel=1e-9)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_split_that_cannot_be_is_refused():
    with pytest.raises(InputError, match=r"from 0 to 1, got \[2\]"):
        ClassSplit(names=("a", "b"), unseen=(2,))
    with pytest.raises(InputError, match="all classes are unseen"):
        ClassSplit(names=("a",), unseen=(0,))
    assert SPLIT.seen == (0, 1, 3, 4, 6)
    assert SPLIT.names_of(SPLIT.unseen) == ("c", "f")
