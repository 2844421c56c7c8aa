"""Versions of the world: what is drawn how often, and how alt text names it. A version never changes once it is used."""

from dataclasses import dataclass

from tagalign.data.tiny_world.alt_text import Naming
from tagalign.data.tiny_world.laws import ConceptsLaw, KindsLaw, Law


@dataclass(frozen=True)
class Version:
    """One version of the world.

    Attributes:
        law: Which objects scenes show.
        naming: How much of them alt text says.
        stream: Begins the names of its random streams, so that versions have no scene in common.
    """

    law: Law
    naming: Naming
    stream: str


VERSIONS: dict[int, Version] = {
    1: Version(KindsLaw(), Naming(), ""),
    # The whole concept is said, so that a list of a thousand names is what captions hold.
    2: Version(ConceptsLaw(), Naming(color=1.0, pattern=1.0), "2/"),
}
"""Number of a version to what it is. Tables made before versions were numbered show version 1."""

LATEST = max(VERSIONS)
