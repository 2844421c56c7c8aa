"""Learning rates of the release by a plain loop, and what a plan refuses."""

import pytest

from tagalign.errors import InputError
from tagalign.train.tag2text.plan import Tag2TextPlan, released_rate


def test_the_release_warms_up_inside_the_first_epoch_and_falls_by_epochs():
    base, per_epoch, warmup = 1e-4, 10, 4
    rate = 5e-7
    for step in range(10):
        assert released_rate(base, step, steps_per_epoch=per_epoch, warmup=warmup) == pytest.approx(
            min(rate, base)
        )
        rate += (base - 5e-7) / warmup
    wanted = base
    for epoch in range(1, 60):
        wanted *= 0.9
        for step in (epoch * per_epoch, epoch * per_epoch + 9):
            found = released_rate(base, step, steps_per_epoch=per_epoch, warmup=warmup)
            assert found == pytest.approx(max(wanted, 5e-7))


def test_a_plan_counts_epochs_by_its_images():
    plan = Tag2TextPlan(steps=100, batch_size=8, schedule="released", warmup=0)
    assert plan.rate(3, images=20) == released_rate(1e-4, 3, steps_per_epoch=2, warmup=0)
    assert plan.rate(3, images=5) == released_rate(1e-4, 3, steps_per_epoch=1, warmup=0)


def test_other_schedules_fall_to_nothing_at_the_end():
    plan = Tag2TextPlan(steps=100, batch_size=8, warmup=10)
    rates = [plan.rate(step, images=1) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10)
    assert max(rates) == pytest.approx(1e-4)
    assert rates[-1] < 2e-6


def test_one_rate_for_all_is_not_named_so_that_old_runs_go_on():
    plan = Tag2TextPlan(steps=1)
    assert "tower_rate_share" not in plan.deciding()
    assert Tag2TextPlan(steps=1, tower_rate_share=0.5).deciding() == plan.deciding() | {
        "tower_rate_share": 0.5
    }


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 1}, {"warmup": -1}, {"tower_rate_share": 0.0}, {"tower_rate_share": 1.5}]
)
def test_numbers_that_no_run_can_have_are_refused(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be"):
        Tag2TextPlan(steps=1, **wrong)
