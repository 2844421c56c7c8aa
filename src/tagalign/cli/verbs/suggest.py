"""``tagalign suggest``: labels for a folder of photos that nobody typed yet, as a page and as a label file."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.shared.model_flags import ModelFlags, note_of_packaged, warn_tiny
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.shared.photo_flow import Flow, LabelRunFlags, cache_option, title_of
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.labels import LabelSet
    from tagalign.tasks.photos.job import Job
    from tagalign.tasks.photos.run import PhotoRun
    from tagalign.tasks.suggesting import Proposal

METHOD = "maskclip"
"""One pass of the encoder, however long the list: a tagger that looks again at its candidates would look for hours."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuggestSettings(ModelFlags, LabelRunFlags):
    """Propose labels for photos: the tags of their captions, else the best of a list of a thousand things.

    Writes labels.txt, to be edited and given to `tagalign tag --labels-file`, index.html with example photos, and one
    Parquet file per 1,000 photos. A run that was stopped goes on when the same command is given again; of several shards
    (--shard i/n) the last one proposes.
    Example: tagalign suggest photos/ --model openai/clip-vit-base-patch16 --out suggestions
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    out: Path = Path("suggestions")
    """Folder for the results."""
    captions: tuple[Path, ...] = ()
    """Captions of the photos (as for `tagalign parse`): the objects that they name are the candidates."""
    words: Path | None = None
    """A label file of candidates instead of the list of the package."""
    count: int = 40
    """Labels to propose at most."""
    parser: str = "rules"
    """Of the captions, as in `tagalign parse`."""
    json: bool = False
    """Print one JSON object per proposal on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        if not self.images:
            raise InputError(
                "give photos to look at: files, folders, patterns, lists, tars, or - for paths on standard input"
            )
        if self.captions and self.words is not None:
            raise InputError("--captions and --words both name the candidates; leave one out")
        if self.count < 1:
            raise InputError(f"--count must be at least 1, got {self.count}")
        if self.method is None:
            # frozen, and what it depends on is known only now
            object.__setattr__(self, "method", METHOD)


def run(settings: SuggestSettings) -> int:
    """Score all candidates on all photos, and write what fits."""
    from tagalign.tasks.photos.inputs import refuse_missing

    refuse_missing(settings.images)
    facts = settings.job_facts("tag")
    facts["options"] |= cache_option(settings)
    counts = _caption_counts(settings) if settings.captions else None
    candidates = _candidates(settings, counts)
    from tagalign.methods.thresholds import Threshold
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import TagQuestion
    from tagalign.tasks.photos.sinks import TagParquet
    from tagalign.tasks.suggesting import NAMED

    warn_tiny(settings.model)
    question = TagQuestion(labels=candidates, threshold=Threshold(kind="top", value=NAMED))
    spec = JobSpec(question=question, **facts, workers=settings.workers, fast_decode=settings.fast_decode)
    job = spec.open()
    flow = Flow(
        settings=settings,
        images=settings.images,
        out=settings.out,
        names=lambda _: candidates.names,
    )
    done = flow.run(spec, job, TagParquet())
    code = flow.close(done, "photo", "looked at in")
    runs = _all_shards(settings, job)
    if runs is None:
        print(f"shard {settings.shard} is done; labels are proposed with the last of them", file=sys.stderr)
        return code
    _write(settings, runs, job, counts)
    return code


def _all_shards(settings: SuggestSettings, job: "Job") -> "list[PhotoRun] | None":
    """The runs of all shards; None while one is not done."""
    from tagalign.cli.shared.flag_values import parse_shard
    from tagalign.tasks.folder_look.merge import all_shards
    from tagalign.tasks.photos.inputs import Inputs
    from tagalign.tasks.photos.sinks import TagParquet

    inputs = Inputs(items=settings.images, results=settings.out)
    count = parse_shard(settings.shard)[1]
    return all_shards(
        job.describe(), inputs, settings.out, TagParquet(), count=count, part_size=settings.part_size
    )


def _caption_counts(settings: SuggestSettings) -> dict[str, int]:
    """Captions that name each object, of the most frequent objects that two captions name at least."""
    from tagalign.tags.caption_counts import caption_objects
    from tagalign.tags.parsers import load_parser

    counts = caption_objects(settings.captions, load_parser(settings.parser))
    if not counts:
        raise InputError(
            f"{settings.captions[0]}: no object is named in two captions; leave out --captions for the list of the package"
        )
    return counts


def _candidates(settings: SuggestSettings, counts: dict[str, int] | None) -> "LabelSet":
    from tagalign.tags.label_sets import common_things, label_set_of, load_label_set

    if counts is not None:
        return label_set_of(list(counts), where="the captions", title="captions")
    return common_things() if settings.words is None else load_label_set(settings.words)


def _write(
    settings: SuggestSettings, runs: "list[PhotoRun]", job: "Job", counts: dict[str, int] | None
) -> None:
    from tagalign.atomic import atomic_write
    from tagalign.tags.label_lines import label_lines
    from tagalign.tasks.photos.rows import read_rows
    from tagalign.tasks.suggesting import merge, proposed_labels, rank

    rows = read_rows([path for run in runs for path in run.parts()], ["key", "tags", "tag_scores"])
    proposals = merge(rank(rows, captions=counts), job.labels, most=settings.count)
    text = label_lines(proposed_labels(proposals, "suggested")) if proposals else ""
    if proposals:
        with atomic_write(settings.out / "labels.txt") as temp:
            temp.write_text(text, encoding="utf-8")
        told = f"{counted(len(proposals), 'label')} proposed in {settings.out / 'labels.txt'}"
        print(
            f"{told}; edit it, then: tagalign tag ... --labels-file {settings.out / 'labels.txt'}",
            file=sys.stderr,
        )
    if settings.json:
        for one in proposals:
            print_json(dataclasses.asdict(one))
    if settings.summary:
        _write_page(settings, job, proposals, text)


def _write_page(settings: SuggestSettings, job: "Job", proposals: "list[Proposal]", text: str) -> None:
    from tagalign.atomic import atomic_write
    from tagalign.pages.suggestions import render_suggestions
    from tagalign.tasks.photos.tars import source_of

    described = job.method.describe()
    details = [
        ("method", f"{described.get('method')}, profile {described.get('profile')}"),
        ("model", f"{described.get('model')}, weights {described.get('weight_hash')}"),
        ("candidates", f"{len(job.labels.names):,}, from {job.labels.label_set.name}"),
        *note_of_packaged(described.get("model")),
    ]
    page = render_suggestions(
        proposals,
        title=title_of("Labels", settings.images),
        details=details,
        file=text,
        opener=lambda key: source_of(key).open(),
    )
    with atomic_write(settings.out / "index.html") as temp:
        temp.write_text(page, encoding="utf-8")
