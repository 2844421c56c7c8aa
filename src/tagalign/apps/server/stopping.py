"""Which signals ask a server to stop; imports nothing, so that it can be asked before anything is."""

import signal


def stop_signals() -> tuple[signal.Signals, ...]:
    """Those that ask for a stop; a terminal that closes is none to what was started to outlive it (``nohup``)."""
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN:
        return signal.SIGINT, signal.SIGTERM
    return signal.SIGINT, signal.SIGTERM, hang_up
