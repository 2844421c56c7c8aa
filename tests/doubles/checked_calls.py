"""Run-time checks of types at a cost that a suite of thousands of tests can pay.

The import hook of jaxtyping (``--jaxtyping-packages``) puts ``jaxtyping.jaxtyped`` around every function of the package.
That builds two checkers for each of 5,600 functions when its module is imported, most of which one process never calls, and
each call binds its arguments and checks them twice. `CheckLazily` takes its place:

- a checker is built when its function is first called, of the types that were known when the function was made: a test may
  put a double in the place of a class;
- a function without shapes is checked by beartype alone, in one pass: shapes are what jaxtyping's own passes are for;
- in each test the first calls of a function are checked, then one of every `EVERY` (`is_checked`).
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

FIRST, EVERY = 20, 50
"""Calls of one function in one test: so many are all checked, and then one of every so many."""


class Calls:
    """Which test runs: counts of calls start anew with each."""

    def __init__(self) -> None:
        self.test = 0

    def next_test(self) -> None:
        """From here on, first calls are first again."""
        self.test += 1


CALLS = Calls()

UNKNOWN = (NameError, AttributeError, TypeError, ValueError)
"""What looking up a name raises that mypy alone knows, or that comes later in its module."""


def is_checked(number: int) -> bool:
    """Whether the call of this number, from 0, is checked."""
    return number < FIRST or number % EVERY == 0


def install() -> None:
    """From here on, modules that the import hook loads get lazy checks. Once more changes nothing."""
    if not isinstance(jaxtyping.jaxtyped, CheckLazily):
        jaxtyping.jaxtyped = CheckLazily(jaxtyping.jaxtyped)


class CheckLazily:
    """The decorator that modules with checked types call by the name ``jaxtyping.jaxtyped``."""

    def __init__(self, eager: Callable[..., Any]) -> None:
        self.eager = eager

    def __call__(self, *args: Any, typechecker: Any = None) -> Any:
        """For a function or dataclass; for anything else, and where no checker is named, what jaxtyping does."""
        if typechecker is None:
            return self.eager(*args, typechecker=None)
        return self.decorated(*args, typechecker) if args else lambda fn: self.decorated(fn, typechecker)

    def decorated(self, fn: Any, typechecker: Any) -> Any:
        """A function with its checks, or the class with those of its ``__init__``."""
        if inspect.isclass(fn):
            if dataclasses.is_dataclass(fn) and not hasattr(fn.__init__, "checks"):
                fn.__init__ = self.decorated(fn.__init__, typechecker)
            return fn
        if not inspect.isfunction(fn):
            return self.eager(fn, typechecker=typechecker)
        if not fn.__annotations__:
            return fn
        return counted(fn, functools.partial(self.checker, fn, hints_of(fn), typechecker))

    def checker(self, fn: Callable[..., Any], hints: dict[str, Any], typechecker: Any) -> Callable[..., Any]:
        """The function with checks of these types."""
        twin = type(fn)(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
        twin = functools.update_wrapper(twin, fn)
        twin.__kwdefaults__, twin.__annotations__ = fn.__kwdefaults__, hints
        del twin.__wrapped__
        if any(has_shape(hint) for hint in hints.values()):
            return self.eager(twin, typechecker=typechecker)
        return beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))(twin)


def counted(fn: Callable[..., Any], checker: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """``fn``, of which those calls go through ``checker()`` that `is_checked` names."""
    checked, test, number = None, -1, 0

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal checked, test, number
        if jaxtyping.config.jaxtyping_disable:
            return fn(*args, **kwargs)
        if test != CALLS.test:
            test, number = CALLS.test, 0
        number += 1
        if not is_checked(number - 1):
            return fn(*args, **kwargs)
        if checked is None:
            checked = checker()
        return checked(*args, **kwargs)

    call.checks = True
    return call


def hints_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """The annotations with names in quotes looked up where the function stands; Any, where a name is not known there yet."""
    try:
        return looked_up(fn.__annotations__, fn)
    except UNKNOWN:
        pass
    hints = {}
    for name, annotation in fn.__annotations__.items():
        try:
            hints |= looked_up({name: annotation}, fn)
        except UNKNOWN:
            hints[name] = Any
    return hints


def looked_up(annotations: dict[str, Any], fn: Callable[..., Any]) -> dict[str, Any]:
    """The same with names for what they name."""

    def alone() -> None: ...

    alone.__annotations__ = annotations
    return get_type_hints(alone, fn.__globals__, include_extras=True)


def has_shape(hint: Any) -> bool:
    """Whether an array of jaxtyping is the hint or stands inside it."""
    if isinstance(hint, list | tuple):
        return any(has_shape(part) for part in hint)
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(has_shape(part) for part in get_args(hint))
