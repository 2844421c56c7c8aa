"""Runs in processes of their own that cost a fork: one process imports torch and the verbs, and forks for each run.

``python forked_runs.py`` is that process: it reads one JSON line for each order and answers with one. A run is a process
like any other: it has its own environment, folder and output, hears signals and dies of them. What it shares with the others
is what was imported before, so a test of *what is imported*, or of peak memory, starts a process of its own instead.
"""

import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

IMPORTED = (
    "import torch, tagalign.cli.main, tagalign.tasks.model, tagalign.backbones.load, tagalign.methods.load, "
    "tagalign.train.tagalign.training, tagalign.train.trusty.training"
)
"""Nothing that reads the environment when it is imported, for a run has its own: transformers and the hub's client do."""
PATIENCE_S = 300  # a busy machine


class ForkedRun:
    """One run: its process id, its exit code once it ended (negative for a signal) and what it said."""

    def __init__(self, pid: int, said: Path) -> None:
        self.pid, self.said = pid, said
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            self.returncode = ask({"wait": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float = PATIENCE_S) -> int:
        """Until it ends; a run that takes longer is killed, and the test fails."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                self.send_signal(signal.SIGKILL)
                raise TimeoutError(f"still runs after {timeout} s: {self.errors()[-2000:]}")
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """To the process, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def errors(self) -> str:
        """What it wrote to standard output and standard error."""
        return self.said.read_text(errors="replace")


def start_run(code: str, *arguments: object, said: Path, **environment: str) -> ForkedRun:
    """Run Python code with ``sys.argv[1:]`` of these arguments, and this process's environment with some changed.

    Args:
        code: of a module that is run as ``__main__``.
        *arguments: as a shell would give them.
        said: file for what it writes.
        **environment: variables beside those of this process.
    """
    words = [str(argument) for argument in arguments]
    order = {"code": code, "words": words, "said": str(said), "environment": {**os.environ, **environment}}
    return ForkedRun(ask(order)["pid"], said)


def run_verb(*words: object, said: Path, **environment: str) -> ForkedRun:
    """``tagalign WORDS`` as a run."""
    return start_run(
        "import sys; from tagalign.cli.main import main; sys.exit(main(sys.argv[1:]))",
        *words,
        said=said,
        **environment,
    )


def run_two(code: str, *arguments: object, said: Path) -> None:
    """Python code in two processes with torchrun's variables, until both are done; one that fails fails the test.

    Args:
        code: see ``start_run``.
        *arguments: as a shell would give them.
        said: folder for what they write.
    """
    (port,) = free_ports(1)
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [
        start_run(code, *arguments, said=said / f"said-{rank}.txt", RANK=rank, LOCAL_RANK=rank, **world)
        for rank in ("0", "1")
    ]
    for one in both:
        assert one.wait() == 0, one.errors()[-3000:]


def free_ports(count: int) -> list[int]:
    """Different ports of this machine on which nobody listens."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def ask(order: Mapping[str, Any]) -> dict[str, Any]:
    """One order to the process that forks; it starts with the first."""
    server = forking_process()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(order) + "\n")
    server.stdin.flush()
    answer: dict[str, Any] = json.loads(server.stdout.readline())
    return answer


@functools.cache
def forking_process() -> "subprocess.Popen[str]":
    """Started once for each process that tests, ended with it: its input closes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    atexit.register(end, server)
    return server


def end(server: "subprocess.Popen[str]") -> None:
    """It ends with its input, and has no more to say."""
    for stream in (server.stdin, server.stdout):
        if stream is not None:
            stream.close()
    server.wait(timeout=PATIENCE_S)


def serve() -> None:
    """Fork for each order; tell how a run ended when asked."""
    exec(IMPORTED, {})
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            pid, status = os.waitpid(order["wait"], os.WNOHANG)
            answer = {"code": os.waitstatus_to_exitcode(status) if pid else None}
        else:
            pid = os.fork()
            if not pid:
                be_run(order)
            answer = {"pid": pid}
        print(json.dumps(answer), flush=True)


def be_run(order: Mapping[str, Any]) -> None:
    """Never returns."""
    code: Any = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
        os.environ.clear()
        os.environ.update(order["environment"])
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.argv = ["-c", *order["words"]]
        exec(compile(order["code"], "<run>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
