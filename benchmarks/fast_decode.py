"""Label maps of photos with and without --fast-decode: share of equal pixels, tags, and processor milliseconds; JSON lines.

Each JPEG of a folder is enlarged to ``--width`` pixels with the grain of a sensor (0 leaves it as it is). Both ways take
turns. Scores of an encoder that does not know such photos lie close together, so that its maps change most.
"""

import argparse
import io
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tagalign.methods.thresholds import Threshold
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import SegmentQuestion, TagQuestion
from tagalign.tasks.photos.source import PhotoSource


def enlarged(path: Path, width: int, target: Path) -> None:
    """A JPEG of quality 90."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    if width:
        image = image.resize((width, round(width * image.height / image.width)), Image.Resampling.BICUBIC)
        pixels = np.asarray(image, np.float32)
        noise = np.random.default_rng(0).normal(0, 4, pixels.shape).astype(np.float32)
        image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    file_ = io.BytesIO()
    image.save(file_, "JPEG", quality=90)
    target.write_bytes(file_.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--width", type=int, default=1632)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--method", default="clip")
    parser.add_argument("--labels", default="person,dog,car,grass,sky,tree,road,wall")
    args = parser.parse_args()
    labels = load_label_set(args.labels)
    questions = {
        "segment": SegmentQuestion(labels=labels),
        "tag": TagQuestion(labels=labels, threshold=Threshold(kind="top", value=1)),
    }
    facts: dict[str, Any] = {"model": args.model, "method": args.method, "device": "cpu", "workers": 1}
    for kind, question in questions.items():
        jobs = {
            way: JobSpec(question=question, fast_decode=way == "fast", batch_size=1, **facts).open()
            for way in ("whole", "fast")
        }
        spent: dict[str, list[float]] = {"whole": [], "fast": []}
        same, decoded = [], set()
        target = Path(f"{args.folder.name}.{kind}.jpg").absolute()
        for path in sorted(args.folder.rglob("*.jpg"))[: args.photos]:
            enlarged(path, args.width, target)
            found = {}
            for way, job in jobs.items():
                started = time.process_time()
                (found[way],) = job.run([PhotoSource(path=str(target))])
                spent[way].append(1000 * (time.process_time() - started))
            first, second = (found[way].answer for way in ("whole", "fast"))
            if kind == "segment":
                same.append(float((first.labels == second.labels).float().mean()))
                decoded.add(f"{found['fast'].image.width} x {found['fast'].image.height}")
            else:
                same.append(float(first.chosen == second.chosen))
        target.unlink()
        row = {
            "benchmark": "fast_decode",
            "verb": kind,
            "model": args.model,
            "method": args.method,
            "photos": len(same),
            "width": args.width,
            "same_mean": round(statistics.mean(same), 4),
            "same_least": round(min(same), 4),
            **{f"{way}_cpu_ms": round(statistics.median(values), 1) for way, values in spent.items()},
            "decoded": sorted(decoded)[:3],
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
