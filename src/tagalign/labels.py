"""Frozen values of what a person asks for: labels, their groups, and the ids of masks. None of it needs torch.

So what is typed wrongly about labels is refused before anything heavy is imported; what was encoded and what came out
stands in ``types``.
"""

from dataclasses import dataclass
from functools import cached_property

IGNORE = 255
"""The id that ground truth uses for "do not count this pixel"."""

WIDE_IGNORE = 65_535
"""The same in masks of 16 bits, where there are more classes than a byte can name."""


def ignored_id(num_classes: int) -> int:
    """The id of pixels that are not counted: 255, or 65535 where 255 is a class.

    >>> ignored_id(171), ignored_id(847)
    (255, 65535)
    """
    return IGNORE if num_classes <= IGNORE else WIDE_IGNORE


BACKGROUND = "background"
"""The name of the label that says "none of yours"; it is no instance and has no annotation."""

Size = tuple[int, int]
"""``(height, width)`` in pixels."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One label a user asks for.

    Attributes:
        name: what comes out.
        aliases: other words for the same thing; the name comes out for them.
        negatives: words for what the label is not. They compete with this label alone and never come out.
        group: labels that compete in one softmax.
    """

    name: str
    aliases: tuple[str, ...] = ()
    group: str | None = None
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelGroup:
    """What holds for the tags of a group, beside that its labels compete.

    Attributes:
        name: as its labels name it.
        one: at most one of its labels comes out, the best.
        under: a group that is asked before: without a tag of that one, this one has none.
    """

    name: str
    one: bool = False
    under: str | None = None


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """A closed, ordered list of labels, with the background words and the templates that belong to it.

    Attributes:
        name: ``voc21``, or ``custom`` for a list that a user typed.
        version: counted up whenever a name, alias, background word or template changes.
        labels: what can be answered, in the order of the ids.
        background: words that compete with the labels in a softmax and are never answered.
        templates: prompts with one ``{}`` each; their embeddings are averaged. Empty: the method's own template.
        groups: rules of groups; a group without one is only named by its labels.
    """

    name: str
    version: int = 1
    labels: tuple[Label, ...]
    background: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    groups: tuple[LabelGroup, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the labels, in the order of their ids; made once, since loops over labels ask for it."""
        return tuple(label.name for label in self.labels)

    def __len__(self) -> int:
        return len(self.labels)
