"""Any number of photos through one question: shards, parts that appear whole or not at all, and a run that can be resumed.

Layout of the folder of results: ``run-IIIII-of-NNNNN.json`` (what is done) and ``inputs-...jsonl`` (which photos, and what
their files are called) of each shard, one file of rows per part (``tags/``, ``masks/`` or ``rows/``), ``errors/`` with what
failed and ``notes/`` with what was changed, part by part.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.tasks.photos.differing import differing
from tagalign.tasks.photos.embeds import KINDS, photo_embed, write_embeds
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import Job, job_mark
from tagalign.tasks.photos.keys import key_of, path_of, printable
from tagalign.tasks.photos.manifest import PhotoManifest, read_manifest, write_manifest
from tagalign.tasks.photos.sinks import Sink
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.photos.stream import Answered
from tagalign.tasks.photos.tables import Table, count_lines, merge, write_lines

PART_SIZE = 1000
"""Photos per part: what a kill costs at most."""

Begin = Callable[[Answered], None]

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.tmp", re.DOTALL)
_ENDINGS = re.compile(r"(\.overlay|\.trusty|\.[^.]+\.heat)?\.png")


@dataclass(frozen=True, kw_only=True)
class PhotoRun:
    """One shard of a run on disk.

    Attributes:
        folder: of all results.
        table: the form of its rows.
        shard: ``(i, n)``.
        manifest: its photos.
        inputs: as they were typed.
    """

    folder: Path
    table: Table
    shard: tuple[int, int]
    manifest: PhotoManifest
    inputs: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """``IIIII-of-NNNNN``."""
        return _suffix(self.shard)

    def part_path(self, number: int) -> Path:
        """Of a part's rows."""
        return self.folder / self.table.folder / f"part-{self.suffix}-{number:06d}{self.table.ending}"

    def error_path(self, number: int) -> Path:
        """Of a part's failures."""
        return self.folder / "errors" / f"part-{self.suffix}-{number:06d}.jsonl"

    def note_path(self, number: int) -> Path:
        """Of what was changed in photos of a part."""
        return self.folder / "notes" / f"part-{self.suffix}-{number:06d}.jsonl"

    def embed_path(self, number: int) -> Path:
        """Of the vectors of a part's photos, in the order of its rows."""
        return self.folder / "embeds" / f"part-{self.suffix}-{number:06d}.npy"

    def pending(self) -> list[int]:
        """Parts that are not written yet."""
        return [i for i in self._numbers() if not self.part_path(i).exists()]

    def parts(self) -> list[Path]:
        """Parts that are written, in order."""
        return [p for i in self._numbers() if (p := self.part_path(i)).exists()]

    def done(self) -> tuple[int, int]:
        """Photos that were answered, and that failed, in the parts that are written."""
        return self.table.count(self.parts()), sum(map(count_lines, self.error_paths()))

    def error_paths(self) -> list[Path]:
        """Failures of the parts that are written."""
        return [
            p for i in self._numbers() if self.part_path(i).exists() and (p := self.error_path(i)).exists()
        ]

    def note_paths(self) -> list[Path]:
        """Notes of the parts that are written."""
        return [
            p for i in self._numbers() if self.part_path(i).exists() and (p := self.note_path(i)).exists()
        ]

    def own_name(self, name: str, ending: str) -> Path:
        """Of a file in the folder of results, with the shard's name where there are several."""
        return self.folder / (f"{name}{ending}" if self.shard[1] == 1 else f"{name}-{self.suffix}{ending}")

    def _numbers(self) -> range:
        return range(len(self.manifest.starts))


