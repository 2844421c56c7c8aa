"""The server for a long time: its memory must stay flat whatever comes. Prints one JSON line.

Clients ask in turns for tags and masks of pictures of many sizes, with label lists that are new half of the time, many
photos in one request, masks by address, and things that are wrong. Memory is that of the server and its workers, without
the pages of libraries. ``resident`` counts a page that several share once, so it grows while workers write to what they
were forked with; ``each`` counts it in each of them, and grows by what is new alone. Growth is between the second and the
last quarter of the time, the slope that of a straight line through its second half, in MB per hour. Errors are statuses of
500 and above. A line a minute goes to standard error.
Run: python benchmarks/soak.py [--minutes 2] [--clients 4] [--workers 2]
"""

import argparse
import asyncio
import base64
import io
import json
import random
import signal
import sys
import time
from collections import Counter

import httpx
import numpy as np
from PIL import Image
from serve import EACH, resident_mb, start_server

WORDS = ["dog", "cat", "car", "tree", "house", "fish", "boat", "castle", "grass", "sky", "sand", "water"]


def picture(rng: random.Random) -> str:
    """Noise of a random size, in base64."""
    size = (rng.choice([64, 96, 128]), rng.choice([64, 80, 112, 160]))
    file = io.BytesIO()
    noise = np.frombuffer(rng.randbytes(size[0] * size[1] * 3), dtype=np.uint8)
    Image.fromarray(noise.reshape(*size, 3)).save(file, format="JPEG")
    return base64.b64encode(file.getvalue()).decode()


def question(rng: random.Random) -> tuple[str, dict]:
    """A path and a body; one in ten is wrong."""
    words = rng.sample(WORDS, 4)
    if rng.random() < 0.5:
        words.append(f"thing {rng.randrange(10**9)}")
    kind = rng.randrange(10)
    if kind == 0:
        return "/v1/tag", {"image_base64": "no image", "labels": words}
    if kind == 1:
        return "/v1/tag/many", {"images": [picture(rng) for _ in range(4)], "labels": words}
    if kind < 5:
        form = rng.choice(["png", "url", "rle"])
        return "/v1/segment", {"image_base64": picture(rng), "labels": words, "masks": form}
    return "/v1/tag", {"image_base64": picture(rng), "labels": words}


async def client(number: int, port: int, until: float, statuses: Counter) -> None:
    """One connection, one question after the other."""
    rng = random.Random(number)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
        while time.monotonic() < until:
            path, body = question(rng)
            answer = await http.post(path, json=body)
            statuses[answer.status_code] += 1
            if answer.status_code == 200 and body.get("masks") == "url":
                statuses[(await http.get(answer.json()["mask_url"])).status_code] += 1


Memory = list[tuple[float, float, float]]
"""Seconds since the start, and memory in both ways of counting."""


async def watch(pid: int, until: float, memory: Memory) -> None:
    """Memory of the server with its workers, once a second."""
    start, told = time.monotonic(), -1.0
    while time.monotonic() < until:
        both = await asyncio.to_thread(lambda: (resident_mb(pid), resident_mb(pid, EACH)))
        memory.append((time.monotonic() - start, *both))
        seconds, mb, each = memory[-1]
        if seconds // 60 != told:
            told = seconds // 60
            print(
                f"{seconds / 60:.0f} min: {mb:.1f} MB, {each:.1f} counted in each",
                file=sys.stderr,
                flush=True,
            )
        await asyncio.sleep(1)


async def soak(pid: int, port: int, clients: int, seconds: float) -> tuple[Counter, Memory]:
    statuses: Counter = Counter()
    memory: Memory = []
    until = time.monotonic() + seconds
    everyone = [client(number, port, until, statuses) for number in range(clients)]
    await asyncio.gather(watch(pid, until, memory), *everyone)
    return statuses, memory


def grown(memory: Memory, way: int) -> dict[str, object]:
    """Medians of the second and the last quarter, their ratio less one, and the slope; of the one or the other way."""
    seconds, sizes = np.array(memory)[:, [0, way]].T
    quarter, half = max(1, len(sizes) // 4), len(sizes) // 2
    second, last = (
        np.median(sizes[quarter : 2 * quarter] if len(sizes) > 1 else sizes),
        np.median(sizes[-quarter:]),
    )
    slope = 3600 * float(np.polyfit(seconds[half:], sizes[half:], 1)[0]) if len(sizes) > 3 else 0.0
    return {
        "mb": [round(float(second)), round(float(last))],
        "growth": round(float(last / second - 1), 3),
        "slope_mb_per_hour": round(slope, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    asked = parser.parse_args()
    server, port = start_server(["--workers", str(asked.workers)])
    try:
        statuses, memory = asyncio.run(soak(server.pid, port, asked.clients, 60 * asked.minutes))
        server.send_signal(signal.SIGTERM)
        stopped = server.wait(40)
    finally:
        server.kill()
    line = {
        "benchmark": "soak", "minutes": asked.minutes, "clients": asked.clients, "workers": asked.workers,
        "requests": sum(statuses.values()), "statuses": dict(statuses),
        "errors": sum(count for status, count in statuses.items() if status >= 500),
        "resident": grown(memory, 1), "each": grown(memory, 2), "exit": stopped,
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
