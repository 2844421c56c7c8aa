"""Scenes of the tiny world per second: picture and alt text, and everything; prints one JSON line.

python benchmarks/tiny_world.py --workers 2
"""

import argparse
import json
import os
import platform
import time
from multiprocessing import get_context

from tagalign.data.tiny_world import Scene, TinyWorld

WARM_UP = 4000  # scenes drawn first: sprites are drawn once per process and kept


def picture_and_text(scene: Scene) -> None:
    scene.image  # noqa: B018 - drawn when asked for
    scene.alt_text  # noqa: B018


def everything(scene: Scene) -> None:
    picture_and_text(scene)
    scene.instances, scene.captions, scene.referring, scene.questions, scene.tags  # noqa: B018
    scene.label_map("all")


def draw(job: tuple[int, int]) -> tuple[float, float, float]:
    """Return when the timed part began, when pictures and texts were done, and when everything was."""
    worker, count = job
    world = TinyWorld(seed=0, split=f"benchmark-{worker}")
    for scene in world.take(WARM_UP):
        everything(scene)
    began = time.perf_counter()
    for scene in world.take(count, WARM_UP):
        picture_and_text(scene)
    between = time.perf_counter()
    for scene in world.take(count, WARM_UP + count):
        everything(scene)
    return began, between, time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=5000, help="per process and part")
    args = parser.parse_args()
    with get_context("spawn").Pool(args.workers) as pool:
        times = pool.map(draw, [(worker, args.scenes) for worker in range(args.workers)], chunksize=1)
    result = {
        "scenes_per_second": round(sum(args.scenes / (between - began) for began, between, _ in times)),
        "scenes_per_second_everything": round(
            sum(args.scenes / (end - between) for _, between, end in times)
        ),
        "workers": args.workers,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
