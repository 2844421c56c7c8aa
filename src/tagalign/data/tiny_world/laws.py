"""How often what is drawn: Zipf frequencies, and the law that a version of the world draws its objects by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Protocol, TypeVar, runtime_checkable

from tagalign.data.tiny_world.names import CONCEPTS, OBJECTS, Concept

OBJECT_EXPONENT = 0.8  # Zipf exponents: frequency of rank r is proportional to r ** -exponent
LOOK_EXPONENT = 0.5
Item = TypeVar("Item")


def zipf_weights(count: int, exponent: float) -> list[float]:
    """Return cumulative frequencies of `count` ranks, proportional to rank ** -exponent, ending at 1."""
    raw = [(rank + 1) ** -exponent for rank in range(count)]
    total = sum(raw)
    return list(accumulate(value / total for value in raw))


def pick(rng: Random, items: Sequence[Item], cumulative: Sequence[float]) -> Item:
    """Draw one item by cumulative frequencies."""
    return rng.choices(items, cum_weights=cumulative)[0]


@dataclass(frozen=True)
class ObjectToPlace:
    """An object that is still to be placed.

    Attributes:
        kind: One of `OBJECTS`.
        look: Its colour and pattern; None where they are drawn when it is placed.
    """

    kind: str
    look: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """What a text calls it: the concept where the look is known, else the kind."""
        return Concept(self.kind, *self.look).name if self.look else self.kind


@runtime_checkable
class Law(Protocol):
    """Which objects a scene shows."""

    def wanted(self, rng: Random) -> ObjectToPlace:
        """Draw one object."""
        ...

    def twin(self, rng: Random, first: ObjectToPlace) -> ObjectToPlace:
        """Draw a second object of the same kind."""
        ...


class KindsLaw:
    """Version 1: the kind by Zipf's law; colour and pattern have frequencies of their own, whatever the kind."""

    def wanted(self, rng: Random) -> ObjectToPlace:
        """Draw a kind."""
        return ObjectToPlace(pick(rng, OBJECTS, _KIND_WEIGHTS))

    def twin(self, rng: Random, first: ObjectToPlace) -> ObjectToPlace:
        """The same kind; nothing is drawn."""
        return first


class ConceptsLaw:
    """Version 2: kind, colour and pattern are drawn together, by Zipf's law over all `CONCEPTS`."""

    def wanted(self, rng: Random) -> ObjectToPlace:
        """Draw a concept."""
        return _of(pick(rng, CONCEPTS, _CONCEPT_WEIGHTS))

    def twin(self, rng: Random, first: ObjectToPlace) -> ObjectToPlace:
        """Draw a concept among those of the kind."""
        return _of(pick(rng, *_concepts_of(first.kind)))


def _of(concept: Concept) -> ObjectToPlace:
    return ObjectToPlace(concept.kind, (concept.color, concept.pattern))


@lru_cache(maxsize=64)
def _concepts_of(kind: str) -> tuple[tuple[Concept, ...], tuple[float, ...]]:
    """The concepts of a kind with their cumulative frequencies."""
    ranks = [rank for rank, concept in enumerate(CONCEPTS, 1) if concept.kind == kind]
    raw = [rank**-OBJECT_EXPONENT for rank in ranks]
    return tuple(CONCEPTS[rank - 1] for rank in ranks), tuple(accumulate(v / sum(raw) for v in raw))


_KIND_WEIGHTS = zipf_weights(len(OBJECTS), OBJECT_EXPONENT)
_CONCEPT_WEIGHTS = zipf_weights(len(CONCEPTS), OBJECT_EXPONENT)
