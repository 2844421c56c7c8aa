"""The end of a run that was asked to stop."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagalign.train.loop.guards import StopRequest


def stopped(step: int, steps: int, stop: "StopRequest") -> int:
    """Say how far it came; 128 + signal, the exit code."""
    print(f"stopped after step {step} of {steps}; the same command goes on from there", file=sys.stderr)
    return 128 + stop.signal_number
