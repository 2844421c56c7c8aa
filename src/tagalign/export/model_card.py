"""The card of a model on the hub: made from the folder alone, so that it cannot say more than the run knows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tagalign.json_text import object_or_nothing

SHOWN_TAGS = 20
DATA_FIELDS = (
    "data",
    "pairs",
    "records",
    "path",
    "tags",
    "tag_list",
    "label_rows",
    "images",
    "photos",
    "masks",
    "annotations",
    "vocabulary",
    "limit",
)
"""Fields of a run's settings that say what it was trained on."""
NOTHING: tuple[Any, ...] = (None, "", [], {})
RUN_FIELDS = (
    "profile",
    "loss",
    "steps",
    "epochs",
    "batch_size",
    "learning_rate",
    "seed",
    "setting",
    "trusty_target",
)


def hub_card(folder: Path, config: Mapping[str, Any], *, licence: str) -> str:
    """Markdown with the hub's header: training data, vocabulary, results, limits, licence."""
    run = _run_settings(folder)
    parts = [
        _header(config, licence),
        _opening(config),
        "## Training data\n\n"
        + (_table(_data_rows(run)) or "The folder does not say what it was trained on."),
        "## Training\n\n" + (_table(_rows(run, RUN_FIELDS)) or "The folder holds no settings of a run."),
        "## Vocabulary\n\n" + _vocabulary(folder, config),
        "## Results\n\n" + ("\n".join(_results(folder)) or "None were measured, or none lie in the folder."),
        "## Limits\n\n" + LIMITS,
        f"## Licence\n\n{_licence(licence)}",
    ]
    return "\n\n".join(parts) + "\n"


LIMITS = """It repeats what its captions or masks say and leave out, their mistakes and their leanings. A frozen CLIP bounds
what it can find: what the encoder never saw cannot be recovered. Scores are comparable within one model and one list
of labels only. It was not made, and not checked, for decisions about people."""


def _header(config: Mapping[str, Any], licence: str) -> str:
    backbone = str(config.get("backbone", ""))
    tags = dict.fromkeys(["tagalign", str(config["model_type"]), "image-segmentation", "open-vocabulary"])
    lines = ["library_name: tagalign", f"license: {licence}", "tags:", *(f"- {tag}" for tag in tags)]
    if backbone.count("/") == 1 and not backbone.startswith((".", "/")):
        lines.append(f"base_model: {backbone}")
    return "---\n" + "\n".join(lines) + "\n---"


def _opening(config: Mapping[str, Any]) -> str:
    kind = config["model_type"]
    backbone = (
        f"It holds the trained part alone; the frozen encoder is `{Path(str(config['backbone'])).name}` "
        f"(weights `{config.get('backbone_hash', 'unknown')}`).\n\n"
        if "backbone" in config
        else ""
    )
    return (
        f"# A `{kind}` model\n\n{backbone}"
        '```python\nimport tagalign\n\nmodel = tagalign.load("user/name")  # or a folder\n```'
    )


def _run_settings(folder: Path) -> dict[str, Any]:
    """What the training used, and of the command line what it was given to train on."""
    values = object_or_nothing(folder / "settings.json")
    caller = values.get("caller") if isinstance(values.get("caller"), dict) else values
    given = caller.get("settings") if isinstance(caller, dict) else None
    if not isinstance(given, dict):
        return values
    data = {name: given[name] for name in DATA_FIELDS if given.get(name) not in NOTHING}
    return {**given, **values, **data}


def _data_rows(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of files without their folders, which are nobody's business."""
    for name, value in _rows(run, DATA_FIELDS):
        yield name, ", ".join(Path(part).name or part for part in value.split(", "))


def _rows(run: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        value = run.get(name)
        if value not in NOTHING:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(rows: Iterator[tuple[str, str]]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines]) if lines else ""


def _vocabulary(folder: Path, config: Mapping[str, Any]) -> str:
    names = _names(folder, config)
    if not names:
        return "Open: any words at run time."
    more = f", and {len(names) - SHOWN_TAGS:,} more" if len(names) > SHOWN_TAGS else ""
    return f"{len(names):,} names were trained on: {', '.join(names[:SHOWN_TAGS])}{more}."


def _names(folder: Path, config: Mapping[str, Any]) -> list[str]:
    if isinstance(config.get("trained"), list):
        return list(map(str, config["trained"]))
    for file, column in (("vocabulary.tsv", 1), ("tags.txt", 0)):
        if (folder / file).is_file():
            lines = (folder / file).read_text(encoding="utf-8").splitlines()[column:]  # the table has a head
            return [line.split("\t")[column] for line in lines if line.count("\t") >= column]
    return []


def _results(folder: Path) -> Iterator[str]:
    """One table per ``result.json`` that ``tagalign evaluate`` wrote into or below the folder."""
    for path in sorted(folder.rglob("result*.json")):
        values = object_or_nothing(path)
        metrics = values.get("metrics")
        numbers = metrics if isinstance(metrics, dict) else values
        rows = [(name, f"{value:.4g}") for name, value in numbers.items() if isinstance(value, float)]
        if rows:
            yield f"`{path.relative_to(folder)}`\n\n" + _table(iter(rows)) + "\n"


def _licence(licence: str) -> str:
    said = "is not stated by its owner" if licence == "other" else f"is `{licence}`"
    return (
        f"The licence of these weights {said}. The encoder, the captions and the images keep the licences of their owners; "
        "check them before use."
    )
