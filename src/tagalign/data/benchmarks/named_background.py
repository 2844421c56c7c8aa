"""A benchmark with a background class as one whose background is a name like the others.

Zero-shot segmenters that were trained with masks have no rule for "none of these": they are asked for the 60 classes of
PASCAL Context by name, "background" first (Li et al., TagCLIP, Table 3; Zhou et al., ZegCLIP, arXiv:2212.03588, section 4).
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

from tagalign.data.benchmarks.records import SegmentationSet
from tagalign.errors import InputError
from tagalign.labels import BACKGROUND, Label, LabelSet


def with_background(labels: LabelSet) -> LabelSet:
    """The labels with "background" before them.

    Raises:
        InputError: if one of them is called so already.
    """
    if BACKGROUND in labels.names:
        raise InputError(
            f"label set {labels.name!r} names {BACKGROUND!r}, which the benchmark adds; leave it out"
        )
    return replace(labels, labels=(Label(name=BACKGROUND), *labels.labels))


class NamedBackground:
    """See the module; class ids stay as they are: 0 was the background, and is the first name now.

    Args:
        data: with a background class.
    """

    has_background = False

    def __init__(self, data: SegmentationSet) -> None:
        self._data = data

    @cached_property
    def labels(self) -> LabelSet:
        """Background and the labels."""
        return with_background(self._data.labels)

    @property
    def unseen(self) -> tuple[int, ...]:
        """The same labels, one place later; the background is seen."""
        return tuple(i + 1 for i in self._data.unseen)

    def __len__(self) -> int:
        return len(self._data)

    def __getattr__(self, name: str) -> Any:
        if name == "_data":  # while it is unpickled, before it has one
            raise AttributeError(name)
        return getattr(self._data, name)
