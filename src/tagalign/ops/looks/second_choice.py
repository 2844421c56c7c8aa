"""The name of a choice that options and flags read too: here, so that they need no torch for it."""

from typing import Literal

SecondChoice = Literal["deviation", "rank"]
"""How the patches of the second fit of ``ops.looks.gaussian`` are chosen. ``deviation``: at least mean + deviation of the
label's probabilities (released); ``rank``: the largest margins."""
