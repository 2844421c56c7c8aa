"""Standard streams that are closed, or that nobody reads any more, end no run with a traceback and none with success."""

import os
import sys

NOBODY_READS = 141
"""Exit code of a run whose output nobody reads any more, as a shell reports it (128 + SIGPIPE)."""


def open_streams() -> None:
    """Let closed streams lead nowhere (``>&-``, services), so that no file of ours gets their number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 (for all the run)


def leave_stdout() -> None:
    """What is still to be written there leads nowhere; Python would complain when it closes the stream."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
