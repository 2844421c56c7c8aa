"""What a folder of shards was made with, so that changed settings never mix with old shards and finished ones are kept."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.json_text import json_text
from tagalign.tags.captions.rows import photo_endings
from tagalign.tags.captions.sources import files_below

_END = 1 << 20  # bytes hashed at either end of an input


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """One finished shard: what it was made of, and what came out.

    Attributes:
        source: fingerprint of the input file.
        bytes: size of the shard.
        rows: captions in it.
        failed: captions that could not be parsed, and lines that were no caption.
    """

    source: str
    bytes: int
    rows: int
    failed: int


@dataclass
class Manifest:
    """The state of an output folder.

    Attributes:
        path: the JSON file.
        settings: everything that changes the rows.
        shards: finished shards by file name.
    """

    path: Path
    settings: dict[str, object]
    shards: dict[str, ShardRecord] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, settings: dict[str, object], *, overwrite: bool = False) -> "Manifest":
        """Continue the manifest at ``path``, or begin one.

        Args:
            path: where it is.
            settings: of this run.
            overwrite: forget what other settings left instead of refusing.

        Raises:
            DataError: if the folder was made with other settings, or the file is damaged.
        """
        settings = json.loads(json_text(settings))
        if not path.exists():
            return cls(path, settings)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            shards = {name: ShardRecord(**record) for name, record in stored["shards"].items()}
            old = dict(stored["settings"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}); remove it to start over") from error
        if old == settings:
            return cls(path, settings, shards)
        if overwrite:
            return cls(path, settings)
        keys = sorted(k for k in old.keys() | settings if old.get(k) != settings.get(k))
        changes = "; ".join(f"{k} was {old.get(k)}, now {settings.get(k)}" for k in keys)
        raise DataError(
            f"{path.parent} holds shards made with other settings ({changes}); use another folder or --overwrite"
        )

    def is_done(self, name: str, source: str) -> bool:
        """Whether this shard was made from this very input and still lies there whole."""
        record, shard = self.shards.get(name), self.path.parent / name
        return (
            record is not None
            and record.source == source
            and shard.exists()
            and shard.stat().st_size == record.bytes
        )

    def finish(self, name: str, source: str, *, rows: int, failed: int) -> None:
        """Note a shard that has just got its final name, and save."""
        size = (self.path.parent / name).stat().st_size
        self.shards[name] = ShardRecord(source, size, rows, failed)
        self.save()

    def save(self) -> None:
        """Write the file; shards are sorted, so equal runs give equal files."""
        shards = {
            name: {slot: getattr(record, slot) for slot in ShardRecord.__slots__}
            for name, record in sorted(self.shards.items())
        }
        with atomic_write(self.path) as temp:
            temp.write_text(
                json_text({"settings": self.settings, "shards": shards}, indent=1), encoding="utf-8"
            )


def source_stamp(path: Path) -> str:
    """Size, time of change and a hash of both ends of a file: cheap for tars of gigabytes; of a folder what files lie in it.

    A file that was touched or edited gets a new one and is parsed again.
    """
    if path.is_dir():
        return _folder_stamp(path)
    stat = path.stat()
    digest = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    with path.open("rb") as file:
        digest.update(file.read(_END))
        if stat.st_size > _END:
            file.seek(max(_END, stat.st_size - _END))
            digest.update(file.read(_END))
    return digest.hexdigest()[:32]


def _folder_stamp(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in files_below(folder):
        ending = path.suffix.lower().lstrip(".")
        state = ""  # a photo gives no more than its name
        if ending in ("txt", "json"):
            stat = path.stat()
            state = f" {stat.st_size} {stat.st_mtime_ns}"
        if state or ending in photo_endings():
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name}{state}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]
