"""Sums of templates of a look: added up photo by photo while scores are, one file per part, added up at the end."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.json_text import json_text
from tagalign.methods.looks.experts import Experts
from tagalign.tasks.folder_look.question import ScoreRows
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.rows import TAG_SCHEMA
from tagalign.tasks.photos.run import PhotoRun
from tagalign.tasks.photos.stream import Answered
from tagalign.tasks.photos.tables import AnswerRow, Table

FOLDER = "templates"


@dataclass
class Total:
    """The sums of the part that is being answered."""

    experts: Experts | None = None

    def add(self, experts: Experts) -> None:
        """Take one photo."""
        self.experts = experts if self.experts is None else self.experts + experts


@dataclass(frozen=True, kw_only=True)
class TemplateTable(Table):
    """Scores in Parquet, and the sums of the part beside them, written first."""

    total: Total = field(compare=False)

    @property
    def folders(self) -> tuple[str, ...]:
        """See ``Table``."""
        return (*super().folders, FOLDER)

    def write(self, path: Path, rows: Sequence[AnswerRow]) -> None:
        """See ``Table``."""
        experts, self.total.experts = self.total.experts, None
        if experts is not None:
            with atomic_write(sums_path(path)) as temp:
                temp.write_text(json_text(experts.values()) + "\n", encoding="utf-8")
        super().write(path, rows)


def sums_path(part: Path) -> Path:
    """Of the sums of a part of scores."""
    return part.parent.parent / FOLDER / f"{part.stem}.json"


class TemplateRows(ScoreRows):
    """``ScoreRows`` of a look that chooses templates."""

    def __init__(self) -> None:
        self.table: TemplateTable = TemplateTable(folder="scores", schema=TAG_SCHEMA, total=Total())

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        asked: Any = job.asked
        self.table.total.add(asked.method.template_sums(answered.encoded, asked.text))
        return super().row(job, answered)


def gather_experts(runs: Iterable[PhotoRun], sink: ScoreRows) -> Experts | None:
    """The sums of all parts; None where the sink keeps none."""
    if not isinstance(sink, TemplateRows):
        return None
    total = Total()
    for run in runs:
        for part in run.parts():
            if (path := sums_path(part)).exists():
                total.add(Experts.from_values(json.loads(path.read_text(encoding="utf-8"))))
    return total.experts
