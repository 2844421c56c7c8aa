"""Ctrl-C, wherever it arrives.

Python raises ``KeyboardInterrupt`` between two instructions of the main thread. Where that is a weak reference's callback
or a ``__del__``, the interpreter prints a traceback, drops the exception and the run goes on: the key was not heard.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType

AGAIN_AFTER_S = 0.02


@contextmanager
def heard_everywhere() -> Iterator[None]:
    """While this is open, a ``KeyboardInterrupt`` that the interpreter would drop is raised again outside the callback."""
    before = sys.unraisablehook

    def again(dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            # from another thread and when this has ended: here it would be dropped once more
            threading.Thread(target=_press_outside, args=(again.__code__,), daemon=True).start()
        else:
            before(dropped)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


def _press_outside(hook: CodeType) -> None:
    """Press once the main thread has left the hook, however long a busy machine keeps it there."""
    while True:
        time.sleep(AGAIN_AFTER_S)
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        while frame is not None and frame.f_code is not hook:
            frame = frame.f_back
        if frame is None:
            break
    _press()


def _press() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # a signal to the main thread also ends a wait in it
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def heard_enough() -> None:
    """No further Ctrl-C: who presses it twice gets no traceback out of the clean-up of threads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
