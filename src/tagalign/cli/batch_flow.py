"""What the verbs do that label any number of photos: flags, running here or on Ray, tables and pages at the end."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.common import PHOTO_MODEL, TINY, parse_shard, progress
from tagalign.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from tagalign.tasks.photos.job import Job, JobSpec, Labelled
    from tagalign.tasks.photos.run import LabelRun, Sink

ENGINES = ("threads", "ray")
CACHED_METHODS = frozenset({"tagclip", "cls-seg", "gated"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchFlags:
    """Flags of verbs that label any number of photos."""

    workers: int = 2
    """Threads that decode photos; with --engine ray, models."""
    shard: str = "0/1"
    """i/n: every n-th photo from the i-th on, for several machines that write into one folder."""
    engine: str = "threads"
    """`threads`, or `ray` for a cluster."""
    part_size: int = 1000
    """Photos per part: what a kill costs at most."""
    overwrite: bool = False
    """Begin again in a folder that holds another run."""
    summary: bool = True
    """Write index.html: counts, histograms, and the photos to look at first."""
    cache: bool = True
    """Keep label embeddings on disk (TAGALIGN_CACHE, else the user's cache folder)."""

    def check_batch(self) -> None:
        """Refuse what cannot be run.

        Raises:
            InputError: naming the flag and its value.
        """
        if self.engine not in ENGINES:
            raise UnknownNameError("engine", self.engine, ENGINES)
        if self.workers < 1 or self.part_size < 1:
            raise InputError(
                f"--workers and --part-size must be at least 1, got {self.workers} and {self.part_size}"
            )
        parse_shard(self.shard)


def cache_option(flags: BatchFlags, method: str | None) -> dict[str, Any]:
    """The folder of label embeddings, for methods that keep them."""
    if not flags.cache or method not in CACHED_METHODS:
        return {}
    from tagalign.methods.text_cache import default_cache_dir

    return {"text_cache": default_cache_dir()}


def label_photos(
    flags: BatchFlags,
    spec: "JobSpec",
    job: "Job",
    *,
    images: Sequence[str],
    out: Path,
    sink: "Sink | None" = None,
    on_done: "Callable[[Labelled], None] | None" = None,
) -> "LabelRun":
    """Begin or go on with a run, and label everything that is pending.

    Args:
        flags: of the verb.
        spec: what is to be done.
        job: the same, opened.
        images: inputs as typed.
        out: folder of the results.
        sink: writes pictures before a part is done.
        on_done: prints.

    Raises:
        InputError: if the folder holds another run, or Ray is asked for something that only this process can do.
    """
    from tagalign.tasks.photos.run import clear_run, open_run

    if flags.engine == "ray" and (sink is not None or on_done is not None):
        raise InputError("--engine ray writes Parquet parts alone; leave out --json and --png")
    if flags.overwrite:
        clear_run(out)
    run = open_run(
        spec,
        images,
        out,
        fingerprint=job.fingerprint(),
        described=job.describe(),
        shard=parse_shard(flags.shard),
        part_size=flags.part_size,
        lines=sys.stdin,
    )
    if flags.engine == "ray":
        _on_ray(flags, spec, run)
    else:
        _here(run, job, sink, on_done)
    return run


def _here(run: "LabelRun", job: "Job", sink: Any, on_done: Any) -> None:
    from tagalign.tasks.photos.run import label_many

    before = sum(run.done())
    if before:
        print(f"{before} of {run.manifest.count} photos were done before", file=sys.stderr)
    total = run.manifest.count - before
    for labelled in progress(label_many(run, job, sink=sink), "labelling", total=total):
        if labelled.error is not None:
            print(f"error: {labelled.error}", file=sys.stderr)
        elif on_done is not None:
            on_done(labelled)


def _on_ray(flags: BatchFlags, spec: "JobSpec", run: "LabelRun") -> None:
    from tagalign.tasks.photos.ray import label_many_on_ray

    gpus = 1.0 if spec.device == "cuda" else 0.0
    parts = label_many_on_ray(spec, run, models=flags.workers, gpus=gpus)
    for _ in progress(parts, "labelling parts", total=len(run.pending())):
        pass


def close_labelling(
    flags: BatchFlags, settings: Any, run: "LabelRun", job: "Job", names: Sequence[str], *, title: str
) -> int:
    """Write settings, errors and the page, say what happened; the exit code is 2 when nothing succeeded."""
    from tagalign.cli.run_record import write_settings
    from tagalign.tasks.photos.run import merge_errors

    done, failed = run.done()
    errors = merge_errors(run)
    write_settings(run.folder, settings, model=job.method.describe(), labels=list(names))
    if flags.summary:
        _write_page(run, job, names, title)
    tail = f", {failed} failed (see {errors})" if errors else ""
    print(f"{done} photos labelled in {run.folder}{tail}", file=sys.stderr)
    return 2 if failed and not done else 0


def _threshold(value: object) -> str:
    kind, number = getattr(value, "kind", None), getattr(value, "value", None)
    return "the method's own" if value is None else f"{kind} {number:g}" if kind else str(value)


def _write_page(run: "LabelRun", job: "Job", names: Sequence[str], title: str) -> None:
    from tagalign.atomic import atomic_write
    from tagalign.pages.labelling import render_labelling
    from tagalign.tasks.label_inputs import open_key
    from tagalign.tasks.label_summary import summarise

    described = job.method.describe()
    labels = job.labels.label_set
    details = [
        ("method", f"{described.get('method')}, profile {described.get('profile')}"),
        ("model", f"{described.get('model')}, weights {described.get('weight_hash')}"),
        ("labels", f"{labels.name}, version {labels.version}, {len(labels)} labels"),
        ("threshold", _threshold(job.spec.threshold or described.get("threshold"))),
    ]
    if described.get("model") == TINY:
        details.append(("note", f"{TINY} knows drawn scenes only; for photos use --model {PHOTO_MODEL}"))
    summary = summarise(run.folder, run.kind, names)
    page = render_labelling(summary, title=title, details=details, opener=open_key)
    with atomic_write(run.folder / "index.html") as temp:
        temp.write_text(page, encoding="utf-8")
