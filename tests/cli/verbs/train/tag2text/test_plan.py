"""Flags become the plan and the tasks of the trainer."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tagalign.cli.verbs.train.tag2text.plan import make_plan, make_tasks
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings

GIVEN = {
    "steps": 7, "batch_size": 12, "learning_rate": 0.5, "tower_rate_share": 0.2, "warmup": 3, "schedule": "cosine",
    "weight_decay": 0.1, "clip_norm": 2.0, "profile": "paper", "seed": 5, "precision": "bf16", "micro_batch": 4,
    "checkpoint_every": 6, "keep": 8, "validate_every": 9, "log_every": 11, "tensorboard": True,
}  # fmt: skip


def settings(**flags):
    return Tag2TextTrainSettings(records=Path("r.json"), tag_list=Path("t.txt"), **flags)


@pytest.fixture
def tasks(unchecked_types):
    method = SimpleNamespace(decoding=SimpleNamespace(prompt="a picture of"))
    return lambda **flags: make_tasks(settings(**flags), method)


def test_every_flag_arrives():
    plan = make_plan(settings(**GIVEN, compile=True))
    assert {name: getattr(plan, name) for name in GIVEN} == GIVEN
    assert plan.compile_network


def test_a_task_without_weight_is_left_out_and_answers_need_questions(tasks):
    assert tasks().weights == dict.fromkeys(("tagging", "captioning", "contrastive", "matching"), 1.0)
    assert tasks(matching=0.0, tagging=0.5).weights == {"tagging": 0.5, "captioning": 1.0, "contrastive": 1.0}
    assert tasks(questions=Path("q.jsonl"), answering=2.0).weights["answering"] == 2.0


def test_switches_of_the_tasks_arrive(tasks):
    found = tasks(use_tags=False, recognised_share=0.3, all_captions=True)
    assert (found.use_tags, found.recognised_share, found.all_captions) == (False, 0.3, True)
    assert found.prompt == "a picture of"


def test_the_momentum_encoder_is_there_where_a_queue_is(tasks):
    assert tasks().momentum is None
    found = tasks(momentum_queue=16, momentum=0.9).momentum
    assert (found.queue, found.momentum) == (16, 0.9)
    assert tasks(momentum_queue=16).momentum.momentum == 0.995  # ALBEF's
