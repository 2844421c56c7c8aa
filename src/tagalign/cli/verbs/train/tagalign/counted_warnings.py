"""Warnings that count instead of repeating themselves."""

import sys

from tagalign.cli.shared.output import counted


class CountedWarnings:
    """Pairs left out while a cache is filled, by reason; said once per reason and power of ten."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, reason: str) -> None:
        """Count one, and say so when the count is a power of ten."""
        count = self.counts[reason] = self.counts.get(reason, 0) + 1
        if str(count).strip("0") == "1":
            print(f"warning: {counted(count, 'pair')} left out: {reason}", file=sys.stderr)
