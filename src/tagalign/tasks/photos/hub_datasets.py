"""Photos of a data set of the Hugging Face hub, or of a local one that the package ``datasets`` reads: ``hf://NAME``.

The rows are streamed once and their photos kept, byte for byte, in uncompressed tars of the cache. A run then reads them as
it reads any tar: in any order, from several threads, again after a stop, and without the network. No code of a data set is
ever run, and a data set of the hub cannot make this machine read files of its own.
"""

import io
import logging
import re
import shutil
import tarfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.atomic import atomic_write, marked
from tagalign.backbones.image_formats import DAMAGED, image_suffixes, register_plugins
from tagalign.cache_folder import default_cache_dir
from tagalign.errors import DataError, InputError, MissingExtraError
from tagalign.json_text import json_text
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.photos.tars import members

SCHEME = "hf://"
PART = 1000
"""Photos in a tar: what a stop costs at most."""
EVERY_S = 30.0
"""How often a long fetch says how far it is."""
LEAST = 4
"""Of the package ``datasets``: releases before it run code that comes with a data set."""
IMAGE_COLUMN = "image"
UNREADABLE = ".jpg"
"""Ending of what is no photo, so that the run meets it and lists it among its errors."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_OF_THE_HUB = re.compile(r"(?:(?:zip|tar)://[^:]+::)?hf://datasets/.+", re.DOTALL)
_STEM_BYTES = 80

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HubDataset:
    """What ``hf://DATASET[@REVISION][#CONFIG][:SPLIT][:COLUMN]`` means.

    Attributes:
        name: id on the hub, or a local folder.
        revision: of the hub; None for the newest.
        config: of data sets that have several.
        split: None for ``train``, or the only one.
        column: None for the only one with images, or ``image``.
    """

    name: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None
    column: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a folder here."""
        return Path(self.name).is_dir()


def is_hub_dataset(item: str) -> bool:
    """Whether an input is meant so."""
    return item.startswith(SCHEME)


def parse_hub_dataset(item: str) -> HubDataset:
    """Read an input.

    Raises:
        InputError: if it has another form.

    Example:
        >>> found = parse_hub_dataset("hf://ours/birds@v1#small:test:photo")
        >>> found.name, found.revision, found.config, found.split, found.column
        ('ours/birds', 'v1', 'small', 'test', 'photo')
    """
    rest = item.removeprefix(SCHEME)
    drive = rest[:2] if _DRIVE.match(rest) else ""
    name, *more = rest.removeprefix(drive).split(":")
    name, mark, config = name.partition("#")
    # a folder may hold an @ in its name
    name, at, revision = (name, "", "") if Path(drive + name).is_dir() else name.partition("@")
    if not name or len(more) > 2 or not all(more) or (mark and not config) or (at and not revision):
        raise InputError(
            f"{item}: expected hf://DATASET, with @REVISION, #CONFIG, :SPLIT and :COLUMN behind it where they are needed"
        )
    split, column = (*more, None, None)[:2]
    return HubDataset(
        name=drive + name, revision=revision or None, config=config or None, split=split, column=column
    )


def refuse_without_package(item: str) -> None:
    """Say before a model is opened that an input cannot be read.

    Raises:
        MissingExtraError: without the package ``datasets``.
        InputError: if the input has another form.
    """
    parse_hub_dataset(item)
    if find_spec("datasets") is None:
        raise MissingExtraError(f"the input {item}", "datasets", "hf")


def hub_photos(item: str) -> Iterator[PhotoSource]:
    """The photos of a data set, in the order of its rows; fetched where they are not here yet.

    Members of the tars are called by the number of their row, so every result leads back to it: ``00000012-cat.jpg``.

    Raises:
        MissingExtraError: without the package ``datasets``.
        InputError: if there is no such data set, split or column.
        DataError: if the stream breaks; what came stays, and the next call goes on behind it.
    """
    wanted = parse_hub_dataset(item)
    builder = _builder(wanted, item)
    split, rows = _rows(builder, wanted, item)
    column, rows = _images(rows, wanted, item)
    folder = _folder(wanted, str(builder.hash), f"{split}:{column}")
    for path in _tars(folder, rows, column, item, local=wanted.is_local):
        yield from members(str(path))


# --- what is meant -------------------------------------------------------------------------------------------------------


