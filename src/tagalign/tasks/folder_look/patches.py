"""The bank of patches of a look: gathered photo by photo while scores are, one file per part, merged at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.methods.looks.look import photo_mark
from tagalign.methods.piaa.learner import BankSizes, CompetingWords, bank_from, bank_of_photo, bank_tensors
from tagalign.methods.protocols import PatchLearner
from tagalign.ops.looks.bank import Bank
from tagalign.tasks.folder_look.question import AskedLook, ScoreRows
from tagalign.tasks.folder_look.templates import TemplateRows
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.rows import TAG_SCHEMA
from tagalign.tasks.photos.run import PhotoRun
from tagalign.tasks.photos.stream import Answered
from tagalign.tasks.photos.tables import AnswerRow, Table

FOLDER = "bank"
EVERY = 16
"""Photos at least whose patches wait before the bank is cut to size: memory stays flat, and few sorts are made."""


@dataclass
class Collector:
    """The bank of the part that is being answered."""

    sizes: BankSizes
    waiting: list[Bank] = field(default_factory=list)
    new: int = 0

    def add(self, bank: Bank) -> None:
        """Take the patches of one photo."""
        self.waiting.append(bank)
        self.new += len(bank)
        # a sort and a copy of the whole bank for as many new rows: each is moved a few times, however large the bank is
        if len(self.waiting) > EVERY and self.new >= len(self.waiting[0]):
            self.waiting = [merge_banks(self.waiting, self.sizes.label)]
            self.new = 0

    def take(self) -> Bank | None:
        """The bank of the part, and begin anew; None of no photos."""
        bank = merge_banks(self.waiting, self.sizes.label) if self.waiting else None
        self.waiting, self.new = [], 0
        return bank


def merge_banks(banks: Sequence[Bank], keep: int) -> Bank:
    """The surest patches of all."""
    return Bank.joined(banks).surest(keep)


@dataclass(frozen=True, kw_only=True)
class BankTable(Table):
    """Scores in Parquet, and the bank of the part beside them, written first."""

    collector: Collector = field(compare=False)

    @property
    def folders(self) -> tuple[str, ...]:
        """See ``Table``."""
        return (*super().folders, FOLDER)

    def write(self, path: Path, rows: Sequence[AnswerRow]) -> None:
        """See ``Table``."""
        bank = self.collector.take()
        if bank is not None:
            target = bank_path(path)
            with atomic_write(target) as temp:
                save_file({name: value.contiguous() for name, value in bank_tensors(bank).items()}, str(temp))
        super().write(path, rows)


def bank_path(part: Path) -> Path:
    """Of the bank of a part of scores."""
    return part.parent.parent / FOLDER / f"{part.stem}.safetensors"


class BankRows(ScoreRows):
    """``ScoreRows`` of a method that learns from patches."""

    def __init__(self, sizes: BankSizes, words: Sequence[CompetingWords]) -> None:
        self.words = words
        self.table: BankTable = BankTable(folder="scores", schema=TAG_SCHEMA, collector=Collector(sizes))

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        row = super().row(job, answered)
        height, width = row["size"]
        # 63 bits of the mark: the number of a photo in tensors of int64
        number = photo_mark(answered.source.key, (height, width)) >> 65
        views = [view.embeds for view in answered.encoded.views]
        patches = views[0] if len(views) == 1 else torch.cat(views)
        collector = self.table.collector
        collector.add(bank_of_photo(patches, self.words, number, collector.sizes))
        return row


def sink_of(job: Job) -> ScoreRows:
    """What is kept of the answers to a ``LookQuestion``: scores, and patches for a method that learns from them."""
    if isinstance(job.asked, AskedLook) and job.asked.text is not None:
        return TemplateRows()
    whole = job.asked.whole if isinstance(job.asked, AskedLook) else job.method
    if not isinstance(whole, PatchLearner):
        return ScoreRows()
    return BankRows(whole.bank_sizes(len(job.labels.names)), CompetingWords.of(job.labels))


def gather_bank(runs: Iterable[PhotoRun], sink: ScoreRows) -> dict[str, Tensor]:
    """The bank of all parts, as tensors of a look; none where the sink keeps none."""
    if not isinstance(sink, BankRows):
        return {}
    keep = sink.table.collector.sizes.label
    total: Bank | None = None
    for run in runs:
        for part in run.parts():
            if (path := bank_path(part)).exists():
                own = bank_from(load_file(path))
                total = own if total is None else merge_banks([total, own], keep)
    return {} if total is None else tensors_of(total, keep)


def tensors_of(bank: Bank, keep: int) -> dict[str, Tensor]:
    """With the size that the bank was cut to, so that looks merge to the same one."""
    return {**bank_tensors(bank), "bank.keep": torch.tensor(keep)}


def merge_tensors(mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of two looks as one.

    Raises:
        ValueError: where one has a bank of another size, or none.
    """
    if not mine and not theirs:
        return {}
    sizes = [int(tensors["bank.keep"]) if tensors else 0 for tensors in (mine, theirs)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"{sizes[0]} patches of each label in one, {sizes[1]} in the other")
    return tensors_of(merge_banks([bank_from(mine), bank_from(theirs)], sizes[0]), sizes[0])
