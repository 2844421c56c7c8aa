"""Checkpoints: any nested state comes back exactly, the newest few stay, damage is passed over."""

import numpy as np
import pytest
import torch

from tagalign.errors import DataError, InputError
from tagalign.train.loop.checkpoints import Checkpoints, read_state
from tagalign.train.loop.randomness import random_state, restore_random_state, seed_everything


def test_optimiser_state_comes_back_exactly(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1 + 1e-17, betas=(0.9, 0.98))
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    Checkpoints(tmp_path).save(1, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    latest = Checkpoints(tmp_path).latest()
    assert latest is not None
    assert latest.step == 1
    expected, actual = optimizer.state_dict(), latest.state["optimizer"]
    assert actual["param_groups"] == expected["param_groups"]
    for key, slots in expected["state"].items():
        for name, value in slots.items():
            assert torch.equal(actual["state"][key][name], value), (key, name)


def test_numbers_tuples_and_integer_keys_survive(tmp_path):
    state = {
        "a": (1, [2.5, None]),
        3: {"b": True},
        "third": 1 / 3,
        "empty": {},
        "half": torch.ones(2).bfloat16(),
    }
    Checkpoints(tmp_path).save(7, state)
    actual = read_state(tmp_path / "step-00000007.safetensors").state
    assert torch.equal(actual.pop("half"), state.pop("half"))
    assert actual == state


def test_only_the_newest_stay_and_the_best_beside_them(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.save_best(1, {"x": 1})
    for step in (5, 100, 20):
        checkpoints.save(step, {"x": step})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "best.safetensors",
        "step-00000020.safetensors",
        "step-00000100.safetensors",
    ]


def test_damaged_newest_file_is_passed_over(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"x": torch.arange(100)})
    path = checkpoints.save(2, {"x": torch.arange(100)})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="step-00000002"):
        latest = checkpoints.latest()
    assert latest is not None
    assert latest.step == 1


def test_nothing_there_is_none_and_no_file_is_refused(tmp_path):
    assert Checkpoints(tmp_path / "new").latest() is None
    with pytest.raises(DataError, match="no readable checkpoint"):
        read_state(tmp_path / "absent.safetensors")
    with pytest.raises(InputError, match="keep=0"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(TypeError, match=r"a\.b: cannot be stored: set"):
        Checkpoints(tmp_path).save(1, {"a": {"b": {1}}})
    assert list(tmp_path.iterdir()) == []


def draw():
    return np.random.randn(3).tolist(), torch.rand(3).tolist()  # noqa: NPY002


def test_random_streams_continue(tmp_path):
    seed_everything(3)
    np.random.randn()  # noqa: NPY002 (the global state is the subject); leaves a cached gauss
    saved = random_state()
    Checkpoints(tmp_path).save(1, saved)
    expected = draw()
    seed_everything(4)
    latest = Checkpoints(tmp_path).latest()
    assert latest is not None
    # compared, not drawn: the type checker of the tests draws from Python's stream itself
    assert latest.state["python"] == saved["python"]
    restore_random_state(latest.state)
    assert draw() == expected
