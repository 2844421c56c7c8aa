"""Two guards of a long run: a loss that is not finite or explodes stops it, and a signal lets it save first."""

import math
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tagalign.errors import TagalignError


class TrainingFault(TagalignError):
    """The loss is not finite or has exploded; the last checkpoint is from before."""


class LossGuard:
    """Stops a run whose loss is NaN, infinite, or far above its recent mean.

    Args:
        factor: a loss above ``factor`` times the mean of the last ``window`` ones is an explosion.
        window: losses to remember; before that many were seen only non-finite ones are refused.
    """

    # wide on purpose: batches of web pairs differ, a false alarm ends a run of days, and what diverges passes any factor
    def __init__(self, *, factor: float = 20.0, window: int = 50) -> None:
        self.factor = factor
        self._recent: deque[float] = deque(maxlen=window)

    def check(self, step: int, loss: float) -> None:
        """Look at the loss of one step.

        Raises:
            TrainingFault: with the step, the loss and what to do.
        """
        advice = "continue from the last checkpoint with a lower learning rate, or look at the saved batch"
        if not math.isfinite(loss):
            raise TrainingFault(f"the loss of step {step} is {loss}; {advice}")
        if len(self._recent) == self._recent.maxlen:
            mean = sum(self._recent) / len(self._recent)
            if abs(loss) > self.factor * max(abs(mean), 1e-3):  # near 0 any ratio is large
                raise TrainingFault(
                    f"the loss of step {step} is {loss:.4g}, {self.factor:g} times the recent mean {mean:.4g} "
                    f"is the limit; {advice}"
                )
        self._recent.append(loss)

    def state(self) -> list[float]:
        """What a checkpoint must keep."""
        return list(self._recent)

    def restore(self, state: list[float]) -> None:
        """Put back what ``state`` gave."""
        self._recent.extend(state)


class StopRequest:
    """Set when the process was asked to stop; true in a condition from then on.

    Attributes:
        signal_number: of the signal; 0 before.
    """

    signal_number: int = 0

    def __bool__(self) -> bool:
        return self.signal_number != 0


@contextmanager
def stop_on_signals(signals: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)) -> Iterator[StopRequest]:
    """While open, the first SIGTERM or Ctrl-C asks for a stop after the current step; a second one acts at once.

    Outside of the main thread Python allows no handlers: there the request never comes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.getsignal(number) for number in signals}

    def handle(number: int, frame: FrameType | None) -> None:
        request.signal_number = number
        # a step may take minutes: whoever asks twice does not want to wait for it
        signal.signal(number, previous[number] or signal.SIG_DFL)

    for number in signals:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)
