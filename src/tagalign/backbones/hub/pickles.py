"""State dicts out of pickles: torch's zip form, its older form, and TorchScript archives such as OpenAI's ``ViT-B-16.pt``.

Nothing in the file is run (``pickle_machine``), nothing is unpacked to a disk, and every length is held against the file
before memory is taken: tensors are views of the mapped file. The one exception are numbers that lie unaligned in the older
form; those are copied.
"""

import io
import mmap
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.backbones.hub.pickle_machine import Module, Refused, Storage, StorageView, read_pickle
from tagalign.errors import ModelError

DTYPES = {
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Double": torch.float64,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "Bool": torch.bool,
}
MAX_ENTRIES = 100_000  # of a zip: a ViT-bigG-14 has about 1,300
MAX_PICKLE = 256_000_000  # bytes of data.pkl: names and shapes; 0.1 MB for a ViT-B/16
MAX_DEPTH = 32  # of modules within modules
MAX_SHARED = 2  # all tensors together have at most twice the numbers of the file: tied weights, not a bomb
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
LEGACY_PROTOCOL = 1001
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training checkpoints keep the state dict."""

ReadStorage = Callable[[Storage], Tensor]


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle by name.

    Args:
        path: written by ``torch.save`` or ``torch.jit.save``. Its content is not trusted.

    Returns:
        Views of the mapped file, on the CPU, in the dtype of the file. ``module.`` of parallel training is cut off.

    Raises:
        ModelError: if it is none, is damaged, or holds anything but tensors. Nothing has been run or written then.
    """
    try:
        with _mapped(path) as data:
            if data[:4] == b"PK\x03\x04":
                root, numbers = _read_zip(path, data)
            else:
                root, numbers = _read_legacy(path, data)
            return _tensors(_state_dict(root), numbers)
    except Refused as refused:
        raise ModelError(
            f"{path}: refused, {refused}; nothing in it was run. Take safetensors of this model if there are any"
        ) from refused


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    """The file as memory. Pages are copied when written to, so that torch may have them; the file never changes."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise ModelError(f"{path}: cannot be read ({error})") from error
    yield data  # not closed: the tensors are views of it, the last of them lets it go


# --- the zip form ---------------------------------------------------------------------------------------------------


def _read_zip(path: Path, data: mmap.mmap) -> tuple[Any, ReadStorage]:
    try:
        with zipfile.ZipFile(path) as archive:
            spans = _spans(archive, data)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise Refused(f"it is no whole zip file ({error}); it may be truncated") from error
    tops = {name.partition("/")[0] for name in spans if name.endswith("/data.pkl")}
    if len(tops) != 1:
        raise Refused("it is a zip without one plain data.pkl, so torch did not write it")
    top = tops.pop()
    start, size = spans[f"{top}/data.pkl"]
    if size > MAX_PICKLE:
        raise Refused(f"its data.pkl has {size:,} bytes, at most {MAX_PICKLE:,} are read")
    if (order := spans.get(f"{top}/byteorder")) and data[order[0] : order[0] + order[1]] != b"little":
        raise Refused("its numbers are in big-endian order")
    scripted = f"{top}/constants.pkl" in spans
    root = read_pickle(io.BytesIO(data[start : start + size]), scripted=scripted)

    def numbers(storage: Storage) -> Tensor:
        span = spans.get(f"{top}/data/{storage.key}")
        wanted = storage.numel * DTYPES[storage.type_name].itemsize
        if span is None or span[1] != wanted:  # missing, packed, or of another length
            raise Refused(
                f"its storage {storage.key[:40]!r} says {wanted:,} bytes and has {span[1] if span else 0:,}"
            )
        return _flat(data, span[0], storage)

    return root, numbers


def _spans(archive: zipfile.ZipFile, data: mmap.mmap) -> dict[str, tuple[int, int]]:
    """Where the content of each plain entry lies: start and length. Nothing is unpacked, so names lead nowhere."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise Refused(f"it is a zip with {len(entries):,} entries")
    spans: dict[str, tuple[int, int]] = {}
    seen: set[str] = set()
    end = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        _check_entry(entry)
        if entry.filename in seen:
            raise Refused(f"it has {entry.filename[:60]!r} twice")
        seen.add(entry.filename)
        start = _content_start(data, entry)
        if entry.header_offset < end or start + entry.compress_size > archive.start_dir:
            raise Refused(f"its entry {entry.filename[:60]!r} overlaps another or leaves the file")
        end = start + entry.compress_size
        plain = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
        # torch packs only the code of an archive, which nobody reads; a packed tensor could be a bomb
        if plain and not entry.flag_bits & 1:
            spans[entry.filename] = (start, entry.file_size)
    return spans


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/"):
        raise Refused(f"it has an entry outside of itself ({name[:60]!r})")
    # the upper half holds the Unix mode, whose first four bits say what kind of file it is
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        raise Refused(f"its entry {name[:60]!r} is a link")


def _content_start(data: mmap.mmap, entry: zipfile.ZipInfo) -> int:
    # a local header has 30 bytes, then a name and an extra field whose lengths may differ from those in the directory
    header = data[entry.header_offset : entry.header_offset + 30]
    if header[:4] != b"PK\x03\x04":
        raise Refused(f"its entry {entry.filename[:60]!r} has no header")
    name, extra = struct.unpack("<HH", header[26:30])
    return entry.header_offset + 30 + name + extra


# --- the older form ---------------------------------------------------------------------------------------------------


