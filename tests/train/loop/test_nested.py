"""Nested states as tensors and JSON: what JSON gives back makes the same state, kinds and keys included."""

import json
from collections import OrderedDict

import pytest
import torch

from tagalign.train.loop.nested import join_state, split_state

STATE = {
    "step": 3,
    "rate": 0.1 + 0.2,
    "nothing": None,
    "done": True,
    7: "a key that is no string",
    "pair": (1, [2, (3,)]),
    "empty": {"dict": {}, "list": [], "tuple": ()},
    "odd": {"tensor": "a text under a name of ours"},
    "weights": {"a": torch.arange(6.0).reshape(2, 3).T, "b": [torch.tensor(1), torch.tensor([True])]},
}


def same(one, other):
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def test_the_way_there_and_back_through_json():
    tensors, values = split_state(STATE)
    assert same(join_state(tensors, json.loads(json.dumps(values))), STATE)


def test_tensors_are_named_by_their_path():
    tensors, _ = split_state(STATE)
    assert set(tensors) == {"weights.a", "weights.b.0", "weights.b.1"}


def test_what_is_stored_is_whole_and_needs_no_gradient():
    tensors, _ = split_state({"a": torch.ones(2, 3, requires_grad=True).T})
    assert tensors["a"].is_contiguous()
    assert not tensors["a"].requires_grad


def test_any_mapping_comes_back_as_a_dict():
    tensors, values = split_state(OrderedDict(b=1, a=2))
    assert join_state(tensors, values) == {"b": 1, "a": 2}


def test_other_kinds_are_refused_with_their_path():
    with pytest.raises(TypeError, match=r"^a\.1: cannot be stored: set"):
        split_state({"a": [0, {1}]})


def test_a_missing_tensor_is_missed():
    _, values = split_state({"a": torch.ones(1)})
    with pytest.raises(KeyError, match="a"):
        join_state({}, values)
