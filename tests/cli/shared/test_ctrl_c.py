import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest

from tagalign.cli.shared.ctrl_c import AGAIN_AFTER_S, heard_everywhere


@pytest.fixture(autouse=True)
def a_key_that_is_heard():
    """A shell's background job would ignore it; ``ctrl_c_as_before`` puts back what was."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Thing:
    pass


def press_in_a_callback() -> None:
    """Ctrl-C while a weak reference's callback runs: an exception there is dropped by the interpreter."""
    thing = Thing()
    kept = weakref.ref(thing, lambda _: (os.kill(os.getpid(), signal.SIGINT), sum(range(1000))))  # noqa: F841
    del thing
    time.sleep(60)  # the interrupted one: the test ends as soon as the key is heard


def test_ctrl_c_in_a_callback_is_heard(capfd):
    with pytest.raises(KeyboardInterrupt), heard_everywhere():
        press_in_a_callback()
    assert capfd.readouterr().err == ""


def test_ctrl_c_is_heard_where_the_hook_itself_takes_long(capfd, monkeypatch):
    """As on a busy machine, where the thread that presses again may begin before the hook goes on."""
    start = threading.Thread.start
    monkeypatch.setattr(
        threading.Thread, "start", lambda thread: (start(thread), time.sleep(10 * AGAIN_AFTER_S))
    )
    with pytest.raises(KeyboardInterrupt), heard_everywhere():
        press_in_a_callback()
    assert capfd.readouterr().err == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other_errors_of_callbacks_go_the_usual_way_and_the_hook_is_put_back():
    before, seen = sys.unraisablehook, []
    sys.unraisablehook = seen.append
    try:
        with heard_everywhere():
            thing = Thing()
            kept = weakref.ref(thing, lambda _: 1 / 0)  # noqa: F841
            del thing
        assert [dropped.exc_type for dropped in seen] == [ZeroDivisionError]
        assert sys.unraisablehook == seen.append
    finally:
        sys.unraisablehook = before


def test_many_presses_are_one_line():
    """A verb that is interrupted at once, and again and again while it says so."""
    code = """
import os, signal, sys, threading, time
from tagalign.cli import main
def run(verb, args):
    def press():
        for _ in range(300):
            os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press).start()
    time.sleep(60)
main._run = run
sys.exit(main.main(["tag"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 130
    assert done.stderr == "tagalign tag: stopped; files that are there are whole\n"


def test_a_press_while_the_process_closes_is_not_answered_with_a_traceback():
    code = """
import atexit, os, signal, sys
from tagalign.cli import main
atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
sys.argv[1:] = ["--version"]
sys.exit(main.program())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
