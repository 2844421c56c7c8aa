"""What a measurement will take, said before it starts."""

import dataclasses
import tempfile
import time
from pathlib import Path

from tagalign.cli.verbs.evaluate.settings import EvaluateSettings
from tagalign.cli.verbs.reproduce.measurement import Measurement

SHORT, LONG = 2, 6
"""Images of the two trials; their difference leaves out the time that opening the model takes."""


def fetch_note(model: str) -> str:
    """Whether the model is here, else how large it is."""
    from tagalign.backbones.hub.look import is_here
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


def seconds_per_image(settings: EvaluateSettings) -> float | None:
    """Time of one image, from two short runs over the first ones; None where the benchmark has too few."""
    from tagalign.cli.verbs.evaluate.verb import measure

    with tempfile.TemporaryDirectory() as folder:
        times = []
        for images in (SHORT, LONG):
            trial = dataclasses.replace(
                settings, limit=images, batch_size=1, out=Path(folder) / str(images), resamples=0, gallery=0
            )
            begun = time.perf_counter()
            measured = measure(trial)
            times.append(time.perf_counter() - begun)
            if measured is None or measured.images < images:
                return None
    return max(times[1] - times[0], 1e-3) / (LONG - SHORT)
