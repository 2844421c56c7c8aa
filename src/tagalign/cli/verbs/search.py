"""``tagalign search``: an index over photos, and questions to it."""

import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.choices import DeviceChoice
from tagalign.cli.shared.flag_values import check_least, check_text
from tagalign.cli.shared.label_flags import LabelFlags
from tagalign.cli.shared.look_flow import look_folder, look_option
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.shared.photo_flow import DecodeFlags, EngineFlags, answer_on_ray
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.labels import LabelSet
    from tagalign.tasks.photos.job import Job
    from tagalign.tasks.search.indexing import IndexRows, IndexRun


@dataclasses.dataclass(frozen=True, kw_only=True)
class Index(ModelFlags, LabelFlags, EngineFlags, DecodeFlags):
    """Add photos to an index; what is there already is left alone, nothing is rebuilt.

    Example: tagalign search index photos/ --index my-index --model openai/clip-vit-base-patch16 --method clip
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    index: Path = Path("index")
    """Folder of the index."""
    look: Path | None = None
    """A look at the folder (from `tagalign look`) for the tags of --labels."""
    workers: int = 2
    """Threads that decode photos."""
    part_size: int = 1000
    """Photos per part: what a kill costs at most; the same command goes on where it was."""
    approximate: bool = False
    """Make an approximate index (faiss) of all its photos too, for millions of them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_engine()
        check_least(self, {"workers": 1, "part_size": 1})
        if look_folder(self.look) is not None and _labels(self) is None:
            raise InputError(
                f"--look {self.look} holds for the labels it was made with, and an index without --labels has no tags of "
                "yours; add --labels with the same labels, or leave out --look"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """Find photos by a sentence, by keywords, or by another photo.

    Example: tagalign search query "a brown dog on the beach" --index my-index
    """

    query: Annotated[str, tyro.conf.Positional]
    """A sentence, keywords, or the path of a photo."""
    index: Path = Path("index")
    """Folder of the index."""
    count: int = 10
    """Results to show."""
    tag_weight: float | None = None
    """Weight of matching tags beside the similarity of the embeddings, by default 0.3; 0 leaves them out."""
    rerank: int = 0
    """Look again at so many of the best photos with the matching head (Tag2Text only; the photos must be there)."""
    device: DeviceChoice = "auto"
    """Where it runs; `auto` is CUDA where there is one."""
    approximate: bool = False
    """Ask the approximate index (`search index --approximate` makes it): faster with millions of photos, may miss some."""
    json: bool = False
    """Print one JSON object per result."""

    def __post_init__(self) -> None:
        if not os.path.isfile(self.query):  # noqa: PTH113 - a sentence may be too long for a path
            check_text("the query", self.query)
        if not self.query.strip():
            raise InputError("expected a sentence, keywords or a photo to search with, got nothing")
        if self.count < 1 or self.rerank < 0 or (self.tag_weight or 0) < 0:
            raise InputError(
                f"expected --count of at least 1, --rerank and --tag-weight of at least 0, "
                f"got {self.count}, {self.rerank} and {self.tag_weight}"
            )


def run(settings: Index | Query) -> int:
    """Build or ask."""
    return _index(settings) if isinstance(settings, Index) else _query(settings)


def _index(settings: Index) -> int:
    from tagalign.tasks.photos.inputs import refuse_missing

    refuse_missing(settings.images)
    if settings.approximate:
        from tagalign.tasks.search.approximate import refuse_without_faiss

        refuse_without_faiss()  # not after hours of indexing
    labels = _labels(settings)
    facts = settings.job_facts("search", look=look_option(settings.look))
    warn_tiny(settings.model)
    from tagalign.tasks.photos.inputs import Inputs, standard_input
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.search.files import stored_keys
    from tagalign.tasks.search.indexing import (
        AskedRanks,
        IndexQuestion,
        IndexRows,
        IndexTable,
        close_index_run,
        open_index_run,
    )
    from tagalign.tasks.search.rankers import identity

    spec = JobSpec(
        question=IndexQuestion(labels=labels),
        **facts,
        workers=settings.workers,
        fast_decode=settings.fast_decode,
    )
    job = spec.open()
    if not isinstance(job.asked, AskedRanks):
        raise AssertionError("an index asks for ranks")
    names = tuple(job.asked.ranker.tag_names.names)
    table = IndexTable(folder="", model=identity(settings.model, job.method), tag_names=names)
    sink, inputs = IndexRows(table=table), Inputs(items=settings.images, lines=standard_input())
    run = open_index_run(settings.index, inputs, job, sink, part_size=settings.part_size)
    for note in inputs.notes():
        print(f"note: {note}", file=sys.stderr)
    if settings.engine == "ray":
        answer_on_ray(settings, spec, run, sink, "indexing, parts")
    else:
        _add(run, job, sink)
    (added, failed), errors = run.done(), close_index_run(run)
    # counted on disk: an index grows over several runs, and this one knows of its own alone
    in_all = sum(1 for _ in stored_keys(settings.index))
    if settings.approximate and in_all:
        from tagalign.tasks.search.approximate import build_approximate

        started = time.perf_counter()
        cells = build_approximate(settings.index)
        took = f"{time.perf_counter() - started:.0f} s"
        print(
            f"approximate index of {counted(in_all, 'photo')} in {counted(cells, 'cell')}, made in {took}",
            file=sys.stderr,
        )
    tail = f", {failed} failed (see {errors})" if errors else ""
    print(f"{counted(added, 'photo')} added to {settings.index}, {in_all} in all{tail}", file=sys.stderr)
    # a few broken photos are no failure of the run, an index without any photo is
    return 2 if failed and not in_all else 0


def _add(run: "IndexRun", job: "Job", sink: "IndexRows") -> None:
    from tagalign.tasks.photos.keys import printable
    from tagalign.tasks.photos.run import answer_run

    before = sum(run.done())
    if before:
        print(f"{before} of {counted(run.manifest.count, 'photo')} done before", file=sys.stderr)
    for answered in progress(answer_run(run, job, sink), "indexing", total=run.manifest.count - before):
        if answered.error is not None:
            print(f"error: {printable(str(answered.error))}", file=sys.stderr)


def _labels(settings: Index) -> "LabelSet | None":
    return None if settings.labels is None and settings.labels_file is None else settings.label_set()


def _query(settings: Query) -> int:
    from tagalign.tasks.search.head import IndexHead

    IndexHead.read(settings.index)  # what is no index is said before torch is imported
    from tagalign.tasks.search.engine import SearchEngine

    engine = SearchEngine.open(settings.index, device=settings.device, approximate=settings.approximate)
    found = engine.ask(
        settings.query, count=settings.count, tag_weight=settings.tag_weight, rerank=settings.rerank
    )
    for hit in found.hits:
        if settings.json:
            print_json({"path": hit.key, "score": round(hit.score, 6), "tags": list(hit.tags)})
        else:
            reason = f"  [{', '.join(hit.tags)}]" if hit.tags else ""
            print(f"{hit.score:.3f}  {hit.key}{reason}")
    return 0
