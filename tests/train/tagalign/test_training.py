"""Training a projector: it learns, it resumes exactly, each loss weight acts alone, and the folder opens again."""

import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tagalign.errors import InputError
from tagalign.methods.tagalign.folder import load_tagalign
from tagalign.ops.tag_losses import TAG_LOSSES
from tagalign.train.loop import run
from tagalign.train.loop.guards import StopRequest, TrainingFault
from tagalign.train.loop.log import read_metrics
from tagalign.train.loop.plan import Hooks
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign

PLAN = TagAlignPlan(steps=6, batch_size=8, log_every=1, checkpoint_every=2)


def train(backbone, pairs, vocabulary, *, out_dir=None, held_out=None, hooks=Hooks(), **numbers):  # noqa: B008
    data = TrainingPairs(pairs=pairs, vocabulary=vocabulary, held_out=held_out)
    return train_tagalign(backbone, data, replace(PLAN, **numbers), out_dir=out_dir, hooks=hooks)


def weights(trained):
    return torch.cat([p.detach().flatten() for p in trained.projector.parameters()])


def test_it_learns_and_leaves_the_encoder_alone(backbone, pairs, vocabulary, tmp_path):
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    train(backbone, pairs, vocabulary, steps=30, learning_rate=1e-2, out_dir=tmp_path, losses={"tag": 1.0})
    tag = [row["tag"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert np.mean(tag[-5:]) < 0.7 * np.mean(tag[:5])
    assert all(torch.equal(v, before[k]) for k, v in backbone.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in backbone.parameters())


@pytest.mark.parametrize("stop_at", [2, 3])
def test_a_stopped_run_ends_with_the_same_weights_as_an_undisturbed_one(
    backbone, pairs, vocabulary, tmp_path, stop_at
):
    whole = train(backbone, pairs, vocabulary, out_dir=tmp_path / "whole")
    stop = StopRequest()

    def ask(step, steps, numbers):
        stop.signal_number = signal.SIGTERM if step == stop_at - 1 else stop.signal_number

    first = train(
        backbone, pairs, vocabulary, out_dir=tmp_path / "parts", hooks=Hooks(stop=stop, progress=ask)
    )
    assert not first.is_finished
    assert first.steps == stop_at
    assert not (tmp_path / "parts" / "config.json").exists()
    second = train(backbone, pairs, vocabulary, out_dir=tmp_path / "parts")
    assert second.is_finished
    assert torch.equal(weights(second), weights(whole))
    steps = [row["step"] for row in read_metrics(tmp_path / "parts" / "metrics.jsonl")]
    assert steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("alone", ["tag", "contrastive"])
def test_each_weight_acts_alone(backbone, pairs, vocabulary, alone):
    trained = train(backbone, pairs, vocabulary, losses={"tag": 0.0, "contrastive": 0.0} | {alone: 1.0})
    assert trained.numbers["loss"] == pytest.approx(trained.numbers[alone])
    assert {"tag", "contrastive"} & trained.numbers.keys() == {alone}
    double = train(backbone, pairs, vocabulary, steps=1, losses={alone: 2.0})
    single = train(backbone, pairs, vocabulary, steps=1, losses={alone: 1.0})
    assert double.numbers["loss"] == pytest.approx(2 * single.numbers["loss"])
    assert double.numbers["gradient_norm"] == pytest.approx(2 * single.numbers["gradient_norm"], rel=1e-4)


def test_micro_batches_give_the_gradient_of_the_whole_batch(backbone, pairs, vocabulary):
    whole = train(backbone, pairs, vocabulary, steps=3)
    pieces = train(backbone, pairs, vocabulary, steps=3, micro_batch=3)
    # float32 sums in another order; Adam divides small gradients by their size, so 1e-7 may become 1e-5
    torch.testing.assert_close(weights(pieces), weights(whole), rtol=1e-3, atol=2e-5)
    assert pieces.numbers["loss"] == pytest.approx(whole.numbers["loss"], rel=1e-5)


@pytest.mark.parametrize("loss", [*TAG_LOSSES, "focal:gamma=0"])
def test_every_tag_loss_trains(backbone, pairs, vocabulary, loss):
    trained = train(backbone, pairs, vocabulary, steps=2, loss=loss)
    assert np.isfinite(trained.numbers["loss"])


def test_profiles_differ_and_kinds_can_have_their_own_softmax(backbone, pairs, vocabulary):
    runs = [
        train(backbone, pairs, vocabulary, steps=1, **options)
        for options in ({}, {"profile": "released"}, {"split_kinds": True})
    ]
    assert len({round(r.numbers["tag"], 6) for r in runs}) == 3
    assert runs[1].numbers["learning_rate"] == pytest.approx(1e-3 * 8 / 4096)


def test_the_folder_opens_as_the_method_that_was_trained(backbone, pairs, vocabulary, tmp_path, photo):
    trained = train(backbone, pairs, vocabulary, out_dir=tmp_path)
    opened = load_tagalign(tmp_path)
    names = {p.name for p in tmp_path.iterdir()}
    assert names >= {
        "config.json",
        "model.safetensors",
        "vocabulary.tsv",
        "README.md",
        "settings.json",
        "metrics.jsonl",
    }
    own, other = trained.method(backbone), opened
    a, b = (m.encode_images([photo])[0].views[0].embeds for m in (own, other))
    assert torch.equal(a, b)


def test_best_is_kept_beside_the_last(backbone, pairs, vocabulary, tmp_path):
    scores = iter([1.0, 3.0, 2.0])
    train(
        backbone,
        pairs,
        vocabulary,
        out_dir=tmp_path,
        hooks=Hooks(validate=lambda trained: {"miou": next(scores)}),
        validate_every=2,
        best="miou",
        held_out=pairs,
    )
    rows = [row for row in read_metrics(tmp_path / "metrics.jsonl") if "validation_miou" in row]
    assert [(row["step"], row["validation_miou"]) for row in rows] == [(2, 1.0), (4, 3.0), (6, 2.0)]
    assert all(np.isfinite(row["validation_held_out_loss"]) for row in rows)
    best, last = load_tagalign(tmp_path / "best"), load_tagalign(tmp_path)
    assert not torch.equal(best.projector.proj, last.projector.proj)


def test_images_per_second_do_not_count_validations(backbone, pairs, vocabulary, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(run, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def slow(trained):
        now[0] += 1000.0
        return {"miou": 1.0}

    def step(*args):
        now[0] += 2.0

    hooks = Hooks(validate=slow, progress=step)
    train(backbone, pairs, vocabulary, out_dir=tmp_path, hooks=hooks, validate_every=1)
    rates = [row["images_per_s"] for row in read_metrics(tmp_path / "metrics.jsonl") if "images_per_s" in row]
    assert rates[1:] == [pytest.approx(8 / 2.0)] * (len(rates) - 1)


def test_a_faulty_batch_stops_the_run_and_is_kept(backbone, pairs, vocabulary, tmp_path):
    pairs.store.features[:, 0, 0] = float("nan")
    with pytest.raises(TrainingFault, match=r"loss of step 1 is nan.*fault-step-1"):
        train(backbone, pairs, vocabulary, out_dir=tmp_path)
    assert [p.name for p in tmp_path.glob("fault-*")] == ["fault-step-1-rank-0.safetensors"]
    assert not list(tmp_path.glob("checkpoints/*"))


def test_refusals(backbone, pairs, vocabulary, tmp_path):
    train(backbone, pairs, vocabulary, out_dir=tmp_path, steps=1)
    with pytest.raises(InputError, match="seed = 0, now it is 1"):
        train(backbone, pairs, vocabulary, out_dir=tmp_path, seed=1)
    with pytest.raises(InputError, match="all loss weights are 0"):
        train(backbone, pairs, vocabulary, losses={"tag": 0.0})
    with pytest.raises(InputError, match="needs a vocabulary"):
        train(backbone, pairs, None)
    with pytest.raises(InputError, match="got 'tags'"):
        train(backbone, pairs, vocabulary, losses={"tags": 1.0})
    with pytest.raises(InputError, match="batch_size 1"):
        train(backbone, pairs, vocabulary, batch_size=1)
