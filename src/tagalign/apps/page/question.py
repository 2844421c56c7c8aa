"""What a part of the page asks when a control is used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, eq=False)
class TabQuestion:
    """What a part of the tab asks when a control is used.

    Attributes:
        events: that ask.
        answer: from the photo, the values of ``inputs`` and the choice to the values of ``outputs``.
        inputs: beside the photo.
        outputs: that change.
    """

    events: Sequence[Any]
    answer: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]
