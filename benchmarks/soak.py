"""The server for a long time: its memory must stay flat whatever comes. Prints one JSON line.

Clients ask in turns for tags and masks of pictures of many sizes, with label lists that are new half of the time, many
photos in one request, masks by address, and things that are wrong. Growth is that of the resident memory between the
second and the last quarter.
Run: python benchmarks/soak.py [--minutes 2] [--clients 4]
"""

import argparse
import asyncio
import base64
import io
import json
import random
import signal
import time
from collections import Counter
from pathlib import Path
from statistics import median

import httpx
import numpy as np
from PIL import Image
from serve import start_server

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


async def watch(pid: int, until: float, resident_mb: list[float]) -> None:
    """Resident memory of the server, once a second."""
    while time.monotonic() < until:
        text = await asyncio.to_thread(Path(f"/proc/{pid}/status").read_text)
        resident_mb.append(int(text.split("VmRSS:")[1].split()[0]) / 1024)
        await asyncio.sleep(1)


async def soak(pid: int, port: int, clients: int, seconds: float) -> tuple[Counter, list[float]]:
    statuses: Counter = Counter()
    resident_mb: list[float] = []
    until = time.monotonic() + seconds
    everyone = [client(number, port, until, statuses) for number in range(clients)]
    await asyncio.gather(watch(pid, until, resident_mb), *everyone)
    return statuses, resident_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--clients", type=int, default=4)
    asked = parser.parse_args()
    server, port = start_server([])
    try:
        statuses, resident_mb = asyncio.run(soak(server.pid, port, asked.clients, 60 * asked.minutes))
        server.send_signal(signal.SIGTERM)
        stopped = server.wait(40)
    finally:
        server.kill()
    quarter = max(1, len(resident_mb) // 4)
    second, last = median(resident_mb[quarter : 2 * quarter] or resident_mb), median(resident_mb[-quarter:])
    line = {
        "benchmark": "soak", "minutes": asked.minutes, "clients": asked.clients, "requests": sum(statuses.values()),
        "statuses": dict(statuses), "resident_mb": [round(second), round(last)],
        "memory_growth": round(last / second - 1, 3), "exit": stopped,
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
