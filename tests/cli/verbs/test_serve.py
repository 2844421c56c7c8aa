"""The server as a process: it answers, finishes what is open when asked to stop, and ends well."""

import base64
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from forked_runs import start_run
from PIL import Image

pytest.importorskip("uvicorn", reason="the serve extra is not installed")
pytest.importorskip("fastapi", reason="the serve extra is not installed")
from tagalign.cli.main import main
from tagalign.cli.verbs import serve

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
        server.communicate()


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
        (["--approximate"], "--approximate: searches an index; name it with --index"),
        (["--workers", "0"], "--workers must be at least 1, got 0"),
        (["--workers", "-3"], "--workers must be at least 1, got -3"),
        (["--threads", "2", "--workers", "3"], "--workers 3: there are threads for 2"),
        (["--workers", "2", "--label-studio-out", "kept"], "--label-studio-out: one process keeps"),
        (["--api-key-file", os.devnull], "the file is empty"),
        (["--label-studio-folder", "none"], "--label-studio-folder none: expected a folder of photos"),
        (["--label-studio-out", __file__], "expected a folder, found a file"),
        (["--label-studio-words", os.devnull], "expected JSON"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, message, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # those of this process are put back afterwards
    assert main(["serve", *flags]) == 2
    assert message in capsys.readouterr().err


def test_the_approximate_index_is_asked_where_it_is_wanted(tmp_path):
    pytest.importorskip("faiss", reason="the search extra is not installed")
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    index = ["--index", str(tmp_path / "index")]
    assert (
        main(["search", "index", str(tmp_path / "red.png"), *index, "--model", "tiny", "--approximate"]) == 0
    )
    for wanted in (False, True):
        found = serve._search(serve.ServeSettings(index=tmp_path / "index", approximate=wanted))
        assert (found.index.approximate is not None) == wanted


def test_a_port_in_use_is_refused_before_the_model_is_loaded(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--model", "nowhere", "--port", str(port)]) == 2
    assert f"--port {port}: cannot listen on 127.0.0.1" in capsys.readouterr().err


@contextmanager
def _two_workers():
    """A server of two processes that answers: it, its port, and the numbers of the two."""
    with running_server("--model", "tiny", "--method", "clip", "--threads", 2, "--workers", 2) as (
        server,
        port,
    ):
        _wait(f"http://127.0.0.1:{port}/health", server)
        yield server, port, _children(server.pid)


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _counted(port, path, status):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        found = re.search(
            rf'requests_total{{path="{path}",status="{status}"}} (\S+)', answer.read().decode(), re.MULTILINE
        )
    return float(found[1]) if found else 0.0


def _tag_of(port):
    with closing(_ask("/v1/tag", port, ["dog", "car"])) as client:
        answer = client.getresponse()
        return answer.status, answer.read()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_several_workers_answer_as_one_and_outlive_each_other():
    """One server of two processes for all of it: 200 at once, half a request, a slow one, a death, masks, a stop."""
    with _two_workers() as (server, port, workers):
        assert len(workers) == 2
        assert not _children(workers[0])

        # a client that hangs up in the middle of its upload, and one that does not go on
        half = b"POST /v1/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
        with socket.create_connection(("127.0.0.1", port), 30) as gone:
            gone.sendall(half)
        slow = socket.create_connection(("127.0.0.1", port), 30)
        slow.sendall(half)

        with ThreadPoolExecutor(200) as clients:
            answers = list(clients.map(lambda _: _tag_of(port), range(200)))
        assert {status for status, _ in answers} == {200}
        assert len({body for _, body in answers}) == 1
        assert _counted(port, "/v1/tag", 200) == 200  # of both, whichever counts them

        os.kill(workers[0], signal.SIGKILL)
        while _children(server.pid) in (workers, workers[1:]):
            time.sleep(0.05)
        assert _tag_of(port)[1] == answers[0][1]
        assert _counted(port, "/v1/tag", 200) == 201  # what the dead one counted stays

        masks = [_mask_of(port) for _ in range(6)]  # each of a new connection, so of either
        assert set(masks) == {masks[0]}
        assert masks[0][:2] == (200, 304)

        slow.close()
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=120)
    assert server.returncode == 0, errors
    assert "was ended by SIGKILL; started again as" in errors
    assert "Traceback" not in errors
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def _mask_of(port):
    """Status of a mask by its address, of the same asked again, and its tag."""
    with closing(_ask("/v1/segment", port, ["dog", "car"], masks="url")) as client:
        address = json.load(client.getresponse())["mask_url"]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", address)
        first = client.getresponse()
        first.read()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", address, headers={"If-None-Match": first.headers["ETag"]})
        again = client.getresponse()
        return first.status, again.status, first.headers["ETag"]


def _ask(path, port, labels, **more):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, format="PNG")
    body = {"image_base64": base64.b64encode(file.getvalue()).decode(), "labels": labels, **more}
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    client.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return client


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_when_the_process_above_is_killed():
    with _two_workers() as (server, _, workers):
        server.kill()
        server.wait()
        until = time.monotonic() + 60
        while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < until:
            time.sleep(0.05)
        assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_stop_before_anything_answers_leaves_no_folder(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from tagalign.cli.verbs import serve\n"
        "with serve._removed_at_a_stop(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGTERM)"
    )
    (tmp_path / "shared" / "masks").mkdir(parents=True)
    run = start_run(code, tmp_path / "shared", said=tmp_path / "said")
    assert run.wait() == -signal.SIGTERM  # as it would end without the folder
    assert not (tmp_path / "shared").exists()
