"""The server under load: many clients on the loopback for a minute, with ``tiny``; prints one JSON line.

Processor time per request is given beside the rates, because it says the same on a machine that does other things too.
``rate`` is answered requests per second, ``in_process`` the same questions asked of the library in a loop, decoding
and writing the response included. An answer is right when it equals the library's: same names, scores within 1e-3.
Run: python benchmarks/serve.py [--clients 200] [--seconds 60]
"""

import argparse
import asyncio
import base64
import io
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from PIL import Image

import tagalign
from tagalign.apps.server import answers
from tagalign.apps.server.inputs import decode_image
from tagalign.apps.server.limits import Limits
from tagalign.data.tiny_world import TinyWorld

LABELS = ["dog", "cat", "car", "tree", "house", "fish", "boat", "castle", "grass", "sky", "sand", "water"]
SCENES, BATCH, METHOD = 16, 8, "surgery"
Question = tuple[str, bytes, dict]
"""Path, body and the library's answer."""


@dataclass
class Tally:
    """What the clients saw."""

    statuses: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    unexplained: int = 0  # a 503 or 429 without Retry-After
    resident_mb: list[float] = field(default_factory=list)


def pictures() -> list[bytes]:
    files = []
    for scene in TinyWorld(seed=0, split="test").take(SCENES):
        file = io.BytesIO()
        Image.fromarray(scene.image).save(file, format="PNG")
        files.append(file.getvalue())
    return files


def in_process(model, files: list[bytes], seconds: float) -> tuple[float, float, list[Question]]:
    """Requests per second without a network, processor milliseconds of each, and the questions with their answers."""
    labels, limits = model.encode_labels(LABELS), Limits()
    questions: dict[tuple[str, int], Question] = {}
    done, start, busy = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds or len(questions) < 2 * len(files):
        numbers = [(done + i) % len(files) for i in range(BATCH)]
        images = [decode_image(files[i], limits, None) for i in numbers]
        for i, encoded, image in zip(numbers, model.encode_images(images), images, strict=True):
            # both kinds in turn; the second time round the other way
            path = "/v1/tag" if (done + done // len(files)) % 2 == 0 else "/v1/segment"
            if path == "/v1/tag":
                answer = answers.tag_response(model.tag(encoded, labels), None)
            else:
                answer = answers.segment_response(model.segment(encoded, labels, photo=image), "png", 0)
            text = answer.model_dump_json()
            if (path, i) not in questions:
                body = json.dumps({"image_base64": base64.b64encode(files[i]).decode(), "labels": LABELS})
                questions[path, i] = (path, body.encode(), json.loads(text))
            done += 1
    cpu_ms = 1000 * (time.process_time() - busy) / done
    return done / (time.perf_counter() - start), cpu_ms, list(questions.values())


def cpu_seconds(pid: int) -> float:
    """Of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_right(answer: dict, expected: dict) -> bool:
    if "tags" in expected:
        scores = {tag["name"]: tag["score"] for tag in answer["tags"]}
        return all(abs(scores[tag["name"]] - tag["score"]) < 1e-3 for tag in expected["tags"])
    near = all(abs(answer["shares"].get(n, 0) - share) < 1e-3 for n, share in expected["shares"].items())
    return near and answer["size"] == expected["size"]


async def client(number: int, port: int, questions: list[Question], until: float, tally: Tally) -> None:
    """One connection, one question after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        path, body, expected = questions[number % len(questions)]
        number += 1
        head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        start = time.perf_counter()
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        text = await reader.readexactly(int(headers["content-length"]))
        status = int(lines[0].split()[1])
        tally.statuses[status] += 1
        if status == 200:
            tally.seconds.append(time.perf_counter() - start)
            tally.wrong += not is_right(json.loads(text), expected)
        elif status in {429, 503}:
            tally.unexplained += "retry-after" not in headers
            await asyncio.sleep(float(headers.get("retry-after", 1)))
    writer.close()


async def watch(pid: int, until: float, tally: Tally) -> None:
    """Resident memory of the server, once a second."""
    status = Path(f"/proc/{pid}/status")
    while time.perf_counter() < until:
        text = await asyncio.to_thread(status.read_text)
        tally.resident_mb.append(int(text.split("VmRSS:")[1].split()[0]) / 1024)
        await asyncio.sleep(1)


async def load(pid: int, port: int, questions: list[Question], clients: int, seconds: float) -> Tally:
    tally, until = Tally(), time.perf_counter() + seconds
    everyone = [client(i, port, questions, until, tally) for i in range(clients)]
    await asyncio.gather(watch(pid, until, tally), *everyone)
    return tally


def start_server(flags: list[str]) -> tuple[subprocess.Popen, int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tagalign.cli.main", "serve", "--model", "tiny", "--method", METHOD]
    server = subprocess.Popen([*command, "--port", str(port), "--batch-size", str(BATCH), *flags])
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port
        time.sleep(0.1)
    raise SystemExit("the server did not start within a minute")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--max-queue", type=int, default=256, help="below the clients: some get 503")
    asked = parser.parse_args()
    model = tagalign.load("tiny", method=METHOD, batch_size=BATCH)
    rate, cpu_ms, questions = in_process(model, pictures(), max(3.0, asked.seconds / 4))
    server, port = start_server(["--max-queue", str(asked.max_queue)])
    try:
        busy = cpu_seconds(server.pid)
        tally = asyncio.run(load(server.pid, port, questions, asked.clients, asked.seconds))
        busy = cpu_seconds(server.pid) - busy
        server.send_signal(signal.SIGTERM)
        stopped = server.wait(40)
    finally:
        server.kill()
    per_request = 1000 * busy / max(1, sum(tally.statuses.values()))
    cpu = {"cpu_ms": round(per_request, 2), "in_process_cpu_ms": round(cpu_ms, 2)}
    print(json.dumps(report(tally, rate, asked) | cpu | {"exit": stopped}))


def report(tally: Tally, in_process_rate: float, asked: argparse.Namespace) -> dict:
    answered = tally.statuses[200]
    third = max(1, len(tally.resident_mb) // 3)
    first, last = median(tally.resident_mb[third : 2 * third]), median(tally.resident_mb[-third:])
    return {
        "benchmark": "serve",
        "clients": asked.clients,
        "seconds": asked.seconds,
        "max_queue": asked.max_queue,
        "statuses": dict(tally.statuses),
        "right": round((answered - tally.wrong) / max(1, answered), 4),
        "refused_without_retry_after": tally.unexplained,
        "rate": round(answered / asked.seconds, 1),
        "in_process": round(in_process_rate, 1),
        "ratio": round(answered / asked.seconds / in_process_rate, 2),
        "p50_ms": round(1000 * median(tally.seconds)),
        "p95_ms": round(1000 * quantiles(tally.seconds, n=20)[-1]),
        "resident_mb": [round(first), round(last)],
        "memory_growth": round(last / first - 1, 3),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }


if __name__ == "__main__":
    main()
