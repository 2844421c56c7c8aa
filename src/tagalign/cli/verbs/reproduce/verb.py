"""``tagalign reproduce``: list the published numbers, or measure some of them and print ours beside theirs."""

import dataclasses
import sys
from typing import TYPE_CHECKING

from tagalign.cli.shared.lines import duration
from tagalign.cli.shared.output import print_json
from tagalign.cli.verbs.reproduce.flags import ReproduceSettings
from tagalign.cli.verbs.reproduce.measurement import Measurement, measurements
from tagalign.errors import InputError, TagalignError
from tagalign.evaluate.published.numbers import Published, find_numbers, published_numbers

if TYPE_CHECKING:
    from tagalign.cli.verbs.reproduce.ground import DrawnGround, RealGround
    from tagalign.evaluate.published.difference import Reproduction


def run(settings: ReproduceSettings) -> int:
    """List, or measure; a measurement that cannot be made is named, the others go on, and the exit code is 2."""
    if settings.listing:
        return _list(settings)
    numbers = _public() if settings.all else find_numbers(settings.names)
    if settings.rehearse:
        numbers = _rehearsable(numbers)
    ground = _ground(settings)
    done, failed = list["Reproduction"](), 0
    for one in measurements(numbers):
        try:
            done += _measure(one, ground, settings)
        except TagalignError as error:
            _say(f"{one.name}: not measured: {error}")
            failed += 1
    if not settings.dry_run:
        _write(done, settings)
    return 2 if failed else 0


def _public() -> tuple[Published, ...]:
    return tuple(number for number in published_numbers() if number.run is not None and number.run.public)


def _rehearsable(numbers: tuple[Published, ...]) -> tuple[Published, ...]:
    """Numbers whose model can stand in small."""
    kept = tuple(number for number in numbers if number.run is None or can_be_rehearsed(number))
    if not kept:
        raise InputError(
            f"{numbers[0].id} needs a trained model of its own; training is tried with: tagalign demo, or on the drawn world"
        )
    if left := len(numbers) - len(kept):
        _say(f"{left} numbers of trained models are left out of the rehearsal")
    return kept


def can_be_rehearsed(number: Published) -> bool:
    """Whether a small model can answer.

    None with a trained part can before it is trained, and the packaged Tag2Text has the tags of drawn scenes alone.
    """
    from tagalign.data.benchmarks.catalog import BENCHMARKS

    run = number.run
    fixed_tags = (
        run is not None and run.method == "tag2text" and BENCHMARKS[number.benchmark].kind == "tagging"
    )
    return run is not None and run.public and not fixed_tags


def _ground(settings: ReproduceSettings) -> "RealGround | DrawnGround":
    from tagalign.cli.verbs.reproduce.ground import DrawnGround, RealGround

    if settings.rehearse:
        return DrawnGround(settings.out, settings.images)
    return RealGround(settings.path, settings.model)


def _measure(
    one: Measurement, ground: "RealGround | DrawnGround", settings: ReproduceSettings
) -> "list[Reproduction]":
    from tagalign.cli.verbs.evaluate.verb import measure
    from tagalign.cli.verbs.reproduce.cost import describe, seconds_per_image
    from tagalign.data.benchmarks import open_benchmark
    from tagalign.evaluate.published.difference import reproduction

    model, path = ground.model(one), ground.data(one)
    evaluation = dataclasses.replace(
        one.settings(model=model, options=ground.options(one), path=path, out=settings.out),
        device=settings.device, batch_size=settings.batch_size, workers=settings.workers,
    )  # fmt: skip
    _say(describe(one, model, path))
    if not settings.rehearse:
        seconds = seconds_per_image(evaluation, text_cache=ground.text_cache)
        images = len(open_benchmark(one.benchmark, path, one.split))
        takes = "" if seconds is None else f", about {duration(seconds * images)} ({seconds:.2f} s each)"
        _say(f"  {images:,} images{takes}")
    if settings.dry_run:
        return []
    result = measure(evaluation, text_cache=ground.text_cache)
    return [] if result is None else [reproduction(number, result) for number in one.numbers]


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _as_json(one: "Reproduction") -> dict[str, object]:
    """A number, ours and theirs, and how it was measured."""
    return {
        "id": one.published.id,
        "metric": one.published.metric,
        "theirs": one.published.value,
        "ours": one.ours,
        "interval": None if one.interval is None else [one.interval.low, one.interval.high],
        "difference": None if one.drawn else one.difference,
        "verdict": one.verdict,
        "counted": one.counted,
        "differs": list(one.published.differs),
        "run": dataclasses.asdict(one.published.run) if one.published.run else None,
    }


def _write(done: "list[Reproduction]", settings: ReproduceSettings) -> None:
    from tagalign.atomic import atomic_write
    from tagalign.evaluate.published.difference import reproduction_table
    from tagalign.json_text import json_text

    if not done:
        return
    table = reproduction_table(done)
    rows = [_as_json(one) for one in done]
    texts = {"reproduced.md": table + "\n", "reproduced.json": json_text(rows, indent=1) + "\n"}
    for name, text in texts.items():
        with atomic_write(settings.out / name) as temp:
            temp.write_text(text, encoding="utf-8")
    if settings.json:
        for row in rows:
            print_json(row)
    else:
        print(table)


def _list(settings: ReproduceSettings) -> int:
    if settings.json:
        for number in published_numbers():
            print_json(dataclasses.asdict(number) | {"can_be_measured": _state(number)})
        return 0
    table = None
    for number in published_numbers():
        if number.table != table:
            table = number.table
            print(f"\n{table}: {number.title}")
        print(f"  {_MARKS[_state(number)]} {number.value:5.1f}  {number.id}")
    print(
        "\n* weights are public   + weights must be trained first (--model FOLDER)     quoted for comparison alone"
    )
    return 0


_MARKS = {"public": "*", "after training": "+", "quoted": " "}


def _state(number: Published) -> str:
    if number.run is None:
        return "quoted"
    return "public" if number.run.public else "after training"
