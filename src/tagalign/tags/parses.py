"""Frozen values: what a parser finds in one caption, and the Protocol that every parser fulfils."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

KINDS = ("object", "attribute", "scene", "action")


class ParsedCaption(NamedTuple):
    """The tags of one caption, each list in reading order and without repeats. A tuple, since millions are made.

    Attributes:
        objects: tangible things, e.g. ``("car", "grass")``.
        attributes: visible properties, e.g. ``("red",)``.
        pairs: ``(object, attribute)`` where the caption ties both together, e.g. ``(("car", "red"),)``.
        scenes: places and surroundings; only parsers that tell them from objects fill this.
        actions: what somebody or something does, e.g. ``("ride",)``; only some parsers fill this.
        relations: ``(subject, relation, object)``; only some parsers fill this.
        error: why the caption could not be parsed; None for a parsed one. Only parsers that ask a server set it.
    """

    objects: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    scenes: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    relations: tuple[tuple[str, str, str], ...] = ()
    error: str | None = None

    def tags(self, kind: str) -> tuple[str, ...]:
        """The tags of one kind.

        Args:
            kind: one of ``KINDS``.

        Raises:
            KeyError: if ``kind`` is not one of ``KINDS``.
        """
        return getattr(self, FIELD_OF_KIND[kind])


FIELD_OF_KIND = {"object": "objects", "attribute": "attributes", "scene": "scenes", "action": "actions"}


@runtime_checkable
class Parser(Protocol):
    """Turns captions into tags."""

    @property
    def name(self) -> str:
        """The name under which ``load_parser`` knows it."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of ``ParsedCaption`` that it fills; the columns of its shards."""
        ...

    @property
    def settings(self) -> dict[str, object]:
        """Everything that changes the output of this parser."""
        ...

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption, in the order of ``captions``; an empty caption gives an empty parse."""
        ...
