"""What an import could not use, counted by its reason: nothing is left out in silence."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tagalign.tasks.photos.keys import printable

KEPT = 10_000
"""Cases of one reason that are written down; all are counted."""
SHOWN = 3
LONGEST = 300
"""Characters of a photo's name and of a detail: a damaged file may hold names of megabytes."""


@dataclass
class LeftOut:
    """What was left out or changed, and why.

    Attributes:
        counts: how often, by reason.
        cases: photo and detail of the first ``KEPT`` of each reason.
    """

    counts: dict[str, int] = field(default_factory=dict)
    cases: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def say(self, reason: str, photo: str, detail: str = "") -> None:
        """One case more.

        Args:
            reason: the same words for every case of it, such as ``photos that were not found``.
            photo: where; empty for the file as a whole.
            detail: what came.
        """
        self.counts[reason] = self.counts.get(reason, 0) + 1
        kept = self.cases.setdefault(reason, [])
        if len(kept) < KEPT:
            kept.append((_short(photo), _short(detail)))

    def lines(self) -> Iterator[str]:
        """One line per reason, with the first cases."""
        for reason, count in self.counts.items():
            cases = dict.fromkeys(printable(": ".join(filter(None, case))) for case in self.cases[reason])
            shown = [case for case in cases if case][:SHOWN]
            more = ", ..." if shown and count > len(shown) else ""
            yield f"{reason}: {count:,}" + (f" ({', '.join(shown)}{more})" if shown else "")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