def _package(item: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(f"the input {item}", "datasets", "hf") from error
    if int(datasets.__version__.partition(".")[0]) < LEAST:
        raise InputError(
            f"{item}: needs datasets {LEAST} or newer, here is {datasets.__version__}, which may run code of a data set: "
            "pip install -U datasets"
        )
    return datasets


def _builder(wanted: HubDataset, item: str) -> Any:
    more = {} if wanted.revision is None else {"revision": wanted.revision}
    package = _package(item)
    try:
        return package.load_dataset_builder(wanted.name, name=wanted.config, **more)
    # of the network, of the hub, of formats: there are many kinds, and all mean that there is no data set
    except Exception as error:
        raise InputError(f"{item}: no data set that can be read ({_first_line(error)})") from error


def _rows(builder: Any, wanted: HubDataset, item: str) -> tuple[str, Any]:
    """The split, and its rows as a stream."""
    try:
        splits = builder.as_streaming_dataset()
    except Exception as error:  # as above
        raise InputError(f"{item}: cannot be streamed ({_first_line(error)})") from error
    names = list(splits)
    split = wanted.split or ("train" if "train" in names or len(names) != 1 else names[0])
    if split not in splits:
        raise InputError(f"{item}: has no split {split!r}; it has {', '.join(names)}, as hf://NAME:SPLIT")
    return split, splits[split]


def _images(rows: Any, wanted: HubDataset, item: str) -> tuple[str, Any]:
    """The column with the photos, and the rows with their bytes as they are."""
    kind = _package(item).Image
    found = [name for name, feature in (rows.features or {}).items() if isinstance(feature, kind)]
    column = wanted.column or (IMAGE_COLUMN if IMAGE_COLUMN in found or len(found) != 1 else found[0])
    if column not in found:
        has = f"its columns of images are {', '.join(found)}" if found else "it has no column of images"
        raise InputError(f"{item}: {column!r} is no column of images; {has}, as hf://NAME:SPLIT:COLUMN")
    return column, rows.select_columns([column]).cast_column(column, kind(decode=False))


def _folder(wanted: HubDataset, version: str, part: str) -> Path:
    """Of the tars: another version, split or column has another one."""
    name = Path(wanted.name).name if wanted.is_local else wanted.name.replace("/", "--")
    own = re.sub(r"[^\w.-]+", "_", f"{name}-{part}")
    place = str(Path(wanted.name).resolve()) if wanted.is_local else wanted.name
    return default_cache_dir() / "datasets" / marked(own, f"{place}\0{wanted.config}\0{version}\0{part}", 120)


# --- fetching ------------------------------------------------------------------------------------------------------------


def _tars(folder: Path, rows: Any, column: str, item: str, *, local: bool) -> Iterator[Path]:
    """The tars in order, each as soon as it is whole; those that are there are not fetched again."""
    # nothing is swept: another shard of the same run may be writing the same tar
    folder.mkdir(parents=True, exist_ok=True)
    done, have = folder / "done.json", sorted(folder.glob("part-*.tar"))
    yield from have
    if done.exists():
        return
    count, said = len(have) * PART, time.monotonic()
    stream = iter(rows.skip(count)) if count else iter(rows)
    for number in range(len(have), 10**6):
        path = folder / f"part-{number:06d}.tar"
        photos = _batch(stream, column, item, count)
        if not photos:
            break
        with atomic_write(path) as temp:
            _write(temp, photos, first=count, local=local)
        count += len(photos)
        if time.monotonic() - said > EVERY_S:
            logger.warning("%s: %d photos are here", printable(item), count)
            said = time.monotonic()
        yield path
        if len(photos) < PART:
            break
    with atomic_write(done) as temp:
        temp.write_text(json_text({"input": printable(item)}) + "\n", encoding="utf-8")


def _batch(stream: Iterator[Any], column: str, item: str, before: int) -> list[Any]:
    try:
        return [row[column] for row in islice(stream, PART)]
    except Exception as error:  # as above
        raise DataError(
            f"{item}: the stream broke behind photo {before} ({_first_line(error)}); the same command goes on from there"
        ) from error


def _write(path: Path, photos: Iterable[Any], *, first: int, local: bool) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for number, value in enumerate(photos, start=first):
            raw = _bytes(value, local=local)
            entry = tarfile.TarInfo(f"{number:08d}{_own_name(value)}{_ending(raw)}")
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))


def _bytes(value: Any, *, local: bool) -> bytes:
    """As they lie in the row, or in the file that it names; none where there is no photo."""
    if not isinstance(value, Mapping):
        return b""
    if value.get("bytes"):
        return bytes(value["bytes"])
    path = value.get("path")
    if not path:
        return b""
    if local and "://" not in path:
        place = Path(path)
        return place.read_bytes() if place.is_file() else b""
    # a row of a stranger may name any file; only files of the hub, and those inside its archives, are read
    if not _OF_THE_HUB.fullmatch(path):
        return b""
    import fsspec  # comes with datasets

    with fsspec.open(path, "rb") as file, io.BytesIO() as kept:
        shutil.copyfileobj(file, kept)
        return kept.getvalue()


def _own_name(value: Any) -> str:
    """``-NAME`` of the file that the photo was, so that people find it again."""
    path = value.get("path") if isinstance(value, Mapping) else None
    if not path:
        return ""
    own = re.split(r"[\\/]", path.partition("::")[0])[-1].rpartition(".")[0]
    return (
        f"-{marked(own, own, _STEM_BYTES)}"
        if len(own.encode("utf-8", "replace")) > _STEM_BYTES
        else f"-{own}"
    )


def _ending(raw: bytes) -> str:
    """By what the bytes are, never by a name."""
    register_plugins()
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(raw)) as photo,
        ):
            kind = str(photo.format)
    except DAMAGED:
        return UNREADABLE
    known = image_suffixes()
    found = sorted(end for end, one in Image.registered_extensions().items() if one == kind and end in known)
    usual = (
        ".jpg" if kind in {"JPEG", "MPO"} else f".{kind.lower()}"
    )  # PNG has .apng too, and others have theirs
    return usual if usual in known else next(iter(found), UNREADABLE)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return printable(text.splitlines()[0])[:300]
