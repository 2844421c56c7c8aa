"""How a tagger takes a look: its given options, its settled ones and the step to its scores change together."""

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tagalign.methods.looks.facts import scoring_facts
from tagalign.methods.looks.step import LookStep, open_step
from tagalign.methods.thresholds import Threshold

Taker = TypeVar("Taker", bound="TakesLook")
Front = TypeVar("Front", bound="TaggerTakesLook")


class TakesLook:
    """A tagger whose options name the look. Whoever inherits settles them in ``__init__`` and says what it is.

    Attributes:
        given: the options as they were asked for; a variant starts from them.
        options: the same with every value that acts; None where the parts of the method hold those.
        step: the look, opened; None without one.
    """

    given: Any
    options: Any = None
    step: LookStep | None

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        raise NotImplementedError

    def look_facts(self) -> dict[str, Any]:
        """What the scores of tags depend on, which a look at a folder must share."""
        return scoring_facts(self.describe(), self.given)

    @property
    def tag_threshold(self) -> Threshold:
        """Which labels are chosen as tags."""
        return self.options.threshold

    def with_look(self: Taker, path: Path) -> Taker:
        """The same method with a look at the folder; the encoder is shared.

        Raises:
            InputError: if there is none at the path, or another tagger made it.
        """
        other: Taker = _named_in_options(self, path)
        other.step = open_step(path, self.look_facts())
        return other


class TaggerTakesLook:
    """A method whose tagger takes the look, for a tag first and what follows from it.

    Attributes:
        given: the options as they were asked for.
        options: the same with every value that acts.
        tagger: which labels are in the image.
    """

    given: Any
    options: Any
    tagger: Any

    @property
    def step(self) -> LookStep | None:
        """The look of its tagger."""
        return self.tagger.step

    def look_facts(self) -> dict[str, Any]:
        """Those of its tagger."""
        return self.tagger.look_facts()

    @property
    def tag_threshold(self) -> Threshold:
        """Which labels are chosen as tags."""
        return self.tagger.tag_threshold

    def with_look(self: Front, path: Path) -> Front:
        """The same method with a look at the folder for its tagger; the encoder is shared.

        Raises:
            InputError: if there is none at the path, or another tagger made it.
        """
        other: Front = _named_in_options(self, path)
        other.tagger = self.tagger.with_look(path)
        return other


def _named_in_options(method: Any, path: Path) -> Any:
    other = copy(method)
    other.given = replace(method.given, look=path)
    if method.options is not None:
        other.options = replace(method.options, look=path)
    return other
