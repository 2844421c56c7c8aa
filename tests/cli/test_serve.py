"""The server as a process: it answers, finishes what is open when asked to stop, and ends well."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("uvicorn", reason="the serve extra is not installed")
pytest.importorskip("fastapi", reason="the serve extra is not installed")
from tagalign.cli.main import main

STARTS_WITHIN_S = 120


@pytest.mark.slow
def test_a_stop_that_is_asked_for_is_a_success(clip_folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tagalign.cli.main", "serve", "--model", str(clip_folder)]
    server = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.PIPE, text=True)
    try:
        health = _wait(f"http://127.0.0.1:{port}/health", server)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    finally:
        server.kill()
    assert health["status"] == "ok"
    assert health["model"]["method"] == "maskclip"
    assert server.returncode == 0, errors
    assert "Traceback" not in errors


def _wait(address, server):
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError("the server did not start")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--port", "70000"], "--port must be 0 to 65535, got 70000"),
        (["--max-queue", "0"], "limit max_queue must be above 0, got 0"),
        (["--api-key-file", os.devnull], "the file is empty"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, message, capsys):
    assert main(["serve", *flags]) == 2
    assert message in capsys.readouterr().err
