"""What a measurement will take, said before it starts."""

import dataclasses
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tagalign.cli.verbs.evaluate.settings import EvaluateSettings
from tagalign.cli.verbs.reproduce.measurement import Measurement

TRIED = 6
"""Images of the trial; the first is not counted: it waits for the model and for the words of the labels."""


def fetch_note(model: str) -> str:
    """Whether the model is here, else how large it is."""
    from tagalign.backbones.hub.cached import is_here
    from tagalign.backbones.hub.progress import megabytes
    from tagalign.backbones.models import known_models

    if Path(model).is_dir() or "/" not in model:
        return f"{model}, here"
    if is_here(model):
        return f"{model}, in the cache"
    size = next((known.download for known in known_models() if known.id == model), None)
    return f"{model}, to be fetched" + (f" ({megabytes(size)})" if size else "")


def describe(one: Measurement, model: str, path: Path) -> str:
    """Method, model, data, options of a measurement, and which numbers it gives, in one line each."""
    options = " ".join(f"{name}={value}" for name, value in one.run.options.items())
    refine = f", refined by {one.run.refine}" if one.run.refine else ""
    lines = [
        f"{one.name}: {one.run.method} ({fetch_note(model)}) on {one.benchmark} {one.split or ''}".rstrip()
        + f" in {path}",
        f"  protocol {one.run.protocol}{refine}; {options or 'own options'}",
        *(f"  gives {number.id}: theirs {number.value:.1f}" for number in one.numbers),
    ]
    return "\n".join(lines)


def seconds_per_image(settings: EvaluateSettings, *, text_cache: Path | None = None) -> float | None:
    """Time of one image, from a short run over the first ones; None where the benchmark has too few."""
    from tagalign.cli.verbs.evaluate.verb import measure

    moments = list[float]()

    def clock(rows: Iterable[Any], total: int) -> Iterable[Any]:
        del total
        for row in rows:
            moments.append(time.perf_counter())
            yield row

    with tempfile.TemporaryDirectory() as folder:
        trial = dataclasses.replace(
            settings, limit=TRIED, batch_size=1, out=Path(folder) / "trial", resamples=0, gallery=0
        )
        measure(trial, text_cache=text_cache, watch=clock)
    if len(moments) < TRIED:
        return None
    return (moments[-1] - moments[0]) / (TRIED - 1)
