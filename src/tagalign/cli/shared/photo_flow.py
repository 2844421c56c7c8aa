"""What the verbs do that take any number of photos: flags, running here or on Ray, what stands in the folder at the end."""

import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.choices import EngineChoice, Order
from tagalign.cli.shared.flag_values import parse_shard
from tagalign.cli.shared.model_flags import note_of_packaged
from tagalign.cli.shared.output import counted
from tagalign.errors import InputError, first_names

if TYPE_CHECKING:
    from torch import Tensor

    from tagalign.pages.labelling import Opener
    from tagalign.tasks.photos.doubts import DoubtKind
    from tagalign.tasks.photos.job import Job, JobSpec
    from tagalign.tasks.photos.run import PhotoRun
    from tagalign.tasks.photos.sinks import Sink
    from tagalign.tasks.photos.stream import Answered

SHOWN_NAMES = 10
RAY_MODELS = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineFlags:
    """Flags about where a run is computed."""

    engine: EngineChoice = "local"
    """This machine, or a Ray cluster."""
    ray_models: int | None = None
    """With --engine ray: models that answer at a time, over all machines; by default 2."""

    def check_engine(self) -> None:
        """Refuse what does not act.

        Raises:
            InputError: naming the flag and its value.
        """
        if self.ray_models is not None and (self.engine != "ray" or self.ray_models < 1):
            raise InputError(
                f"--ray-models takes 1 or more and belongs to --engine ray, got {self.ray_models}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFlags(EngineFlags):
    """Flags about long runs."""

    workers: int = 2
    """Threads that decode photos."""
    shard: str = "0/1"
    """i/n: every n-th photo from the i-th on, for several machines that write into one folder."""
    part_size: int = 1000
    """Photos per part: what a kill costs at most."""
    overwrite: bool = False
    """Begin again in a folder that holds another run."""

    def check_run(self) -> None:
        """Refuse what cannot be run.

        Raises:
            InputError: naming the flag and its value.
        """
        if self.workers < 1 or self.part_size < 1:
            raise InputError(
                f"--workers and --part-size must be at least 1, got {self.workers} and {self.part_size}"
            )
        self.check_engine()
        parse_shard(self.shard)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodeFlags:
    """Flags about opening photos."""

    fast_decode: bool = False
    """Decode large JPEGs at 1/2, 1/4 or 1/8, never below twice the size that the model sees, and resize by vector units:
    faster, and answers move a little; masks are as large as the photo still, their edges coarser."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelRunFlags(RunFlags, DecodeFlags):
    """Flags about what is written and kept beside the answers."""

    summary: bool = True
    """Write index.html: counts, histograms, and the photos to look at first."""
    order: Order = "auto"
    """Which photos index.html shows first: those of most expected `errors`, highest `entropy`, smallest `margin`, or most
    `disagreement` (with --disagreement); by default the first of these that there is."""
    disagreement: str | None = None
    """Answer a second time and write how far both differ: `flip` for the mirrored photo, or another method. Takes twice the
    time."""
    cache: bool = True
    """Keep label embeddings on disk (TAGALIGN_CACHE, else the user's cache folder)."""

    def check_run(self) -> None:
        """See ``RunFlags``."""
        super().check_run()
        if self.order == "disagreement" and self.disagreement is None:
            raise InputError(
                "--order disagreement needs a second answer; add --disagreement flip, or a method"
            )


def cache_option(flags: LabelRunFlags) -> dict[str, Any]:
    """The folder of label embeddings, for methods that keep them."""
    if not flags.cache:
        return {}
    from tagalign.cache_folder import default_cache_dir

    return {"text_cache": default_cache_dir()}


@dataclasses.dataclass(kw_only=True)
class Flow:
    """One verb's way from inputs to a folder of results.

    Attributes:
        settings: the flags of the verb, for ``settings.json`` too.
        images: inputs as typed.
        out: folder of the results.
        names: what the ids of labels mean, from the first good answer, or without one; None where there are no labels.
        on_done: prints an answer.
        tell: an answer in words, said where there is but one photo: its answer is what was asked, and not a folder.
        with_names: photos need the names of their files although none is written; see ``open_run``.
    """

    settings: RunFlags
    images: Sequence[str]
    out: Path
    names: "Callable[[Answered | None], Sequence[str]] | None" = None
    on_done: "Callable[[Answered], None] | None" = None
    tell: "Callable[[Answered], str] | None" = None
    with_names: bool = False

    def run(self, spec: "JobSpec", job: "Job", sink: "Sink") -> "PhotoRun":
        """Begin or go on with a run, and answer everything that is pending.

        Raises:
            InputError: if the folder holds another run, or Ray is asked for something that only this process can do.
        """
        from tagalign.tasks.photos.inputs import Inputs, standard_input
        from tagalign.tasks.photos.run import clear_run, open_run

        if self.settings.engine == "ray" and self.on_done is not None:
            raise InputError("--engine ray prints nothing; leave out --json")
        if self.settings.overwrite:
            clear_run(self.out)
        inputs = Inputs(items=self.images, lines=standard_input(), results=self.out)
        run = open_run(
            job.describe(),
            inputs,
            self.out,
            sink,
            shard=parse_shard(self.settings.shard),
            part_size=self.settings.part_size,
            with_names=self.with_names,
        )
        for note in inputs.notes():
            print(f"note: {note}", file=sys.stderr)
        if self.settings.engine == "ray":
            _say_before(job, run)
            self._on_ray(spec, job, run, sink)
        else:
            self.answer(job, run, sink)
        return run

    def answer(self, job: "Job", run: "PhotoRun", sink: "Sink") -> None:
        """Answer everything that is pending of an opened run, in this process."""
        self._here(job, run, sink, run.manifest.count - _say_before(job, run))

    def _here(self, job: "Job", run: "PhotoRun", sink: "Sink", total: int) -> None:
        from tagalign.tasks.photos.keys import printable
        from tagalign.tasks.photos.run import answer_run

        answers = answer_run(run, job, sink, begin=lambda answered: self.record(job, answered))
        for answered in progress(answers, job.spec.question.kind, total=total):
            if answered.error is not None:
                print(f"error: {printable(str(answered.error))}", file=sys.stderr)
                continue
            if answered.note is not None:
                print(f"note: {answered.source.key}: {answered.note}", file=sys.stderr)
            if self.on_done is not None:
                self.on_done(answered)
            elif self.tell is not None and run.manifest.count == 1:
                print(printable(f"{answered.source.key}: {self.tell(answered)}"), file=sys.stderr)

    def _on_ray(self, spec: "JobSpec", job: "Job", run: "PhotoRun", sink: "Sink") -> None:
        # before any answer: the workers of Ray write the first results, and this process sees none of them
        self.record(job, None)
        answer_on_ray(self.settings, spec, run, sink, f"{spec.question.kind}, parts")

    def record(self, job: "Job", answered: "Answered | None") -> None:
        """``settings.json``, before the first file of results: those of a run that is stopped can be read too."""
        from tagalign.cli.shared.run_record import write_settings

        more = {} if self.names is None else {"labels": list(self.names(answered))}
        write_settings(self.out, self.settings, model=job.method.describe(), **more)

    def close(self, run: "PhotoRun", thing: str, where: str = "written to", *, page: bool = False) -> int:
        """Merge rows, errors and notes, say what happened; the exit code is 2 when nothing succeeded.

        Args:
            run: that has ended.
            thing: what a photo became, one of it.
            where: what was done with it, as the words before the folder.
            page: whether ``index.html`` was written, which is then named.
        """
        from tagalign.tasks.photos.run import close_run

        done, failed = run.done()
        errors, notes = close_run(run)
        tail = f", {failed} failed (see {errors})" if errors else ""
        tail += f", some with a note (see {notes})" if notes else ""
        tail += f"; to look at: {run.folder / 'index.html'}" if page else ""
        print(f"{counted(done, thing)} {where} {run.folder}{tail}", file=sys.stderr)
        # some failed among many is what a million photos are like; a script must hear only of a run without any result
        return 2 if failed and not done else 0

    def label_names(self, job: "Job") -> Sequence[str]:
        """The labels that ``settings.json`` names; asked anew where no photo succeeded."""
        from tagalign.errors import DataError
        from tagalign.tasks.photos.result_labels import result_names

        try:
            return result_names(self.out)
        except DataError:
            return () if self.names is None else self.names(None)


def answer_on_ray(flags: EngineFlags, spec: "JobSpec", run: "PhotoRun", sink: "Sink", title: str) -> None:
    """Answer everything that is pending of an opened run, by the workers of a Ray cluster."""
    from tagalign.tasks.photos.ray import answer_run_on_ray

    gpus = 1.0 if spec.device == "cuda" else 0.0
    parts = answer_run_on_ray(spec, run, sink, models=flags.ray_models or RAY_MODELS, gpus=gpus)
    for _ in progress(parts, title, total=len(run.pending())):
        pass


def _say_before(job: "Job", run: "PhotoRun") -> int:
    """What is to be known before the first answer; returns how many photos were done before."""
    for note in _dead_labels(job):
        print(f"note: {note}", file=sys.stderr)
    before = sum(run.done())
    if before:
        print(f"{before} of {counted(run.manifest.count, 'photo')} done before", file=sys.stderr)
    return before


def _dead_labels(job: "Job") -> Iterator[str]:
    """Labels that the look at the folder cannot help: named, for nothing else in the results tells them from the others."""
    from tagalign.methods.protocols import NamesDead

    labels = job.asked.labels
    if isinstance(labels, NamesDead) and (names := labels.dead()):
        shown = first_names(names, SHOWN_NAMES)
        yield (
            f"no patch of the folder is surest of {len(names)} of {len(labels.names)} labels ({shown}); they are judged by "
            "their text alone"
        )


def write_page(
    run: "PhotoRun",
    job: "Job",
    names: Sequence[str],
    title: str,
    *,
    order: Order = "auto",
    opener: "Opener | None" = None,
) -> None:
    """``index.html``: counts, histograms, and the photos to look at first, as ``opener`` opens them."""
    from tagalign.atomic import atomic_write
    from tagalign.pages.labelling import render_labelling
    from tagalign.tasks.photos.tars import source_of

    described = job.method.describe()
    labels = job.labels.label_set
    details = [
        ("method", f"{described.get('method')}, profile {described.get('profile')}"),
        ("model", f"{described.get('model')}, weights {described.get('weight_hash')}"),
        ("labels", f"{labels.name}, version {labels.version}, {len(labels)} labels"),
        *_threshold(job),
    ]
    details += note_of_packaged(described.get("model"))
    by: DoubtKind | None = None if order == "auto" else order
    details += _reviewed(run, names, by)
    summary = _summary(run, job, names, by)
    page = render_labelling(
        summary, title=title, details=details, opener=opener or (lambda key: source_of(key).open())
    )
    with atomic_write(run.folder / "index.html") as temp:
        temp.write_text(page, encoding="utf-8")


def _reviewed(run: "PhotoRun", names: "Sequence[str]", order: "DoubtKind | None") -> list[tuple[str, str]]:
    """How far a review of the run has come, where ``tagalign app --queue`` keeps it; nothing before there is one."""
    from tagalign.tasks.review.clicks import REVIEW_FILE, read_clicks
    from tagalign.tasks.review.queue import read_queue

    path = run.folder / "review" / REVIEW_FILE
    if not path.exists() or not run.done()[0]:
        return []
    found = read_queue(run.folder, names, order).precision(read_clicks([path]).counting())
    return [("reviewed", f"{counted(found.judged, 'photo')}; {found}")]


def title_of(what: str, images: Sequence[str]) -> str:
    """Of the page."""
    from tagalign.tasks.photos.keys import printable

    return f"{what} of {printable(', '.join(images))[:80]}"


def _summary(run: "PhotoRun", job: "Job", names: Sequence[str], order: "DoubtKind | None") -> Any:
    from tagalign.tasks.label_summary import Summary, summarise
    from tagalign.tasks.photos.doubts import DOUBTS

    if run.table.schema is not None:
        return summarise(run.folder, job.spec.question.kind, names, order=order)
    ids = {name: i for i, name in enumerate(names)}
    summary = Summary(kind="segment", names=tuple(names), failed=run.done()[1], order=order)
    for row, embed in _json_rows(run):
        shares = [(ids[name], share) for name, share in row["shares"].items()]
        known: dict[str, Any] = {name: row[name] for name in DOUBTS if name in row}
        summary.add({"key": row["path"], "names": list(row["shares"]), "shares": shares, **known}, embed)
    return summary


def _json_rows(run: "PhotoRun") -> "Iterator[tuple[dict[str, Any], Tensor | None]]":
    from tagalign.tasks.photos.embeds import read_embeds
    from tagalign.tasks.photos.tables import count_lines, read_lines

    for path in run.parts():
        embeds = read_embeds(run.folder / "embeds" / f"{path.stem}.npy", count_lines(path))
        for i, row in enumerate(read_lines(path)):
            yield row, None if embeds is None else embeds[i].clone()


def _threshold(job: "Job") -> list[tuple[str, str]]:
    """From which score on a label was chosen; nothing for masks, where every pixel has its label."""
    from tagalign.tasks.photos.questions import TagQuestion

    question = job.spec.question
    if not isinstance(question, TagQuestion):
        return []
    value = question.threshold or job.method.describe().get("threshold")
    kind, number = getattr(value, "kind", None), getattr(value, "value", None)
    return [
        ("threshold", "the method's own" if value is None else f"{kind} {number:g}" if kind else str(value))
    ]
