"""Memory of Tag2Text training while it streams records from tars or a file: python runs/tag2text_stream_memory.py.

Drawn photos of 16 pixels with captions and tag ids, in tars of 10,000; a tenth of the tars is written, the others are links
that the stream reads as files of their own. With ``--kind json`` or ``parquet`` (one row group, as pyarrow writes up to a
million rows) the records stand in one file beside 500 photos, and are copied into small groups first. A stand-in network
of a few thousand weights, because what is measured is the data's way: headers, records, photos, batches, the loop. Prints
the resident memory as it goes and fits its growth per million records after the first tenth.
"""

import argparse
import io
import json
import random
import resource
import shutil
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.pairs import find_shards
from tagalign.data.tag2text.batches import PhotoData
from tagalign.data.tag2text.record_shards import record_refs
from tagalign.data.tag2text.records import SCHEMA
from tagalign.data.tag2text.shards import TaggedShards
from tagalign.data.tag2text.stream import RecordStream
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces
from tagalign.train.loop.plan import Hooks
from tagalign.train.tag2text.losses import Tasks
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.training import train_tag2text

NAMES = ("red", "green", "blue", "dark", "light", "dog", "cat", "car")
PER_TAR = 10_000


def photo(rng: random.Random) -> bytes:
    """A JPEG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), tuple(rng.randrange(256) for _ in range(3))).save(file, "JPEG")
    return file.getvalue()


def write_tars(folder: Path, records: int) -> None:
    """Samples KEY.jpg and KEY.json; 500 photos are drawn and taken again."""
    rng = random.Random(0)
    photos = [photo(rng) for _ in range(500)]
    tars = -(-records // PER_TAR)
    written = max(tars // 10, 1)
    for number in range(written):
        with tarfile.open(folder / f"{number:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for i in range(number * PER_TAR, min((number + 1) * PER_TAR, records)):
                tags = sorted(rng.sample(range(len(NAMES)), 2))
                words = f"a {NAMES[tags[0]]} {NAMES[tags[1]]} number {i}"
                record = json.dumps({"caption": [words], "parse_label_id": [tags]}).encode()
                for name, content in ((f"{i:08d}.jpg", rng.choice(photos)), (f"{i:08d}.json", record)):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    for number in range(written, tars):
        (folder / f"{number:05d}.tar").hardlink_to(folder / f"{number % written:05d}.tar")


def write_records(folder: Path, records: int, kind: str) -> Path:
    """One file of records beside 500 photos."""
    rng, path = random.Random(0), folder / f"records.{kind}"
    for i in range(500):
        (folder / f"{i}.jpg").write_bytes(photo(rng))

    def row(i: int) -> dict[str, Any]:
        tags = sorted(rng.sample(range(len(NAMES)), 2))
        words = f"a {NAMES[tags[0]]} {NAMES[tags[1]]} number {i}"
        return {"key": str(i), "image": f"{i % 500}.jpg", "captions": [words], "tags": [tags]}

    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([row(i) for i in range(records)], schema=SCHEMA), path)
        return path
    with path.open("w") as file:
        for i in range(records):
            one = row(i)
            value = {"image_path": one["image"], "caption": one["captions"], "parse_label_id": one["tags"]}
            file.write(("[" if i == 0 else ",\n") + json.dumps(value))
        file.write("]")
    return path


def resident() -> float:
    """MiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def stand_in() -> Tag2TextMethod:
    """A ViT of one patch and text parts of one layer."""
    words = Wordpieces.from_texts(["a picture of | number", *NAMES, *map(str, range(10))])
    text = {
        "vocab_size": len(words), "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 8, "max_position_embeddings": 96,
    }  # fmt: skip
    vit = {"image_size": 16, "patch_size": 16, "hidden_size": 8, "num_hidden_layers": 1}
    model = build_tag2text(
        num_tags=len(NAMES),
        image_encoder={"kind": "vit", "config": {**vit, "num_attention_heads": 1, "intermediate_size": 8}},
        tag_encoder={**text, "encoder_hidden_size": 8},
        text_decoder={**text, "encoder_hidden_size": 8},
        tag_head={"kind": "linear"},
        alignment={"embed_dim": 4},
    )
    pixels = Preprocessing(image_size=16)
    return Tag2TextMethod(model, words, NAMES, choice=TagChoice.of(len(NAMES)), preprocessing=pixels)


def measure(folder: Path, records: int, batch: int, kind: str) -> list[tuple[int, float]]:
    """Records seen and resident MiB, a hundred times on the way through one epoch."""
    method = stand_in()
    if kind == "tar":
        refs = find_shards([folder])
    else:
        refs = record_refs(folder / f"records.{kind}", num_tags=len(NAMES), kept=folder / "copy")
        print(f"in pieces: {resident():.1f} MiB", flush=True)
    shards = TaggedShards(refs=tuple(refs), num_tags=len(NAMES))
    photos = PhotoData(records=(), folder=folder, preprocessing=method.preprocessing, crop=1.0, workers=1)
    steps = records // batch
    seen: list[tuple[int, float]] = []

    def note(step: int, _: int, __: object) -> None:
        if step % max(steps // 100, 1) == 0:
            seen.append((step * batch, resident()))
            if len(seen) % 10 == 0:
                print(f"{seen[-1][0]:>9,} records  {seen[-1][1]:7.1f} MiB", flush=True)

    plan = Tag2TextPlan(steps=steps, batch_size=batch, warmup=1, checkpoint_every=0, log_every=0)
    # tagging alone: the quickest task, the others see the same batch
    train_tag2text(
        method,
        RecordStream(shards=shards, photos=photos),
        plan,
        tasks=Tasks(weights={"tagging": 1.0}),
        hooks=Hooks(progress=note),
    )
    return seen


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=None, help="of the tars; a temporary one by default")
    parser.add_argument("--kind", choices=("tar", "json", "parquet"), default="tar")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if options.kind != "tar" and not (folder / f"records.{options.kind}").exists():
        # in a process of its own: what writing takes must not be counted
        with ProcessPoolExecutor(1) as pool:
            pool.submit(write_records, folder, options.records, options.kind).result()
    if options.kind == "tar" and not any(folder.glob("*.tar")):
        write_tars(folder, options.records)
    began = time.perf_counter()
    seen = measure(folder, options.records, options.batch, options.kind)
    later = np.array(seen[len(seen) // 10 :])
    slope = np.polyfit(later[:, 0] / 1e6, later[:, 1], 1)[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.records:,} records in {time.perf_counter() - began:.0f} s: {later[0, 1]:.1f} MiB after a tenth, "
        f"{later[-1, 1]:.1f} at the end, peak {peak:.1f}; growth {slope:+.2f} MiB per million records"
    )
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
