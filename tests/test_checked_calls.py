"""What the run-time checks of types catch, and which calls they see (``doubles/checked_calls.py``)."""

import collections
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import checked_calls
import jaxtyping
import pytest
import torch
from beartype import beartype
from checked_calls import EVERY, FIRST, CheckLazily
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from tagalign.ops.grid import tokens_to_map

checked = jaxtyping.jaxtyped(typechecker=beartype)


def wrong_calls_that_are_seen(function, wrong, calls):
    """Numbers, from 0, of those among many wrong calls that were refused."""
    seen = []
    for number in range(calls):
        try:
            function(wrong)
        except TypeCheckError:
            seen.append(number)
    return seen


def test_functions_of_the_package_are_checked():
    assert isinstance(jaxtyping.jaxtyped, CheckLazily)
    with pytest.raises(TypeCheckError, match="tokens_to_map"):
        tokens_to_map(torch.zeros(2), (1, 2))


def test_types_shapes_names_in_quotes_and_generators_are_checked():
    @checked
    def plain(number: int) -> str:
        return number if number else ""

    @checked
    def shaped(a: Float[Tensor, "rows dim"], b: Float[Tensor, " dim"]) -> Float[Tensor, " rows"]:
        return a[:1] @ b

    @checked
    def quoted(one: "Counter[str]") -> None:
        return None

    @checked
    def many(number: int) -> Iterator[int]:
        yield number

    assert plain(0) == ""
    assert shaped(torch.zeros(1, 3), torch.zeros(3)).shape == (1,)
    assert list(many(3)) == [3]
    for wrong in (
        lambda: plain("1"),
        lambda: plain(1),  # what it returns
        lambda: shaped(torch.zeros(1, 3), torch.zeros(4)),
        lambda: shaped(torch.zeros(2, 3), torch.zeros(3)),  # what it returns
        lambda: quoted("text"),
        lambda: list(many("3")),
    ):
        with pytest.raises(TypeCheckError):
            wrong()


def test_fields_of_a_dataclass_are_checked_and_other_classes_are_left_alone():
    @checked
    @dataclass(frozen=True)
    class Point:
        x: int
        embed: Float[Tensor, " dim"]

    class Plain:
        pass

    assert Point(1, torch.zeros(2)).x == 1
    for fields in ((1.5, torch.zeros(2)), (1, torch.zeros(2, 2))):
        with pytest.raises(TypeCheckError):
            Point(*fields)
    assert checked(Plain) is Plain


def test_first_calls_of_a_test_are_checked_and_then_one_of_many(monkeypatch):
    @checked
    def plain(number: int) -> None:
        return None

    monkeypatch.setattr(checked_calls, "CALLS", checked_calls.Calls())
    calls = FIRST + 3 * EVERY
    expected = [*range(FIRST), *range(-(-FIRST // EVERY) * EVERY, calls, EVERY)]
    assert wrong_calls_that_are_seen(plain, "1", calls) == expected
    checked_calls.CALLS.next_test()
    assert wrong_calls_that_are_seen(plain, "1", FIRST + 1) == list(range(FIRST))


def test_no_call_is_checked_where_the_types_are_not_the_subject(unchecked_types):
    @checked
    def plain(number: int) -> int:
        return number

    assert plain("1") == "1"


def test_a_double_in_the_place_of_a_class_is_not_taken_for_the_type(monkeypatch):
    @checked
    def quoted(one: "Counter[str]") -> None:
        return None

    monkeypatch.setitem(globals(), "Counter", lambda: None)
    quoted(collections.Counter())
    with pytest.raises(TypeCheckError):
        quoted("text")


def test_what_has_no_types_is_left_alone_and_names_that_only_mypy_knows_allow_all():
    def untyped(number):
        return number

    @checked
    def unknown(one: "OnlyForMypy", two: int) -> None:  # noqa: F821
        return None

    assert checked(untyped) is untyped
    unknown(object(), 1)
    with pytest.raises(TypeCheckError):
        unknown(object(), "1")
