"""Flags become the plan of the trainer, each in its own field."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.train.tagalign.plan import loss_with_options, make_plan, watched
from tagalign.cli.verbs.train.tagalign.settings import TrainSettings

GIVEN = {
    "steps": 7, "batch_size": 12, "profile": "fixed", "mode": "clip", "split_kinds": True, "learning_rate": 0.5,
    "schedule": "cosine", "warmup": 3, "seed": 5, "precision": "fp32", "micro_batch": 4, "checkpoint_every": 6, "keep": 8,
    "validate_every": 9, "log_every": 11, "tensorboard": True,
}  # fmt: skip


def settings(**flags):
    return TrainSettings(pairs=("x.tar",), tags=Path("t"), vocabulary=Path("v"), **flags)


def test_every_flag_arrives():
    plan = make_plan(settings(**GIVEN, blocks=2, compile=True, contrastive_weight=0.5))
    assert {name: getattr(plan, name) for name in GIVEN} == GIVEN
    assert (plan.num_blocks, plan.compile_network) == (2, True)
    assert plan.losses == {"tag": 1.0, "contrastive": 0.5}


def test_a_teacher_adds_its_loss():
    assert make_plan(settings(teacher=Path("scores"), teacher_weight=0.3)).losses["distillation"] == 0.3


@pytest.mark.parametrize(
    ("flags", "loss"),
    [
        ({}, None),
        ({"loss": "focal"}, "focal"),
        (
            {"loss": "asymmetric", "loss_option": ("clip=0", "gamma_negative=2")},
            "asymmetric:clip=0,gamma_negative=2",
        ),
    ],
)
def test_a_loss_with_its_options(flags, loss):
    assert loss_with_options(settings(**flags)) == loss


def test_a_benchmark_decides_which_checkpoint_is_best():
    flags = {"validate_on": "tiny-world", "validate_split": "validation", "validate_images": 5}
    assert make_plan(settings(**flags)).best == "miou"
    assert make_plan(settings()).best == "-held_out_loss"
    found = watched(settings(**flags, watch=(Path("a.jpg"),), watch_labels="dog", out=Path("o")))
    assert (found.benchmark, found.split, found.images, found.photos) == (
        "tiny-world",
        "validation",
        5,
        (Path("a.jpg"),),
    )
    assert (found.labels, found.out) == ("dog", Path("o/maps"))
    assert watched(settings(), writes=False).out is None
