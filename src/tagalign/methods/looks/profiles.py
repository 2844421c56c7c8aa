"""How scores are laid before their mean and deviation are taken; the second half of a profile is in the method's own."""

from dataclasses import dataclass
from typing import Literal

from tagalign.registry import find_entry

LookProfileName = Literal["released", "fixed"]


@dataclass(frozen=True, kw_only=True)
class LookProfile:
    """Named switches.

    Attributes:
        name: of the profile.
        rows: each photo's scores are standardised over its labels first, as SPARC does with cosines. Scores of our
            taggers went through a softmax over the labels, which is such a step; doing both costs up to ten points of mAP
            (docs/results/looks.md).
        logarithm: scores are laid by their logarithm.
    """

    name: LookProfileName
    rows: bool
    logarithm: bool


PROFILES = {
    "released": LookProfile(name="released", rows=True, logarithm=False),
    "fixed": LookProfile(name="fixed", rows=False, logarithm=True),
}


def look_profile(name: str) -> LookProfile:
    """A profile by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    return find_entry("profile of a look", name, PROFILES)
