"""The table of published checkpoints we know, ``models.json``: facts that no file of theirs holds, or only once fetched.

An entry opens nothing and closes nothing: a repository that is not in it opens by its files. It serves the list of
``tagalign models``, the permission to read a pickle without a question, the mark of licences that forbid commercial use,
and the check of the activation.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

AUTO = "auto"
"""The name that stands for the photo model wherever a model is named."""


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """A published checkpoint.

    Attributes:
        id: on the hub.
        family: ``model_type`` of its config: ``clip``, ``metaclip_2``, ``siglip``, ``tipsv2``.
        layout: whose files its main branch has: ``transformers``, ``open_clip`` or ``both``.
        parameters: of both towers; None where we have not seen it.
        download: bytes that are fetched, of one set of weights; None likewise.
        image_size: native square input in pixels.
        patch_size: in pixels.
        licence: of the weights.
        non_commercial: whether the licence forbids commercial use.
        quick_gelu: whether it was trained with OpenAI's approximate activation; None where that does not arise.
        good_for: in a few words.
        revision: where one is pinned.
    """

    id: str
    family: str
    layout: str
    parameters: int | None
    download: int | None
    image_size: int
    patch_size: int
    licence: str | None
    non_commercial: bool
    quick_gelu: bool | None
    good_for: str
    revision: str | None = None


@cache
def _table() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "models.json").read_text(encoding="utf-8"))


def known_models() -> tuple[KnownModel, ...]:
    """All entries, in the order of the table."""
    return tuple(KnownModel(**row) for row in _table()["models"])


def find_model(name: str) -> KnownModel | None:
    """The entry of a hub id (a ``@revision`` behind it is left out); None if there is none."""
    plain = name.partition("@")[0].lower()
    return next((model for model in known_models() if model.id.lower() == plain), None)


def photo_model() -> str:
    """The hub id that ``auto`` stands for."""
    return _table()["auto"]


def resolve_auto(name: str) -> str:
    """The name itself, or the photo model for ``auto``."""
    return photo_model() if name == AUTO else name
