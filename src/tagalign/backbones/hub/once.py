"""A start asks a hub once what a repository holds, however many of its parts ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagalign.backbones.hub.listing import Listing
    from tagalign.backbones.hub.names import HubId

_HEARD: "ContextVar[dict[HubId, Listing] | None]" = ContextVar("listings of this start", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """Within it a repository is listed once, so that all that is opened is of one commit; outside, each time.

    A scope within a scope is part of the outer one. Threads that are started within it ask for themselves.
    """
    if _HEARD.get() is not None:
        yield
        return
    token = _HEARD.set({})
    try:
        yield
    finally:
        _HEARD.reset(token)


def heard() -> "dict[HubId, Listing]":
    """What was listed in this scope; outside of one an empty dict that nobody keeps."""
    found = _HEARD.get()
    return {} if found is None else found
