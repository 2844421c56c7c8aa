"""Runs of TrustyCLIP: one seed gives one model bit by bit, stopped or not; kill -9 loses nothing but time."""

import dataclasses
import json
import pickle
import signal
import time

import numpy as np
import pytest
import torch
from forked_runs import run_verb

from tagalign.backbones.load import load_backbone
from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.benchmarks.tiny import tiny_segmentation
from tagalign.data.processes import Processes
from tagalign.data.trusty.augment import Augmentation
from tagalign.data.trusty.crops import CropDataset, crop_batches, image_order
from tagalign.data.trusty.sources import BenchmarkSource, ClassSplit, hold_out, own_masks
from tagalign.errors import DataError, InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods.trusty.folder import load_trusty
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.log import read_metrics
from tagalign.train.loop.plan import Hooks
from tagalign.train.loop.run import TrainingRun
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.trainee import MaskData, TrustyTrainee, new_network
from tagalign.train.trusty.training import train_trusty

PLAN = TrustyPlan(
    steps=4, batch_size=2, warmup=1, num_prompts=2, hidden=16, augmentation=Augmentation(crop=16)
)


class Squares:
    """Four small images: class 0 left, 1 right, a square of the unseen class 2, an ignored corner."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        labels = np.zeros((20, 24), dtype=np.int64)
        labels[:, 12:], labels[4 + index : 10 + index, 6:16], labels[:3, :3] = 1, 2, 255
        pixels = np.random.default_rng(index).integers(0, 60, (20, 24, 3)).astype(np.uint8)
        return pixels + np.array([40, 90, 150, 0], np.uint8)[labels.clip(0, 3)][..., None], labels


SPLIT = ClassSplit(names=("left", "right", "square"), unseen=(2,))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = make_clip_folder(
        tmp_path_factory.mktemp("small"), width=16, layers=2, dim=8, image_size=16, text_layers=1
    )
    return load_backbone(str(folder))


DATA = MaskData(source=Squares(), split=SPLIT)
LINES = dataclasses.replace(PLAN, log_every=1, checkpoint_every=2)


def train(clip, plan=PLAN, *, data=DATA, out_dir=None, **hooks):
    return train_trusty(clip, data, plan, out_dir=out_dir, hooks=Hooks(**hooks))


def same(first, second):
    a, b = first.network.state_dict(), second.network.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("setting", ["inductive", "transductive", "supervised"])
def test_one_seed_gives_one_model_bit_by_bit(clip, setting):
    plan = dataclasses.replace(PLAN, setting=setting)
    first = train(clip, plan)
    assert same(first, train(clip, plan))
    assert not same(first, train(clip, dataclasses.replace(plan, seed=1)))
    start = new_network(clip, plan)
    frozen = {n for n, p in start.named_parameters() if not p.requires_grad}
    for name, value in first.network.state_dict().items():
        unused = name in frozen or (setting != "inductive" and name == "head.trusty_token")
        if setting == "transductive" and name == "head.trusty_token":
            continue  # trained in the first half
        assert torch.equal(value, start.state_dict()[name]) == unused, name


class Killed(BaseException):
    """What a killed process looks like from inside: nothing after it happens."""


class Shuffled(Squares):
    """The same with the pixels that are no seen class permuted among unseen, background and ignored ones."""

    def __getitem__(self, index):
        pixels, labels = super().__getitem__(index)
        others, rng = labels >= 2, np.random.default_rng(100 + index)
        labels[others] = rng.choice([2, 9, 255], int(others.sum()))
        return pixels, labels


@pytest.mark.parametrize("setting", ["inductive", "transductive"])
@pytest.mark.parametrize("target", ["strict", "paper"])
def test_a_whole_strict_run_does_not_depend_on_hidden_labels(clip, setting, target):
    """Crops included: which one is drawn again must not depend on where hidden classes are."""
    augment = dataclasses.replace(PLAN.augmentation, max_share=0.5)
    plan = dataclasses.replace(PLAN, setting=setting, trusty_target=target, augmentation=augment)
    found = [
        train(clip, plan, data=MaskData(source=source, split=SPLIT)) for source in (Squares(), Shuffled())
    ]
    assert same(*found) == (target == "strict")


@pytest.mark.parametrize("setting", ["inductive", "transductive"])
@pytest.mark.parametrize("killed_after", [1, 2, 3, 4])
def test_a_killed_run_resumes_to_the_same_model(clip, tmp_path, setting, killed_after):
    plan = dataclasses.replace(LINES, setting=setting)

    def kill(step, steps, numbers):
        if step == killed_after:
            raise Killed

    with pytest.raises(Killed):
        train(clip, plan, out_dir=tmp_path / "run", progress=kill)
    resumed = train(clip, plan, out_dir=tmp_path / "run")
    assert same(resumed, train(clip, plan))
    assert [row["step"] for row in read_metrics(tmp_path / "run/metrics.jsonl")] == [1, 2, 3, 4]
    assert same(load_trusty(tmp_path / "run"), resumed)


def test_a_stop_saves_first_and_goes_on_later(clip, tmp_path):
    stop = StopRequest()

    def ask(step, steps, numbers):
        stop.signal_number = signal.SIGTERM if step == 1 else 0

    train(clip, out_dir=tmp_path / "run", progress=ask, stop=stop)
    assert not (tmp_path / "run/config.json").exists()
    assert [p.stem for p in (tmp_path / "run/checkpoints").iterdir()] == ["step-00000002"]
    assert same(train(clip, out_dir=tmp_path / "run"), train(clip))


def test_a_finished_run_is_left_as_it_is(clip, tmp_path):
    first = train(clip, out_dir=tmp_path / "run")
    steps = []
    again = train(clip, out_dir=tmp_path / "run", progress=lambda step, *_: steps.append(step))
    assert same(first, again)
    assert not steps


def test_other_settings_cannot_resume_a_run(clip, tmp_path):
    train(clip, out_dir=tmp_path / "run")
    with pytest.raises(InputError, match="a run with trusty_target = 'strict', now it is 'paper'"):
        train(clip, dataclasses.replace(PLAN, trusty_target="paper"), out_dir=tmp_path / "run")
    with pytest.raises(InputError, match="a run with precision = None, now it is 'bf16'"):
        train(clip, dataclasses.replace(PLAN, precision="bf16"), out_dir=tmp_path / "run")
    often = dataclasses.replace(PLAN, checkpoint_every=1, log_every=1, keep=5)
    train(clip, often, out_dir=tmp_path / "run")  # how often it writes is no other run


def test_training_finds_the_halves(clip):
    """The loss falls by a third within a few steps on four images."""
    plan = dataclasses.replace(
        PLAN, steps=40, learning_rate=5e-3, warmup=2, dropout=0.0, batch_size=4, log_every=1
    )
    losses = []
    train(clip, plan, progress=lambda step, steps, row: losses.append(row["loss"]))
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])


def test_workers_change_nothing(clip):
    def batches(workers, first):
        return list(
            crop_batches(
                CropDataset(Squares(), PLAN.augmentation, seed=3), Preprocessing(image_size=16),
                batch_size=2, first_step=first, steps=4, workers=workers,
            )
        )  # fmt: skip

    alone, two = batches(0, 0), batches(2, 0)
    assert all(
        torch.equal(a.pixels, b.pixels) and torch.equal(a.labels, b.labels)
        for a, b in zip(alone, two, strict=True)
    )
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(alone[2:], batches(0, 2), strict=True))


def test_what_workers_are_sent_survives_the_way():
    """Where processes are not forked (Windows, macOS), they get their work as bytes."""
    crops = CropDataset(Squares(), PLAN.augmentation, seed=3)
    sent = pickle.loads(pickle.dumps(crops))
    own, other = crops[5], sent[5]
    assert (own.pixels == other.pixels).all()
    assert (own.labels == other.labels).all()


def test_every_image_comes_once_per_epoch():
    assert sorted(image_order(0, 5, 7).tolist()) == list(range(7))
    assert image_order(0, 5, 7).tolist() != image_order(0, 6, 7).tolist()


def test_padding_is_the_mean_colour(clip):
    augment = Augmentation(crop=32, scale=(0.5, 0.5), colors=0.0)
    crops = CropDataset(Squares(), augment, seed=0)
    (batch,) = crop_batches(crops, Preprocessing(image_size=16), batch_size=1, first_step=0, steps=1)
    assert batch.is_padding.any()
    assert (batch.pixels.transpose(0, 1)[:, batch.is_padding] == 0).all()
    assert (batch.labels[batch.is_padding] == 255).all()


def test_validation_is_called_with_a_model_and_logged(clip, tmp_path):
    plan = dataclasses.replace(PLAN, validate_every=2, best="miou")
    seen, scores = [], iter([0.7, 0.5])

    def validate(model):
        seen.append(model.describe()["trusty_target"])
        return {"miou": next(scores)}

    last = train(clip, plan, out_dir=tmp_path / "run", validate=validate)
    assert seen == ["strict", "strict"]
    rows = read_metrics(tmp_path / "run/metrics.jsonl")
    assert [(row["step"], row["validation_miou"]) for row in rows if "validation_miou" in row] == [
        (2, 0.7),
        (4, 0.5),
    ]
    assert same(last, train(clip))  # looking changes nothing
    early = train(clip, dataclasses.replace(PLAN, checkpoint_every=2), out_dir=tmp_path / "early")
    assert same(early, load_trusty(tmp_path / "run"))
    best = load_trusty(tmp_path / "run/best")
    assert not same(best, last)
    stored = read_state(tmp_path / "early/checkpoints/step-00000002.safetensors").state["trainee"]
    assert all(torch.equal(stored[k], v) for k, v in best.network.state_dict().items())


@pytest.mark.parametrize("setting", ["inductive", "transductive", "supervised"])
def test_held_out_images_are_never_trained_on_and_decide_which_checkpoint_is_best(clip, tmp_path, setting):
    source, held_out = hold_out(Squares(), 2)
    seen = []

    class Watched:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            seen.append(index)
            return source[index]

    plan = dataclasses.replace(PLAN, setting=setting, validate_every=1)
    data = MaskData(source=Watched(), split=SPLIT, held_out=held_out)
    train(clip, plan, data=data, out_dir=tmp_path)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    losses = [row["validation_held_out_loss"] for row in rows if "validation_held_out_loss" in row]
    assert len(losses) == 4
    assert set(seen) == {0, 1}
    assert read_state(tmp_path / "checkpoints/best.safetensors").step == 1 + int(np.argmin(losses))
    assert (tmp_path / "best/config.json").exists()
    with pytest.raises(InputError, match="4 of 4 images cannot be held out"):
        hold_out(Squares(), 4)


def test_a_benchmark_with_background_ignores_it():
    data = tiny_segmentation("objects", scenes=3)
    _, labels = BenchmarkSource(data)[1]
    target = data.target(1)
    assert (labels[target == 0] == 255).all()
    assert np.array_equal(labels[target > 0], target[target > 0] - 1)


def test_own_images_and_masks(tmp_path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.new("RGB", (6, 4), "red").save(tmp_path / "images/a.png")
    Image.fromarray(np.array([[0, 1, 255], [1, 1, 0]], np.uint8).repeat(2, 0).repeat(2, 1)).save(
        tmp_path / "masks/a.png"
    )
    labels = LabelSet(name="own", labels=(Label(name="x"), Label(name="y")))
    pixels, ids = BenchmarkSource(own_masks(tmp_path / "images", tmp_path / "masks", labels))[0]
    assert pixels.shape == (4, 6, 3)
    assert set(np.unique(ids)) == {0, 1, 255}
    with pytest.raises(DataError, match="--masks not found"):
        own_masks(tmp_path / "images", tmp_path / "nothing", labels)


def test_a_plan_that_cannot_be_is_refused(clip):
    with pytest.raises(InputError, match="steps must be at least 1, got 0"):
        TrustyPlan(steps=0)
    with pytest.raises(InputError, match="learning_rate must be positive"):
        TrustyPlan(learning_rate=0.0)
    with pytest.raises(InputError, match=r"self_training_from must lie in 0\.\.10, got 11"):
        TrustyPlan(steps=10, self_training_from=11)
    data = MaskData(source=Squares(), split=ClassSplit(names=("a", "b")))
    with pytest.raises(InputError, match="needs unseen classes"):
        train(clip, dataclasses.replace(PLAN, setting="transductive"), data=data)


def test_self_training_restarts_optimiser_and_schedule(clip):
    plan = dataclasses.replace(PLAN, setting="transductive", steps=10, warmup=2)
    assert plan.rate(5) == pytest.approx(plan.rate(0), rel=1e-9)
    assert [plan.phase(s) for s in (4, 5)] == ["inductive", "self-training"]
    trainee = TrustyTrainee(clip, new_network(clip, plan), DATA, plan, processes=Processes())
    seen = []
    run = TrainingRun(trainee, plan, hooks=Hooks(progress=lambda *_: seen.append((run.optimiser, run.guard))))
    run.run()
    for part in zip(*seen, strict=True):  # of steps 1 to 10; the sixth is the first of self-training
        assert len({id(x) for x in part[:5]}) == len({id(x) for x in part[5:]}) == 1
        assert part[4] is not part[5]


@pytest.mark.slow
def test_kill_9_and_resume_give_the_bits_of_an_unbroken_run(tmp_path):
    """A real process, killed without a word while it trains."""
    command = [
        "train", "--method", "trusty", "--data", "tiny-world-objects", "--model", str(make_clip_folder(tmp_path / "clip")),
        "--steps", "30", "--batch-size", "2", "--size", "32", "--warmup", "2", "--checkpoint-every", "4",
        "--log-every", "1", "--device", "cpu",
    ]  # fmt: skip
    killed = run_verb(*command, "--out", tmp_path / "killed", said=tmp_path / "killed.txt")
    try:
        log = tmp_path / "killed/metrics.jsonl"
        for _ in range(3000):
            if log.exists() and len(log.read_text().splitlines()) >= 6:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the run never came to step 6")
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert not (tmp_path / "killed/config.json").exists()
    for name in ("killed", "whole"):
        again = run_verb(*command, "--out", tmp_path / name, said=tmp_path / "again.txt")
        assert again.wait() == 0, again.errors()
    found = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("killed", "whole")]
    assert found[0] == found[1]
    steps = [
        json.loads(line)["step"] for line in (tmp_path / "killed/metrics.jsonl").read_text().splitlines()
    ]
    assert steps == list(range(1, 31))
