"""The server under load: many clients on the loopback for a minute, with ``tiny``; prints one JSON line.

Processor time per request is given beside the rates, because it says the same on a machine that does other things too.
``rate`` is answered requests per second, ``in_process`` the same questions asked of the library, decoding and writing
the response included: the faster of one loop over all cores and one loop per core. The clients' own processor time is
given too, for they share the machine. ``cpu_ratio`` is the library's processor time for a question over the server's: the
ratio to go by where other work takes the cores in turns. An answer is right when it equals the library's: same names,
scores within 1e-3.
``--workers`` gives the server so many processes; its processor time and memory are those of all of them together, memory
that they share counted once. ``--model b16`` is a ViT-B/16 with random weights, asked about pictures of 448 pixels.
Run: python benchmarks/serve.py [--clients 200] [--seconds 60] [--workers 2] [--model b16]
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
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from PIL import Image

import tagalign
from tagalign.apps.server import answers
from tagalign.apps.server.heap import keep_freed_memory
from tagalign.apps.server.inputs import decode_image
from tagalign.apps.server.limits import Limits
from tagalign.data.tiny_world import TinyWorld
from tagalign.tasks.model import Model
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

LABELS = ["dog", "cat", "car", "tree", "house", "fish", "boat", "castle", "grass", "sky", "sand", "water"]
SCENES, BATCH, METHOD = 16, 8, "surgery"
TAG, SEGMENT = "/v1/tag", "/v1/segment"
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


def pictures(short_side: int | None = None) -> list[bytes]:
    """Drawn scenes as files: small ones as PNG, enlarged ones as photos come, in JPEG."""
    files = []
    for scene in TinyWorld(seed=0, split="test").take(SCENES):
        file, image = io.BytesIO(), Image.fromarray(scene.image)
        if short_side is None:
            image.save(file, format="PNG")
        else:
            scale = short_side / min(image.size)
            image.resize((round(scale * image.width), round(scale * image.height))).save(file, format="JPEG")
        files.append(file.getvalue())
    return files


class InProcess:
    """The same questions asked of the library: decoding and writing the response included, no network."""

    def __init__(self, model: Model, files: list[bytes]) -> None:
        self.model, self.files, self.limits = model, files, Limits()
        self.labels = model.encode_labels(LABELS)

    def answer(self, numbers: list[int], paths: list[str]) -> list[str]:
        """One batch: pictures by number, each asked at its path."""
        images = [decode_image(self.files[i], self.limits) for i in numbers]
        batch = zip(paths, self.model.encode_images(images), images, strict=True)
        return [self._one(path, encoded, image) for path, encoded, image in batch]

    def _one(self, path: str, encoded: Any, image: Image.Image) -> str:
        if path == TAG:
            return answers.tag_response(self.model.tag(encoded, self.labels), None).model_dump_json()
        found = self.model.segment(encoded, self.labels, photo=image)
        return answers.segment_response(found, "png", 0).model_dump_json()

    def questions(self) -> list[Question]:
        """Every picture asked both ways."""
        asked = []
        for i, file in enumerate(self.files):
            body = json.dumps({"image_base64": base64.b64encode(file).decode(), "labels": LABELS}).encode()
            for path in (TAG, SEGMENT) if i % 2 else (SEGMENT, TAG):
                asked.append((path, body, json.loads(self.answer([i], [path])[0])))
        return asked

    def rates(self, seconds: float) -> dict[str, np.ndarray]:
        """Of one loop over all cores, and of one loop per core."""
        return {f"{n} loops": np.array(self.rate(seconds, loops=n)) for n in (1, os.cpu_count() or 1)}

    def rate(self, seconds: float, *, loops: int) -> tuple[float, float]:
        """Requests per second and processor milliseconds of each, by loops that share the cores."""
        cores, done = torch.get_num_threads(), [0] * loops
        until, busy = time.perf_counter() + seconds, time.process_time()

        def loop(place: int) -> None:
            torch.set_num_threads(max(1, cores // loops))  # of this thread
            while time.perf_counter() < until:
                numbers = [(done[place] + i) % len(self.files) for i in range(BATCH)]
                self.answer(numbers, [TAG, SEGMENT] * (BATCH // 2))
                done[place] += BATCH

        start = time.perf_counter()
        with ThreadPoolExecutor(loops) as threads:
            list(threads.map(loop, range(loops)))
        elapsed = time.perf_counter() - start
        return sum(done) / elapsed, 1000 * (time.process_time() - busy) / sum(done)


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in started for one in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Of a process with all its threads, and of those that it started."""
    spent = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / os.sysconf("SC_CLK_TCK")


PRIVATE = ("Pss_Anon", "Pss_Shmem")
"""Fields of Linux's ``smaps_rollup``, in KB: what several processes have counts once."""
EACH = ("Anonymous",)
"""It counts in each of them: this sum stays where a page is written to, and shared no more."""


