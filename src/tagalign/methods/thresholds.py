"""From scores to chosen labels: relative (the papers'), absolute, the best k, or calibrated per label.

Labels of one group compete with each other; a relative threshold looks at each group by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tagalign.errors import InputError, UnknownNameError

ThresholdKind = Literal["relative", "absolute", "top", "calibrated"]
KINDS: tuple[ThresholdKind, ...] = ("relative", "absolute", "top", "calibrated")


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A rule that a person can choose.

    Attributes:
        kind: ``relative``: above ``min + value (max - min)`` of the scores of the label's group, and the best label where
            none is; ``absolute``: at least ``value``; ``top``: the ``value`` best; ``calibrated``: at least the label's own.
        value: a share or a score in [0, 1], or a number of labels; for ``calibrated`` the threshold of labels without one.
        per_label: thresholds by name, for ``calibrated``.
    """

    kind: ThresholdKind = "relative"
    value: float | int = 0.5
    per_label: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("threshold", self.kind, KINDS)
        if self.kind == "top" and (self.value < 1 or self.value != int(self.value)):
            raise InputError(f"threshold top: expected a whole number from 1, got {self.value:g}")
        if self.kind != "top" and not 0 <= self.value <= 1:
            raise InputError(f"threshold {self.kind}: expected a number from 0 to 1, got {self.value:g}")

    def choose(
        self, scores: Sequence[float], names: Sequence[str], groups: Sequence[Sequence[int]] | None = None
    ) -> tuple[int, ...]:
        """Ids of the chosen labels, best first; ties keep the order of the labels.

        Args:
            scores: one per label, in [0, 1].
            names: of the labels.
            groups: ids of the labels that compete; all together when None.
        """
        # Python's sort is stable: equal scores keep the order of the labels
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        if self.kind == "top":
            return tuple(order[: int(self.value)])
        if self.kind == "relative":
            kept = {i for ids in groups or [range(len(scores))] for i in _relative(scores, ids, self.value)}
        elif self.kind == "absolute":
            kept = {i for i in order if scores[i] >= self.value}
        else:
            # a label that was never seen while calibrating has no threshold of its own
            kept = {i for i in order if scores[i] >= self.per_label.get(names[i], self.value)}
        return tuple(i for i in order if i in kept)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value:g}"


def as_threshold(value: "Threshold | str | float") -> Threshold:
    """A threshold from what people give: a number is ``absolute``, a string as in ``parse_threshold``.

    >>> str(as_threshold(0.3)), str(as_threshold("0.3")), str(as_threshold("top:2"))
    ('absolute:0.3', 'absolute:0.3', 'top:2')

    Raises:
        InputError: if it is none of these.
    """
    if isinstance(value, Threshold):
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return parse_threshold(str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"threshold: expected a number, or relative:0.5, absolute:0.3, top:5, got {value!r}")
    return Threshold(kind="absolute", value=float(value))


def _relative(scores: Sequence[float], ids: Sequence[int], share: float) -> list[int]:
    if not ids:
        return []
    low, high = min(scores[i] for i in ids), max(scores[i] for i in ids)
    above = low + share * (high - low)
    # strictly above: of scores that are all alike none stands out, and one label is kept, not all of them
    return [i for i in ids if scores[i] > above] or [max(ids, key=lambda i: scores[i])]


def parse_threshold(text: str) -> Threshold:
    """A threshold as people type it: ``relative:0.5``, ``absolute:0.3``, ``top:5``, or a kind alone.

    >>> parse_threshold("top:3").value
    3.0

    Raises:
        InputError: if the kind is unknown or the number is none.
    """
    kind, _, value = text.partition(":")
    if kind not in KINDS:
        raise UnknownNameError("threshold", kind, KINDS)
    if not value:
        return Threshold(kind=kind, value=5.0 if kind == "top" else 0.5)
    try:
        return Threshold(kind=kind, value=float(value))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"threshold {text!r}: expected a number after the colon, such as {kind}:0.5"
        ) from error
