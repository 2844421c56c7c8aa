"""The server as a process: it answers, finishes what is open when asked to stop, and ends well."""

import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing, contextmanager

import pytest
from PIL import Image

pytest.importorskip("uvicorn", reason="the serve extra is not installed")
pytest.importorskip("fastapi", reason="the serve extra is not installed")
from tagalign.cli.main import main

STARTS_WITHIN_S = 300


@contextmanager
def running_server(*flags):
    """The process and its port, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tagalign.cli.main", "serve", "--port", str(port), *map(str, flags)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield server, port
    finally:
        server.kill()


@pytest.mark.slow
def test_a_stop_that_is_asked_for_is_a_success(clip_folder):
    with running_server("--model", clip_folder) as (server, port):
        health = _wait(f"http://127.0.0.1:{port}/health", server)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=300)
    assert health["status"] == "ok"
    assert health["model"]["method"] == "default"  # every verb is answered by its own
    assert server.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_stop_under_load_answers_what_has_come():
    clients = 6
    with running_server("--model", "tiny", "--timeout", 300) as (server, port), ExitStack() as connections:
        _wait(f"http://127.0.0.1:{port}/health", server)
        asked = [connections.enter_context(closing(_ask_for_masks(port))) for _ in range(clients)]
        while _received(port) < clients:
            time.sleep(0.01)
        server.send_signal(signal.SIGTERM)
        answers = [client.getresponse() for client in asked]
        bodies = [json.load(answer) for answer in answers]
        _, errors = server.communicate(timeout=300)
    assert [answer.status for answer in answers] == [200] * clients, bodies
    assert [body["size"] for body in bodies] == [[480, 640]] * clients
    assert (server.returncode, "Traceback" in errors) == (0, False), errors


def _ask_for_masks(port):
    """A photo and many labels, so that the answers take a while; nothing is read yet."""
    labels = ",".join(f"thing {i}" for i in range(40)).encode()
    file = io.BytesIO()
    Image.effect_noise((640, 480), 60).save(file, format="JPEG")
    body = b'--x\r\nContent-Disposition: form-data; name="labels"\r\n\r\n' + labels + b"\r\n"
    body += b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + file.getvalue()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    client.request("POST", "/v1/segment", body + b"\r\n--x--\r\n", kind)
    return client


def _received(port):
    """Requests for masks that the server has, answered or not."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        page = answer.read().decode()
    done = re.search(r'requests_total{path="/v1/segment",status="\d+"} (\S+)', page)
    in_flight = re.search(r"^tagalign_requests_in_flight (\S+)", page, re.MULTILINE)
    return (float(done[1]) if done else 0) + float(in_flight[1]) - 1  # this one is in flight too


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
        (["--parallel-batches", "0"], "--parallel-batches must be at least 1, got 0"),
        (["--api-key-file", os.devnull], "the file is empty"),
        (["--label-studio-folder", "none"], "--label-studio-folder none: expected a folder of photos"),
        (["--label-studio-out", __file__], "expected a folder, found a file"),
        (["--label-studio-words", os.devnull], "expected JSON"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, message, capsys):
    assert main(["serve", *flags]) == 2
    assert message in capsys.readouterr().err
