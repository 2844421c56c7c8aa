"""``tagalign models``: published checkpoints we know, fetching one ahead, and whether a model would open."""

import dataclasses
import sys
from typing import Annotated, Any, Literal

import tyro

from tagalign.backbones.models import KnownModel, known_models, photo_model
from tagalign.cli.shared.output import print_json
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelsSettings:
    """List published checkpoints, fetch one (get), or say whether and how one would open (check).

    Example: tagalign models get openai/clip-vit-base-patch16
    """

    action: Annotated[Literal["list", "get", "check"], tyro.conf.Positional] = "list"
    """What to do; `check` says how a model would open."""
    name: Annotated[str, tyro.conf.Positional] = ""
    """For `get` an id on the hub (name@revision too), for `check` also a folder or a file; `auto` is the photo model."""
    allow_pickle: bool = False
    """`get` also weights that are there as a pickle alone, of a repository that is not in the list."""
    json: bool = False
    """One JSON object per model on standard output."""

    def __post_init__(self) -> None:
        if self.action != "list" and not self.name:
            raise InputError(f"tagalign models {self.action} needs a name, e.g. {photo_model()}")
        if self.action == "list" and self.name:
            raise InputError("the list takes no name; give get or check before it")


def run(settings: ModelsSettings) -> int:
    """Print on standard output."""
    if settings.action == "list":
        _list(settings.json)
    elif settings.action == "get":
        _get(settings)
    else:
        _check(settings)
    return 0


# --- the list ---------------------------------------------------------------------------------------------------------


def _list(as_json: bool) -> None:
    from tagalign.backbones.hub.cached import is_here

    rows = [(model, is_here(model.id)) for model in known_models()]
    if as_json:
        for model, here in rows:
            print_json(dataclasses.asdict(model) | {"here": here, "auto": model.id == photo_model()})
        return
    print(table(rows))


def table(rows: list[tuple[KnownModel, bool]]) -> str:
    """One line per checkpoint, and what the marks mean."""
    head = ("model", "family", "params", "patch", "input", "fetch", "here", "licence", "good for")
    lines = [head, *(_cells(model, here) for model, here in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    notes = [
        "* what --model auto means   (NC) no commercial use   ? not seen by us; any other CLIP on the hub opens by its id",
        "tagalign models get NAME fetches ahead; tagalign models check NAME says whether one opens",
    ]
    return "\n".join([*text, "", *notes])


def _cells(model: KnownModel, here: bool) -> tuple[str, ...]:
    from tagalign.backbones.hub.progress import megabytes

    return (
        model.id + ("*" if model.id == photo_model() else ""),
        model.family,
        f"{model.parameters / 1e6:.0f} M" if model.parameters else "?",
        str(model.patch_size),
        str(model.image_size),
        megabytes(model.download) if model.download else "?",
        "yes" if here else "no",
        (model.licence or "?") + (" (NC)" if model.non_commercial else ""),
        model.good_for,
    )


# --- one model --------------------------------------------------------------------------------------------------------


def _get(settings: ModelsSettings) -> None:
    from tagalign.backbones.hub.locate import locate

    found = locate(settings.name, allow_pickle=settings.allow_pickle)
    facts: dict[str, Any] = {
        "name": found.name,
        "folder": str(found.folder),
        "weights": [str(path) for path in found.weights],
        "revision": found.revision or None,
        "weight_hash": found.weight_hash,  # held against the hub's own
    }
    _ = found.file_tensors  # a pickle is converted now, not at the first photo
    if settings.json:
        print_json(facts)
        return
    print(facts["folder"])
    print(
        f"{found.name}: here, weights {found.weight_hash}; use it with --model {found.name}", file=sys.stderr
    )


def _check(settings: ModelsSettings) -> None:
    from tagalign.backbones.hub.look import in_words, look

    found = look(settings.name)
    title = model_title(found.config, found.name)
    if settings.json:
        print_json(dataclasses.asdict(found) | {"opens_as": title, "config": None})
        return
    print("\n".join(in_words(found, opens_as=title)))


def model_title(config: Any, name: str) -> str:
    """What a config is, for people: an encoder family of ours, or a folder that ``tagalign train`` wrote.

    Raises:
        ModelError: for any other kind of model.
    """
    from tagalign.backbones.families import FAMILIES
    from tagalign.backbones.load import checked_type
    from tagalign.methods.table import trained_kinds

    kind = config.get("model_type")
    return (
        f"a trained {kind} model" if kind in trained_kinds() else FAMILIES[checked_type(config, name)].title
    )