def open_run(
    job: Mapping[str, object],
    inputs: Inputs,
    folder: Path,
    sink: Sink,
    *,
    shard: tuple[int, int] = (0, 1),
    part_size: int = PART_SIZE,
    with_names: bool = False,
    keep: Callable[[PhotoSource], bool] | None = None,
) -> PhotoRun:
    """Begin a run, or go on with one that stopped.

    Args:
        job: what a result must name; another one in the same folder is refused.
        inputs: not read again when the run goes on.
        folder: of the results.
        sink: what is kept of the answers.
        shard: ``(i, n)``: every n-th photo from the i-th on.
        part_size: photos per part.
        with_names: name photos as those of runs that write files are, where nothing is written: what is read beside them
            has such names.
        keep: which photos are to be answered; all by default.

    Raises:
        InputError: if the folder holds another run or photos whose results would lie over them, or the inputs mean no photo.
    """
    if part_size < 1:
        raise InputError(f"expected parts of at least 1 photo, got {part_size}")
    described = dict(job) | ({"files": list(sink.files)} if sink.files else {})
    head = folder / f"run-{_suffix(shard)}.json"
    mark = job_mark(described)
    _refuse_other_run(folder, described, shard)
    found, path = _read_head(head), folder / f"inputs-{_suffix(shard)}.jsonl"
    typed = [key_of(item) for item in inputs.items]
    if found is not None and path.exists():
        # the list on disk stands, whatever came into the folder since: a part means the same photos in every run
        _refuse_other_inputs(head, found, typed)
        manifest = _listed(path, found)
    else:
        sources = _off_the_photos(inputs, folder) if sink.files else iter(inputs)
        sources = sources if keep is None else filter(keep, sources)
        folders = [item for item in inputs.items if os.path.isdir(item)]  # noqa: PTH112
        manifest = write_manifest(
            path,
            sources,
            shard=shard,
            part_size=part_size,
            with_names=with_names or bool(sink.files),
            folders=folders,
        )
        _write_head(head, {"fingerprint": mark, "inputs": typed, "kind": job.get("kind"), "shard": list(shard),
                           **manifest.values(), "job": described})  # fmt: skip
    run = PhotoRun(
        folder=folder, table=sink.table, shard=shard, manifest=manifest, inputs=tuple(inputs.items)
    )
    _sweep(run)
    return run


def open_same_photos(first: PhotoRun, job: Mapping[str, object], folder: Path, sink: Sink) -> PhotoRun:
    """Begin a run of the photos of another one, in the same parts, or go on with it.

    Standard input is read once, a folder may change in between, and a run that goes on keeps the size of its parts: only the
    list of the first run says what its parts are.

    Args:
        first: whose list stands.
        job: what a result must name; another one in the same folder is refused.
        folder: of the results, another than that of ``first``.
        sink: what is kept of the answers; writes no files beside them.

    Raises:
        InputError: if the folder holds another run.
    """
    head = folder / f"run-{first.suffix}.json"
    mark = job_mark(job)
    _refuse_other_run(folder, job, first.shard)
    found, path = _read_head(head), folder / first.manifest.path.name
    typed = [key_of(item) for item in first.inputs]
    if found is not None and path.exists():
        _refuse_other_inputs(head, found, typed)
        manifest = _listed(path, found)
    else:
        with atomic_write(path) as temp:
            shutil.copyfile(first.manifest.path, temp)
        manifest = replace(first.manifest, path=path)
        _write_head(head, {"fingerprint": mark, "inputs": typed, "kind": job.get("kind"), "shard": list(first.shard),
                           **manifest.values(), "job": dict(job)})  # fmt: skip
    run = PhotoRun(folder=folder, table=sink.table, shard=first.shard, manifest=manifest, inputs=first.inputs)
    _sweep(run)
    return run


def _listed(path: Path, head: Mapping[str, Any]) -> PhotoManifest:
    """The list on disk, as the head of its run describes it."""
    return PhotoManifest(
        path=path,
        count=head["count"],
        part_size=head["part_size"],
        starts=tuple(head["starts"]),
        root=path_of(head.get("root", "")),
    )


def _off_the_photos(inputs: Inputs, folder: Path) -> Iterator[PhotoSource]:
    """The photos, none of which may lie where the results go: a mask has the name of its photo."""
    results, last = os.path.realpath(folder), ""
    for source in inputs:
        here = os.path.dirname(source.path)  # noqa: PTH120
        # photos of one folder come together: one resolved path for all of them
        if here != last or not last:
            last = here
            if os.path.realpath(here) == results:
                raise InputError(
                    f"--out {folder} is the folder of {source.key}: results would lie among the photos and over them; "
                    "choose another --out"
                )
        yield source


def clear_run(folder: Path) -> None:
    """Remove what runs wrote into a folder, and nothing else."""
    _clear_files(folder)
    for pattern in (
        "run-*-of-*.json",
        "inputs-*-of-*.jsonl",
        "errors*.jsonl",
        "notes*.jsonl",
        "*/part-*-of-*",
    ):
        for path in folder.glob(pattern):
            path.unlink()


def _clear_files(folder: Path) -> None:
    """Files of single photos, by the names that the run gave."""
    names = {s.name for path in folder.glob("inputs-*-of-*.jsonl") for s in read_manifest(path) if s.name}
    for below in (folder, folder / "png"):
        for path in list(below.iterdir()) if names and below.is_dir() else ():
            if _belongs_to(path.name, names, _ENDINGS):
                path.unlink()


