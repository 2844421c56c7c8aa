"""Small collections of pairs in every container, with the faults that web data has."""

import io
import json
import tarfile

import numpy as np
from PIL import Image


def jpeg(number, size=(40, 30)):
    """A JPEG whose mean colour tells its number."""
    pixels = np.full((size[1], size[0], 3), (number * 7) % 256, dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


def write_tar(path, samples):
    """Samples as (key, {ending: bytes}), with the float times that webdataset's own writer leaves."""
    with tarfile.open(path, "w") as tar:
        for key, members in samples:
            for ending, content in members.items():
                info = tarfile.TarInfo(f"{key}.{ending}")
                info.size, info.mtime = len(content), 1.25
                tar.addfile(info, io.BytesIO(content))
    return path


def sample(number, caption="a cat"):
    """A whole sample as img2dataset writes it."""
    key = f"{number:09d}"
    record = json.dumps({"caption": caption, "key": key, "status": "success"}).encode()
    return key, {"jpg": jpeg(number), "txt": caption.encode(), "json": record}


def write_tars(folder, *, shards=3, per_shard=10):
    """Whole tars; pair n has the caption ``caption n``."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        numbers = range(shard * per_shard, (shard + 1) * per_shard)
        write_tar(folder / f"{shard:05d}.tar", [sample(n, f"caption {n}") for n in numbers])
    return folder
