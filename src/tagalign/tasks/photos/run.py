"""Label any number of images: shards, parts that appear whole or not at all, and a run that can be resumed.

Layout of the output folder: ``run-IIIII-of-NNNNN.json`` (what is done) and ``inputs-...jsonl`` (which images) of each shard,
``tags/`` or ``masks/`` with one Parquet file per part, ``errors/`` with what failed, part by part.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.tasks.label_inputs import Manifest, list_sources, write_manifest
from tagalign.tasks.photos.job import Job, JobSpec, Kind, Labelled
from tagalign.tasks.photos.rows import count_rows, write_rows

FOLDERS: dict[Kind, str] = {"tag": "tags", "segment": "masks"}
PART_SIZE = 1000
"""Images per part: what a kill costs at most."""

Sink = Callable[[Labelled], None]
"""Sees every image before its part is written, for pictures on request."""


@dataclass(frozen=True, kw_only=True)
class LabelRun:
    """One shard of a labelling run on disk.

    Attributes:
        folder: of all results.
        kind: ``tag`` or ``segment``.
        shard: ``(i, n)``.
        manifest: its images.
    """

    folder: Path
    kind: Kind
    shard: tuple[int, int]
    manifest: Manifest

    @property
    def suffix(self) -> str:
        """``IIIII-of-NNNNN``."""
        return _suffix(self.shard)

    def part_path(self, number: int) -> Path:
        """Of a part's rows."""
        return self.folder / FOLDERS[self.kind] / f"part-{self.suffix}-{number:06d}.parquet"

    def error_path(self, number: int) -> Path:
        """Of a part's failures."""
        return self.folder / "errors" / f"part-{self.suffix}-{number:06d}.jsonl"

    def pending(self) -> list[int]:
        """Parts that are not written yet."""
        return [i for i in range(len(self.manifest.starts)) if not self.part_path(i).exists()]

    def parts(self) -> list[Path]:
        """Parts that are written, in order."""
        return [p for i in range(len(self.manifest.starts)) if (p := self.part_path(i)).exists()]

    def done(self) -> tuple[int, int]:
        """Images that were labelled, and that failed, in the parts that are written."""
        failed = sum(_lines(path) for path in self.error_paths())
        return count_rows(self.parts()), failed

    def error_paths(self) -> list[Path]:
        """Failures of the parts that are written."""
        numbers = [i for i in range(len(self.manifest.starts)) if self.part_path(i).exists()]
        return [p for i in numbers if (p := self.error_path(i)).exists()]


def open_run(
    spec: JobSpec,
    inputs: Sequence[str],
    folder: Path,
    *,
    fingerprint: str,
    described: dict[str, object],
    shard: tuple[int, int] = (0, 1),
    part_size: int = PART_SIZE,
    lines: Iterable[str] = (),
) -> LabelRun:
    """Begin a run, or go on with one that stopped.

    Args:
        spec: what is to be done.
        inputs: see ``list_sources``; not read again when the run goes on.
        folder: of the results.
        fingerprint: of the job; another one in the same folder is refused.
        described: what a result must name.
        shard: ``(i, n)``: every n-th image from the i-th on.
        part_size: images per part.
        lines: paths for the input ``-``.

    Raises:
        InputError: if the folder holds another run, or the inputs mean no image.
    """
    if part_size < 1:
        raise InputError(f"expected parts of at least 1 image, got {part_size}")
    head = folder / f"run-{_suffix(shard)}.json"
    _refuse_other_run(folder, fingerprint, shard)
    found = _read_head(head)
    path = folder / f"inputs-{_suffix(shard)}.jsonl"
    if found is not None and path.exists():
        _refuse_other_inputs(head, found, inputs)
        manifest = Manifest(
            path=path, count=found["count"], part_size=found["part_size"], starts=tuple(found["starts"])
        )
    else:
        manifest = write_manifest(path, list_sources(inputs, lines), shard=shard, part_size=part_size)
        _write_head(head, {"fingerprint": fingerprint, "inputs": list(inputs), "kind": spec.kind, "shard": list(shard),
                           **manifest.values(), "job": described})  # fmt: skip
    run = LabelRun(folder=folder, kind=spec.kind, shard=shard, manifest=manifest)
    _sweep(run)
    return run


