"""What is measured for the numbers that were asked for: one evaluation may give several of them."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from tagalign.cli.shared.choices import Protocol
from tagalign.cli.verbs.evaluate.settings import EvaluateSettings
from tagalign.errors import InputError
from tagalign.evaluate.published.numbers import Published, Run
from tagalign.json_text import json_text


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurement:
    """One evaluation.

    Attributes:
        run: its flags.
        benchmark: on what.
        split: of it; None for the one that papers report.
        numbers: the published numbers that it gives.
    """

    run: Run
    benchmark: str
    split: str | None
    numbers: tuple[Published, ...]

    @property
    def name(self) -> str:
        """Of its folder: method, data, and a hash of the flags, which tells two rows of an ablation apart."""
        flags = json_text(dataclasses.asdict(self.run), sort_keys=True).encode()
        split = f"-{self.split}" if self.split else ""
        return f"{self.run.method}-{self.benchmark}{split}-{hashlib.sha256(flags).hexdigest()[:6]}"

    def settings(self, *, model: str, options: Mapping[str, str], path: Path, out: Path) -> EvaluateSettings:
        """The flags of ``tagalign evaluate`` that measure it, into a folder of its own below ``out``."""
        options = {**options} | ({"refine": self.run.refine} if self.run.refine else {})
        return EvaluateSettings(
            model=model,
            method=self.run.method,
            option=tuple(f"{name}={value}" for name, value in options.items()),
            protocol=cast(Protocol, self.run.protocol),
            data=self.benchmark,
            split=self.split,
            path=path,
            out=out / self.name,
        )


def measurements(numbers: Sequence[Published]) -> list[Measurement]:
    """The evaluations that give some numbers, each once, in their order.

    Raises:
        InputError: for a number that is quoted only.
    """
    groups: dict[str, list[Published]] = {}
    for number in numbers:
        if number.run is None:
            raise InputError(
                f"{number.id} is quoted for comparison ({number.row}); tagalign reproduce list marks what can be measured"
            )
        key = Measurement(run=number.run, benchmark=number.benchmark, split=number.split, numbers=()).name
        groups.setdefault(key, []).append(number)
    return [
        Measurement(
            run=group[0].run, benchmark=group[0].benchmark, split=group[0].split, numbers=tuple(group)
        )
        for group in groups.values()
        if group[0].run is not None
    ]
