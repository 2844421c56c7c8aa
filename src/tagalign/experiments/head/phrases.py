"""Which referring phrases need their words for colour or pattern: elsewhere the noun alone tells the object."""

from tagalign.data.tiny_world import COLORS, PATTERNS, Scene

LOOKS = frozenset((*COLORS, *PATTERNS)) - {"plain"}


def needs_looks(phrase: str, scene: Scene) -> bool:
    """Whether a phrase names a colour or pattern and its noun fits several objects of the scene.

    A phrase is "the red dog"; its noun is a kind or a family.
    """
    words = phrase.removeprefix("the ").split()
    if len(words) < 2 or words[0] not in LOOKS:
        return False
    noun = words[1]
    return sum(noun in (one.name, one.family) for one in scene.instances) > 1
