"""The same pairs in every container that captions come in."""

import csv
import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ("jsonl", "csv", "tsv", "parquet", "tar", "folder", "coco")


def write_pairs(folder, pairs, kind):
    """Pairs as ``(key, photo's bytes, caption)`` in a folder of their own; gives what a person would name."""
    folder.mkdir(parents=True)
    if kind in ("tar", "folder"):
        return (_tar if kind == "tar" else _folder)(folder, pairs)
    for key, photo, _ in pairs:
        (folder / f"{key}.jpg").write_bytes(photo)
    path = folder / {"coco": "pairs.json"}.get(kind, f"pairs.{kind}")
    rows = [{"key": key, "image": f"{key}.jpg", "caption": caption} for key, _, caption in pairs]
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif kind == "csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, ["key", "image", "caption"])
            writer.writeheader()
            writer.writerows(rows)
    elif kind == "tsv":
        lines = ["key\timage\tcaption", *("\t".join(row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        images = [{"id": i, "file_name": row["image"]} for i, row in enumerate(rows)]
        notes = [
            {"id": i, "image_id": i, "caption": r["caption"], "key": r["key"]} for i, r in enumerate(rows)
        ]
        path.write_text(json.dumps({"images": images, "annotations": notes}))
    return path


def add(tar, name, content):
    """A member of a tar."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _tar(folder, pairs):
    with tarfile.open(folder / "pairs.tar", "w") as tar:
        for key, photo, caption in pairs:
            add(tar, f"{key}.jpg", photo)
            add(tar, f"{key}.txt", caption.encode())
    return folder / "pairs.tar"


def _folder(folder, pairs):
    for key, photo, caption in pairs:
        (folder / f"{key}.jpg").write_bytes(photo)
        (folder / f"{key}.txt").write_bytes(caption.encode())
    return folder
