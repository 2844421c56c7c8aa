"""The same pairs in every container that captions come in, in the forms in which programs and people write them."""

import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ("jsonl", "csv", "tsv", "parquet", "tar", "folder", "coco", "listed")

PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda raw: pa.compress(raw, codec="zstd", asbytes=True),
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a container is written; each kind heeds what means something to it.

    Attributes:
        newline: between lines.
        encoding: of texts.
        packing: ending of a packed file.
        shards: files of a folder that share the pairs.
        delimiter: of CSV.
        quote_all: every cell of a CSV in quotes.
        upper: endings and names of columns in upper case.
        records: captions in ``.json`` instead of ``.txt``, in tars and folders.
        apart: photos of a tar behind all captions.
        format: of a tar.
    """

    newline: str = "\n"
    encoding: str = "utf-8"
    packing: str = ""
    shards: int = 1
    delimiter: str = ","
    quote_all: bool = False
    upper: bool = False
    records: bool = False
    apart: bool = False
    format: int = tarfile.PAX_FORMAT


PLAIN = Form()


def write_pairs(folder, pairs, kind, form=PLAIN):
    """Pairs as ``(key, photo's bytes, caption)`` in a folder of their own; gives what a person would name."""
    folder.mkdir(parents=True)
    if kind == "folder":
        return _folder(folder, pairs, form)
    if kind != "tar":
        for key, photo, _ in pairs:
            (folder / f"{key}.jpg").write_bytes(photo)
    shards = min(form.shards, len(pairs)) if kind not in ("coco", "listed") else 1  # documents must be named
    parts = [pairs[i::shards] for i in range(shards)]
    ending = {"coco": "json", "listed": "json"}.get(kind, kind)
    paths = [folder / f"pairs{i if shards > 1 else ''}.{ending}" for i in range(shards)]
    for path, part in zip(paths, parts, strict=True):
        if kind == "tar":
            _tar(path, part, form)
        elif kind == "parquet":
            _parquet(path, part, form)
        else:
            _text_file(path, _TEXTS[kind](_rows(part), form), form)
    if shards > 1:
        return folder
    return paths[0].with_name(paths[0].name + (form.packing if kind in _TEXTS else ""))


def add(tar, name, content):
    """A member of a tar."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _rows(pairs):
    return [{"key": key, "image": f"{key}.jpg", "caption": caption} for key, _, caption in pairs]


def _text_file(path, text, form):
    raw = PACKERS[form.packing](text.encode(form.encoding))
    path.with_name(path.name + form.packing).write_bytes(raw)


def _jsonl(rows, form):
    return "".join(json.dumps(row, ensure_ascii=False) + form.newline for row in rows)


def _csv(rows, form):
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if form.quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=form.delimiter, lineterminator=form.newline, quoting=quoting)
    writer.writerows([_head(form), *(list(row.values()) for row in rows)])
    return file.getvalue()


def _tsv(rows, form):
    return "".join(
        "\t".join(cells) + form.newline for cells in [_head(form), *(row.values() for row in rows)]
    )


def _head(form):
    names = ["key", "image", "caption"]
    return [name.upper() for name in names] if form.upper else names


def _coco(rows, form):
    images = [{"id": i, "file_name": row["image"]} for i, row in enumerate(rows)]
    notes = [{"id": i, "image_id": i, "caption": r["caption"], "key": r["key"]} for i, r in enumerate(rows)]
    return json.dumps({"images": images, "annotations": notes})


def _listed(rows, form):
    return json.dumps([{**row, "caption": [row["caption"]]} for row in rows], indent=1)


_TEXTS = {"jsonl": _jsonl, "csv": _csv, "tsv": _tsv, "coco": _coco, "listed": _listed}


def _parquet(path, pairs, form):
    table = pa.Table.from_pylist(
        _rows(pairs), schema=pa.schema([(n, pa.string()) for n in ("key", "image", "caption")])
    )
    if form.quote_all:  # other types that hold the same texts
        kinds = [pa.large_string(), pa.string(), pa.dictionary(pa.int32(), pa.string())]
        table = table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))
    pq.write_table(table, path, row_group_size=2)


def _caption_file(caption, form):
    """Ending and content of a caption beside its photo."""
    ending = "json" if form.records else "txt"
    text = json.dumps({"caption": caption}) if form.records else caption + form.newline
    return ending.upper() if form.upper else ending, text.encode(form.encoding)


def _tar(path, pairs, form):
    jpg, later = "JPG" if form.upper else "jpg", []
    with tarfile.open(path, "w", format=form.format) as tar:
        for key, photo, caption in pairs:
            ending, text = _caption_file(caption, form)
            members = [(f"{key}.{jpg}", photo), (f"./{key}.{ending}", text)]
            later += members[:1] if form.apart else []
            for member in members[1:] if form.apart else members:
                add(tar, *member)
        for member in later:
            add(tar, *member)


def _folder(folder, pairs, form):
    for i, (key, photo, caption) in enumerate(pairs):
        place = folder / f"{i % form.shards}" if form.shards > 1 else folder
        place.mkdir(exist_ok=True)
        ending, text = _caption_file(caption, form)
        (place / f"{key}.{'JPG' if form.upper else 'jpg'}").write_bytes(photo)
        (place / f"{key}.{ending}").write_bytes(text)
    return folder
