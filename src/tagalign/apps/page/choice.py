"""What a person chose on the page beside photo and labels: a method, its options, and what every method takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tagalign.tasks.regions.options import MIN_AREA

AFTER_ENCODING = frozenset(
    {
        "threshold",
        "background_rule",
        "background_threshold",
        "sigmoid_scale",
        "sigmoid_bias",
        "phrase_threshold",
        "phrase_templates",
        "neutral",
        "refine",
        "num_beams",
        "top_p",
        "seed",
        "prompt",
        "min_tokens",
        "max_tokens",
    }
)
"""Options that act on an encoded photo: with another one of these a photo is not encoded again. A test compares answers."""


@dataclass(frozen=True, kw_only=True)
class MethodChoice:
    """How a question is answered.

    Attributes:
        method: by name.
        options: of it, by name; what is not there keeps its default.
        background_words: a list by name; None for that of the labels.
        look: one of those the page was started with, by name; None for none.
        instances: tell objects apart.
        min_area: of an instance, in pixels.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    background_words: str | None = None
    look: str | None = None
    instances: bool = False
    min_area: int = MIN_AREA

    @property
    def before(self) -> Mapping[str, Any]:
        """The options that a photo is encoded under."""
        return {name: value for name, value in self.options.items() if name not in AFTER_ENCODING}

    def recorded(self) -> dict[str, Any]:
        """What was chosen, for the record of a result; nothing that was left alone."""
        own = {
            "method": self.method,
            "options": {name: str(value) for name, value in self.options.items()} or None,
            "background_words": self.background_words,
            "look": self.look,
            "instances": {"min_area": self.min_area} if self.instances else None,
        }
        return {name: value for name, value in own.items() if value is not None}


def as_choice(choice: "MethodChoice | str") -> MethodChoice:
    """A method alone is a choice too."""
    return MethodChoice(method=choice) if isinstance(choice, str) else choice
