"""A name, a method and options become something that answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tagalign.backbones.catalog import model_folder, read_json
from tagalign.backbones.families import FAMILIES
from tagalign.backbones.hub.locate import admit_pickle
from tagalign.backbones.hub.once import asked_once
from tagalign.backbones.models import resolve_auto
from tagalign.backbones.packaged import TINY
from tagalign.errors import InputError, ModelError
from tagalign.methods.by_verb import ByVerb
from tagalign.methods.opened import Opened
from tagalign.methods.options import build_options
from tagalign.methods.protocols import Method
from tagalign.methods.request import EACH_ITS_OWN, options_by_method, trained_type
from tagalign.methods.resources import Resources
from tagalign.methods.table import (
    DEFAULTS,
    build_method,
    find_method,
    methods,
    training_free,
)

Device = torch.device | str


@asked_once()  # what it holds and its files are two questions to one listing
def load_method(
    name: str,
    *,
    method: str | None = None,
    device: Device = "auto",
    allow_pickle: bool = False,
    batch_size: int = 8,
    precision: str = "fp32",
    compile: bool = False,
    text_cache: Path | None = None,
    companion_cache: Path | None = None,
    **options: Any,
) -> Method[Any]:
    """Open a model.

    Args:
        name: ``tiny``, a folder (an encoder, or one written by ``tagalign train``), a hub id of either, with ``@revision``
            behind it if wanted, or ``auto`` for the photo model.
        method: one of ``table.METHODS``; None takes what the folder was trained for, and for an encoder answers every
            verb by its default (``by_verb``).
        device: ``auto`` is CUDA where there is one.
        allow_pickle: open weights that are there as a pickle alone, of a repository that is not in our table, or of a
            folder; they are read without being run, and kept as safetensors.
        batch_size: images in one pass; changes no answer.
        precision: of the vision tower's products: ``fp32``, ``bf16``, or ``auto`` for bf16 where the device multiplies it
            faster; scores then differ in the third digit, so results name it.
        compile: run whole blocks of the vision tower through ``torch.compile``; answers change by rounding alone.
        text_cache: folder of label embeddings, for methods that keep them; likewise.
        companion_cache: folder of a companion's features, for method ``proxy`` alone; likewise.
        options: of the method, as its options class names them; strings are read as the command line reads them.

    Raises:
        UnknownNameError: for a method that does not exist.
        InputError: for an option that the method does not have, or a value that it does not take.
        MissingPartError: for a method whose trained part is not in the folder.
        ModelError: for a folder that cannot be used.
    """
    if method is not None:
        find_method(method)  # before anything is fetched
    if companion_cache is not None and method != "proxy":
        raise InputError(
            f"companion_cache {companion_cache} belongs to method 'proxy', which has a companion; leave it out, or "
            "take that method"
        )
    name = resolve_auto(name)
    trained = trained_type(name)
    chosen = method or trained
    wanted = options_by_method(chosen, options)
    if trained is not None and chosen != trained and find_method(str(chosen)).trained_by:
        raise ModelError(
            f"{name}: holds a {trained} model, asked for {chosen!r}; leave the method out, or give another folder"
        )
    # of a trained part on the hub: what was fetched of it; an encoder's own loader fetches what it needs
    is_part = trained is not None and trained not in FAMILIES
    folder = str(model_folder(name)) if is_part else name
    if is_part and allow_pickle:
        admit_pickle(str(read_json(Path(folder) / "config.json").get("backbone", TINY)))
    resources = Resources(batch_size=batch_size, text_cache=text_cache, companion_cache=companion_cache)
    opened = Opened(
        name=folder,
        method=chosen or EACH_ITS_OWN,
        trained=trained,
        device=pick_device(device),
        precision=precision,
        compile=compile,
        allow_pickle=allow_pickle,
        train_command=find_method(chosen).trained_by if chosen else "",
        without_training=training_free(),
        segmenters=_segmenters(),
        build_other=_build_other,
    )
    if chosen:
        return build_method(opened, wanted[chosen], resources)
    built = {one: build_method(opened.as_method(one), wanted[one], resources) for one in wanted}
    return ByVerb({verb: built[one] for verb, one in DEFAULTS.items() if one in built})


def _segmenters() -> tuple[str, ...]:
    """What can stand behind the tagger of ``gated``, the default of masks first."""
    first = DEFAULTS["segment"]
    able = [name for name in methods(can="segment") if not find_method(name).needs_look]
    return (first, *(name for name in able if name not in {first, "gated"}))


def _build_other(opened: Opened, options: Mapping[str, Any], resources: Resources) -> Method[Any]:
    kind = find_method(opened.method).options
    return build_method(opened, build_options(kind, options, method=opened.method), resources)


def pick_device(device: Device) -> torch.device:
    """A torch device; ``auto`` is CUDA where there is one.

    Raises:
        ModelError: if CUDA is asked for and there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("device 'cuda' was asked for, but PyTorch sees no CUDA device; use --device cpu")
    return chosen