def resident_mb(pid: int, fields: tuple[str, ...] = PRIVATE) -> float:
    """Memory of a process and those that it started.

    Pages of files are left out: their parts grow when another program that has the same libraries ends.
    """
    texts = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in family(pid)]
    return sum(int(text.split(f"{field}:")[1].split()[0]) for text in texts for field in fields) / 1024


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
        if "close" in headers.get("connection", ""):
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
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
    while time.perf_counter() < until:
        tally.resident_mb.append(await asyncio.to_thread(resident_mb, pid))
        await asyncio.sleep(1)


async def load(pid: int, port: int, questions: list[Question], clients: int, seconds: float) -> Tally:
    tally, until = Tally(), time.perf_counter() + seconds
    everyone = [client(i, port, questions, until, tally) for i in range(clients)]
    await asyncio.gather(watch(pid, until, tally), *everyone)
    return tally


def start_server(flags: list[str], model: str = "tiny") -> tuple[subprocess.Popen, int]:
    """A server in a process of its own, and its port, once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tagalign.cli.main", "serve", "--model", model, "--method", METHOD]
    server = subprocess.Popen([*command, "--port", str(port), "--batch-size", str(BATCH), *flags])
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port
        if server.poll() is not None:
            raise SystemExit("the server ended before it began")
        time.sleep(0.1)
    raise SystemExit("the server did not start within a minute")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--max-queue", type=int, default=256, help="below the clients: some get 503")
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--model", choices=["tiny", "b16"], default="tiny")
    asked = parser.parse_args()
    keep_freed_memory()  # as the server does: the library at its best
    with tempfile.TemporaryDirectory() as folder:
        if asked.model == "tiny":
            measure(asked, "tiny", pictures())
        else:
            measure(asked, str(make_clip_folder(Path(folder), **VIT_B16)), pictures(448))


def measure(asked: argparse.Namespace, model: str, files: list[bytes]) -> None:
    """Rates in process, of the server, and in process again."""
    library = InProcess(tagalign.load(model, method=METHOD, batch_size=BATCH), files)
    questions = library.questions()
    library.rate(1, loops=2)  # warm
    seconds = max(2.0, asked.seconds / 20)
    before = library.rates(seconds)
    server, port = start_server(["--max-queue", str(asked.max_queue), "--workers", str(asked.workers)], model)
    try:
        asyncio.run(load(server.pid, port, questions, asked.clients, seconds))  # warm
        busy, own = cpu_seconds(server.pid), time.process_time()
        tally = asyncio.run(load(server.pid, port, questions, asked.clients, asked.seconds))
        busy, own = cpu_seconds(server.pid) - busy, time.process_time() - own
        server.send_signal(signal.SIGTERM)
        stopped = server.wait(40)
    finally:
        server.kill()
    # before and after, because a machine that others use too does not stand still
    rates = {loops: (before[loops] + after) / 2 for loops, after in library.rates(seconds).items()}
    requests = max(1, sum(tally.statuses.values()))
    least = min(ms for _, ms in rates.values())
    cpu = {
        "cpu_ms": round(1000 * busy / requests, 2),
        "clients_cpu_ms": round(1000 * own / requests, 2),
        "cpu_ratio": round(least * requests / (1000 * busy), 2),
    }
    print(json.dumps(report(tally, rates, asked) | cpu | {"exit": stopped}))


def report(tally: Tally, rates: dict[str, np.ndarray], asked: argparse.Namespace) -> dict:
    answered, best = tally.statuses[200], max(rate for rate, _ in rates.values())
    third = max(1, len(tally.resident_mb) // 3)
    first, last = median(tally.resident_mb[third : 2 * third]), median(tally.resident_mb[-third:])
    return {
        "benchmark": "serve",
        "clients": asked.clients,
        "seconds": asked.seconds,
        "max_queue": asked.max_queue,
        "workers": asked.workers,
        "model": asked.model,
        "statuses": dict(tally.statuses),
        "right": round((answered - tally.wrong) / max(1, answered), 4),
        "refused_without_retry_after": tally.unexplained,
        "rate": round(answered / asked.seconds, 1),
        "in_process": {name: round(rate, 1) for name, (rate, _) in rates.items()},
        "in_process_cpu_ms": {name: round(ms, 2) for name, (_, ms) in rates.items()},
        "ratio": round(answered / asked.seconds / best, 2),
        "p50_ms": round(1000 * median(tally.seconds)),
        "p95_ms": round(1000 * quantiles(tally.seconds, n=20)[-1]),
        "resident_mb": [round(first), round(last)],
        "memory_growth": round(last / first - 1, 3),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }


if __name__ == "__main__":
    main()