def _read_legacy(path: Path, data: mmap.mmap) -> tuple[Any, ReadStorage]:
    """Five pickles in a row (magic, protocol, machine, state dict, keys), then each storage behind its length."""
    if tarfile.is_tarfile(path):
        raise Refused("it is a tar file, as torch wrote them before 2016")
    magic = read_pickle(data)
    if magic != LEGACY_MAGIC or read_pickle(data) != LEGACY_PROTOCOL:
        raise Refused("torch did not write it")
    machine = read_pickle(data)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Refused("its numbers are in big-endian order")
    root = read_pickle(data)
    keys = read_pickle(data)
    if not isinstance(keys, list) or not all(type(key) is str for key in keys) or len(set(keys)) != len(keys):
        raise Refused("its list of storages is damaged")
    sizes = {storage.key: storage for storage in _storages(root)}
    starts = _legacy_starts(data, keys, sizes)

    def numbers(storage: Storage) -> Tensor:
        if storage.key not in starts or sizes[storage.key] != storage:
            raise Refused(f"its storage {storage.key[:40]!r} is not there")
        return _flat(data, starts[storage.key], storage)

    return root, numbers


def _legacy_starts(data: mmap.mmap, keys: list[str], sizes: Mapping[str, Storage]) -> dict[str, int]:
    starts: dict[str, int] = {}
    for key in keys:
        if key not in sizes:
            raise Refused(f"its storage {key[:40]!r} belongs to no tensor")
        storage = sizes[key]
        head = data.read(8)
        if len(head) < 8 or struct.unpack("<q", head)[0] != storage.numel:
            raise Refused(f"its storage {key[:40]!r} is damaged or truncated")
        starts[key] = data.tell()
        end = starts[key] + storage.numel * DTYPES[storage.type_name].itemsize
        if end > len(data):
            raise Refused(f"its storage {key[:40]!r} ends behind the file, which may be truncated")
        data.seek(end)
    return starts


def _storages(value: Any, depth: int = 0) -> Iterator[Storage]:
    if depth > MAX_DEPTH:
        raise Refused("it is nested too deeply")
    if isinstance(value, StorageView):
        yield value.storage
    elif isinstance(value, dict):
        for item in value.values():
            yield from _storages(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _storages(item, depth + 1)


# --- values to tensors --------------------------------------------------------------------------------------------------


def _flat(data: mmap.mmap, start: int, storage: Storage) -> Tensor:
    dtype = DTYPES[storage.type_name]
    if storage.numel == 0:
        return torch.empty(0, dtype=dtype)
    if start % dtype.itemsize:  # the older form aligns nothing
        piece = bytearray(data[start : start + storage.numel * dtype.itemsize])
        return torch.frombuffer(piece, dtype=dtype)
    return torch.frombuffer(data, dtype=dtype, count=storage.numel, offset=start)


def _state_dict(root: Any) -> dict[str, StorageView]:
    """The mapping from names to tensors in what a checkpoint holds."""
    if isinstance(root, Module):
        return dict(_attributes(root))
    if isinstance(root, dict):
        for key in WRAPPERS:
            if isinstance(root.get(key), dict):
                root = root[key]
                break
    if not isinstance(root, dict) or not root:
        raise Refused(f"it holds no state dict but {_kind(root)}")
    for name, value in root.items():
        if type(name) is not str or not isinstance(value, StorageView):
            raise Refused(f"it holds {_kind(value)} under {str(name)[:60]!r} where a tensor is expected")
    prefix = "module." if all(name.startswith("module.") for name in root) else ""
    return {name.removeprefix(prefix): value for name, value in root.items()}


def _attributes(module: Module, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, StorageView]]:
    """Tensors of a TorchScript object and of those below it; flags and numbers are no weights."""
    if depth > MAX_DEPTH:
        raise Refused("it is nested too deeply")
    for name, value in module.attributes.items():
        if isinstance(value, StorageView):
            yield f"{prefix}{name}", value
        elif isinstance(value, Module):
            yield from _attributes(value, f"{prefix}{name}.", depth + 1)


def _kind(value: Any) -> str:
    return "a tensor alone" if isinstance(value, StorageView) else f"a value of type {type(value).__name__}"


def _tensors(views: Mapping[str, StorageView], numbers: ReadStorage) -> dict[str, Tensor]:
    flats: dict[Storage, Tensor] = {}
    tensors: dict[str, Tensor] = {}
    asked = 0
    for name, view in views.items():
        if view.storage not in flats:
            flats[view.storage] = numbers(view.storage)
        asked += _check_view(name, view)
        tensors[name] = flats[view.storage].as_strided(view.size, view.stride, view.offset)
    if asked > MAX_SHARED * sum(storage.numel for storage in flats):
        raise Refused("its tensors share their numbers more than tied weights do")
    return tensors


def _check_view(name: str, view: StorageView) -> int:
    """Numbers of a tensor, all of which lie in its storage."""
    if len(view.size) != len(view.stride) or len(view.size) > 8:
        raise Refused(f"its tensor {name[:60]!r} has {len(view.size)} sizes and {len(view.stride)} steps")
    count = 1
    for side in view.size:
        count *= side
    last = view.offset + sum((side - 1) * step for side, step in zip(view.size, view.stride, strict=True))
    if count and (last >= view.storage.numel or count > view.storage.numel):
        raise Refused(
            f"its tensor {name[:60]!r} is larger than its storage of {view.storage.numel:,} numbers"
        )
    return count