def _belongs_to(file_name: str, names: set[str], endings: re.Pattern[str]) -> bool:
    """Whether a file is ``NAME`` and an ending, for one of the names."""
    dots = (found.start() for found in re.finditer(r"\.", file_name))
    return any(file_name[:dot] in names and endings.fullmatch(file_name, dot) for dot in dots)


def answer_run(run: PhotoRun, job: Job, sink: Sink, *, begin: Begin | None = None) -> Iterator[Answered]:
    """Answer what is pending, in this process; every photo passes by once, in order.

    A part is written when its last photo is answered; a run that is killed does that part again and no other.
    ``begin`` is called with the first good answer, before anything of it is written.
    """
    for number in run.pending():
        for answered in answer_part(run, job, number, sink, begin=begin):
            begin = None if answered.error is None else begin
            yield answered


def answer_part(
    run: PhotoRun, job: Job, number: int, sink: Sink, *, begin: Begin | None = None
) -> Iterator[Answered]:
    """Answer one part and write it; see ``answer_run``."""
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    embeds: list[Tensor | None] = []
    for answered in job.run(run.manifest.part(number)):
        if answered.error is not None:
            errors.append(answered.error_row())
        else:
            if begin is not None:
                begin(answered)
                begin = None
            rows.append(sink.row(job, answered))
            embeds.append(photo_embed(answered.encoded) if job.spec.question.kind in KINDS else None)
            notes += [answered.note_row()] if answered.note is not None else []
        yield answered
    # the rows come last: a part counts as done when they are there
    for path, lines in ((run.error_path(number), errors), (run.note_path(number), notes)):
        if lines:
            write_lines(path, lines)
        else:
            path.unlink(missing_ok=True)  # of a part that was killed before its rows
    write_embeds(run.embed_path(number), embeds)
    run.table.write(run.part_path(number), rows)


def close_run(run: PhotoRun) -> tuple[Path | None, Path | None]:
    """Merge the rows of JSON parts, failures and notes; returns the paths of the two latter, None where there are none."""
    if run.table.merged:
        merge(run.parts(), run.own_name(run.table.merged, ".jsonl"))
    errors = merge(run.error_paths(), run.own_name("errors", ".jsonl"))
    return errors, merge(run.note_paths(), run.own_name("notes", ".jsonl"))


def _suffix(shard: tuple[int, int]) -> str:
    return f"{shard[0]:05d}-of-{shard[1]:05d}"


def _read_head(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["count"], values["part_size"], values["starts"], values["fingerprint"], values["inputs"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"{path}: damaged ({error}); remove it to begin the shard again") from error
    return values


def _write_head(path: Path, values: dict[str, object]) -> None:
    with atomic_write(path) as temp:
        temp.write_text(json_text(values, indent=1, default=str) + "\n", encoding="utf-8")


def _refuse_other_run(folder: Path, job: Mapping[str, object], shard: tuple[int, int]) -> None:
    """Parts of different questions, or of another number of shards, must not lie in one folder."""
    for head in sorted(folder.glob("run-*-of-*.json")):
        values = _read_head(head)
        if values is None:
            continue
        if values["fingerprint"] != job_mark(job):
            what = differing(values.get("job", {}), job) if values.get("job") else "another model or setting"
            raise InputError(
                f"{folder} holds results of another run: {what} (see {head.name}); "
                "choose another --out, or add --overwrite"
            )
        if not head.name.endswith(f"-of-{shard[1]:05d}.json"):
            raise InputError(
                f"{folder} holds results of another number of shards (see {head.name}); choose another --out"
            )


def _refuse_other_inputs(head: Path, found: dict[str, Any], typed: list[str]) -> None:
    if typed != found["inputs"]:
        raise InputError(
            f"{head.parent} was begun with {printable(', '.join(found['inputs'][:3]))}, now it is "
            f"{printable(', '.join(typed[:3]))}; choose another --out, or add --overwrite"
        )


def _sweep(run: PhotoRun) -> None:
    """Remove what a killed run of this shard left half-written; other shards may be writing at this moment."""
    alone = run.shard[1] == 1
    names = set() if alone else {source.name for source in read_manifest(run.manifest.path)}
    for below in (
        run.folder,
        *(run.folder / name for name in (*run.table.folders, "embeds", "errors", "notes", "png")),
    ):
        for path in list(below.glob(".*.tmp")):
            found = _TEMPORARY.fullmatch(path.name)
            if found is None:
                continue
            own = found["name"].startswith(f"part-{run.suffix}-")
            if alone or own or _belongs_to(found["name"], names, _ENDINGS):
                path.unlink(missing_ok=True)
