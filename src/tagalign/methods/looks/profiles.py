"""How scores are laid before their mean and deviation are taken; the second half of a profile is in the method's own."""

from dataclasses import dataclass
from typing import Literal

from tagalign.errors import UnknownNameError

LookProfileName = Literal["released", "fixed"]


@dataclass(frozen=True, kw_only=True)
class LookProfile:
    """Named switches.

    Attributes:
        name: of the profile.
        logarithm: scores that went through a softmax are laid by their logarithm, which undoes it up to a constant of the
            photo; SPARC's own are cosines.
        rows: each photo's scores are standardised over its labels first, as released.
    """

    name: LookProfileName
    logarithm: bool
    rows: bool


PROFILES = {
    "released": LookProfile(name="released", logarithm=False, rows=True),
    "fixed": LookProfile(name="fixed", logarithm=True, rows=True),
}


def look_profile(name: str) -> LookProfile:
    """A profile by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    if name not in PROFILES:
        raise UnknownNameError("profile of a look", name, PROFILES)
    return PROFILES[name]