def clear_run(folder: Path) -> None:
    """Remove what labelling runs wrote into a folder, and nothing else."""
    for pattern in ("run-*-of-*.json", "inputs-*-of-*.jsonl", "errors*.jsonl", "*/part-*-of-*"):
        for path in folder.glob(pattern):
            path.unlink()


def label_many(run: LabelRun, job: Job, *, sink: Sink | None = None) -> Iterator[Labelled]:
    """Label what is pending, in this process; every image passes by once, in order.

    A part is written when its last image is labelled; a run that is killed does that part again and no other.
    """
    for number in run.pending():
        yield from label_part(run, job, number, sink=sink)


def label_part(run: LabelRun, job: Job, number: int, *, sink: Sink | None = None) -> Iterator[Labelled]:
    """Label one part and write it."""
    rows: list[dict[str, object]] = []
    errors: list[dict[str, str]] = []
    for labelled in job.run(run.manifest.part(number)):
        if labelled.error is not None:
            errors.append(labelled.error_row())
        else:
            rows.append(labelled.row())
            if sink is not None:
                sink(labelled)
        yield labelled
    # the rows come last: a part counts as done when they are there
    if errors:
        _write_lines(run.error_path(number), errors)
    write_rows(run.part_path(number), rows, job.schema)


def merge_errors(run: LabelRun) -> Path | None:
    """Write all failures of the shard into one file, ``errors.jsonl`` where there is one shard; None without failures."""
    paths = run.error_paths()
    if not paths:
        return None
    merged = run.folder / ("errors.jsonl" if run.shard[1] == 1 else f"errors-{run.suffix}.jsonl")
    with atomic_write(merged) as temp, temp.open("wb") as file:
        for path in paths:
            file.write(path.read_bytes())
    return merged


def _suffix(shard: tuple[int, int]) -> str:
    return f"{shard[0]:05d}-of-{shard[1]:05d}"


def _write_lines(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with atomic_write(path) as temp:
        temp.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _read_head(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["count"], values["part_size"], values["starts"], values["fingerprint"], values["inputs"]
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{path}: damaged ({error}); remove it to begin the shard again") from error
    return values


def _write_head(path: Path, values: dict[str, object]) -> None:
    with atomic_write(path) as temp:
        temp.write_text(json.dumps(values, indent=1, default=str) + "\n", encoding="utf-8")


def _refuse_other_run(folder: Path, fingerprint: str, shard: tuple[int, int]) -> None:
    """Parts of different questions, or of another number of shards, must not lie in one folder."""
    for head in sorted(folder.glob("run-*-of-*.json")):
        values = _read_head(head)
        if values is None:
            continue
        if values["fingerprint"] != fingerprint:
            raise InputError(
                f"{folder} holds results of another model, label list or setting (see {head.name}); "
                "choose another --out, or add --overwrite"
            )
        if not head.name.endswith(f"-of-{shard[1]:05d}.json"):
            raise InputError(
                f"{folder} holds results of another number of shards (see {head.name}); choose another --out"
            )


def _refuse_other_inputs(head: Path, found: dict[str, Any], inputs: Sequence[str]) -> None:
    if list(inputs) != found["inputs"]:
        raise InputError(
            f"{head.parent} was begun with {', '.join(found['inputs'][:3])}, now it is {', '.join(inputs[:3])}; "
            "choose another --out, or add --overwrite"
        )


def _sweep(run: LabelRun) -> None:
    """Remove what a killed run of this shard left half-written."""
    for name in (FOLDERS[run.kind], "errors"):
        for path in (run.folder / name).glob(f".part-{run.suffix}-*.tmp"):
            path.unlink(missing_ok=True)
