"""``tagalign look``: what a folder of photos without labels teaches about a list of labels."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.label_flags import PromptFlags
from tagalign.cli.shared.llm_flags import ChatFlags
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import counted
from tagalign.cli.shared.photo_flow import Flow, LabelRunFlags, cache_option
from tagalign.errors import InputError
from tagalign.methods.looks.profiles import LookProfileName

if TYPE_CHECKING:
    from tagalign.labels import LabelSet
    from tagalign.methods.looks.look import Look
    from tagalign.tasks.folder_look.question import ScoreRows
    from tagalign.tasks.photos.job import Job

BY_LLM = "llm"
"""As ``--compounds``: a language model writes the sentences."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LookSettings(ModelFlags, PromptFlags, LabelRunFlags, ChatFlags):
    """Look at a folder once, without labels, so that tags know what is ordinary in it.

    Writes look.json: mean and deviation of each label's scores over the photos; `tag`, `segment` and `search` take it as
    --look, for the same model, method and labels. A run that was stopped goes on when the same command is given again.
    Example: tagalign look photos/ --labels "dog,cat,bicycle" --model openai/clip-vit-base-patch16 --out photos.look
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    out: Path = Path("look")
    """Folder for the look."""
    merge: tuple[Path, ...] = ()
    """Looks to be made one instead, of the same model and labels at different photos; exact, in any order."""
    look_profile: LookProfileName = "fixed"
    """How scores are laid before they are compared: `fixed`, or `released` as SPARC does with cosines."""
    compounds: Path | None = None
    """Sentences that name labels, weighed with their own scores: a list (.txt, one a line), tag shards of captions, or
    `llm`: a language model (--llm-model) writes them into OUT/compounds.txt; without photos it writes the list alone."""
    experts: bool = False
    """Also judge each template by itself: `segment --look` then takes the surest four of each label. Needs --templates."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the method's own."""
    batch_size: int = 1
    """Photos encoded at a time. With 1 no score depends on a neighbour's, so that any shards give the same bytes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        self.check_chat()
        check_least(self, {"short_side": 1})
        if self.merge and (self.compounds or self.experts):
            raise InputError(
                "--merge takes looks as they are; give --compounds and --experts when looking at photos"
            )
        if self.merge and self.images:
            raise InputError("--merge takes looks, not photos; give one or the other")
        if not self.merge and not self.images and not self.by_llm:
            raise InputError(
                "give photos to look at: files, folders, patterns, lists, tars, or - for paths on standard input"
            )
        self._check_llm()

    def _check_llm(self) -> None:
        if not self.by_llm:
            if self.llm_model:
                raise InputError("--llm-model is for --compounds llm; add that, or leave it out")
            return
        self.chat_model("--compounds llm")
        if self.shard != "0/1":
            raise InputError(
                "--compounds llm with --shard would ask in each shard; ask once without photos (tagalign look --labels ... "
                "--compounds llm --out OUT), then give every shard --compounds OUT/compounds.txt"
            )

    @property
    def by_llm(self) -> bool:
        """Whether a language model writes the compound prompts."""
        return str(self.compounds) == BY_LLM

    def prompts(self) -> tuple[str, ...]:
        """The compound prompts meant.

        Raises:
            InputError: for labels or prompts that cannot be used.
            ServerError: where a language model is to write them and does not.
        """
        from tagalign.tags.compound.source import read_prompts

        labels = self.prompted_labels()
        if self.compounds is None:
            return ()
        return _written(self, labels) if self.by_llm else read_prompts(self.compounds, labels)


def run(settings: LookSettings) -> int:
    """Ask all photos, and write the look when the last shard is done; or merge looks."""
    if settings.merge:
        return _merge(settings)
    from tagalign.tasks.photos.inputs import refuse_missing

    if settings.images:
        refuse_missing(settings.images)
    prompts = settings.prompts()  # what was typed wrongly is said before a model is looked for
    if not settings.images:
        return 0  # the list of sentences was all that was asked for
    job, sink = _open(settings, prompts)
    flow = Flow(
        settings=settings,
        images=settings.images,
        out=settings.out,
        names=lambda _: job.labels.names,
    )
    code = flow.close(flow.run(job.spec, job, sink), "photo", "looked at, kept in")
    return code or _write(settings, job, sink)


def _written(settings: LookSettings, labels: "LabelSet") -> tuple[str, ...]:
    """Sentences of a language model, and where they stand."""
    from tagalign.atomic import atomic_write
    from tagalign.tags.compound.source import usable_prompts
    from tagalign.tags.compound.writer import open_writer

    writer = open_writer(
        model=settings.chat_model("--compounds llm"),
        structured=settings.llm_output,
        concurrency=settings.concurrency,
        journal=settings.out / "answers.sqlite",
        **settings.chat_facts(),
    )
    try:
        prompts = usable_prompts(writer.write(labels), labels, "--compounds llm")
    finally:
        settings.close(writer, settings.out)
    path = settings.out / "compounds.txt"
    with atomic_write(path) as temp:
        temp.write_text("\n".join(prompts) + "\n", encoding="utf-8")
    usage = writer.usage
    tokens = usage.prompt_tokens + usage.completion_tokens
    print(
        f"{counted(len(prompts), 'compound prompt')} of {settings.llm_model} in {path} ({counted(usage.calls, 'call')}, "
        f"{tokens:,} tokens, {usage.reused} saved before, {usage.dropped} name fewer than two labels)",
        file=sys.stderr,
    )
    return prompts


def _open(settings: LookSettings, prompts: tuple[str, ...]) -> tuple["Job", "ScoreRows"]:
    facts = settings.job_facts("tag", short_side=settings.short_side)
    facts["options"] |= cache_option(settings)
    warn_tiny(settings.model)
    from tagalign.tasks.folder_look.patches import sink_of
    from tagalign.tasks.folder_look.question import LookQuestion
    from tagalign.tasks.photos.job import JobSpec

    question = LookQuestion(
        labels=settings.prompted_labels(),
        profile=settings.look_profile,
        compounds=prompts,
        experts=settings.experts,
    )
    job = JobSpec(
        question=question, **facts, workers=settings.workers, fast_decode=settings.fast_decode
    ).open()
    return job, sink_of(job)


def _write(settings: LookSettings, job: "Job", sink: "ScoreRows") -> int:
    from tagalign.cli.shared.flag_values import parse_shard
    from tagalign.tasks.folder_look.gather import gather
    from tagalign.tasks.folder_look.merge import all_shards
    from tagalign.tasks.photos.inputs import Inputs

    count = parse_shard(settings.shard)[1]
    inputs = Inputs(items=settings.images, results=settings.out)
    runs = all_shards(job.describe(), inputs, settings.out, sink, count=count, part_size=settings.part_size)
    if runs is None:
        print(f"shard {settings.shard} is done; the look is written with the last of them", file=sys.stderr)
        return 0
    return _keep(settings, gather(job, runs, sink))


def _merge(settings: LookSettings) -> int:
    from tagalign.methods.looks.head import read_head

    for path in settings.merge if len(settings.merge) > 1 else ():
        read_head(path)  # what is no look is said before torch is imported
    from tagalign.tasks.folder_look.merge import merge_looks

    return _keep(settings, merge_looks(settings.merge))


def _keep(settings: LookSettings, look: "Look") -> int:
    from tagalign.methods.looks.files import write_look

    path = write_look(settings.out, look)
    print(
        f"a look at {look.photos.count} photos and {len(look.labels)} labels written to {path}; use it with "
        f"--look {settings.out}",
        file=sys.stderr,
    )
    return 0
