"""Models of transformers that see and do not read: mask generators and companions, from a folder or the hub.

They are found and fetched as encoders are (no code of the hub is run, no pickle is opened unasked), and built by the class
that belongs to their ``model_type``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers.utils import logging

from tagalign.backbones.config import read_json
from tagalign.backbones.hub.locate import locate, peek
from tagalign.errors import ModelError

LEFT_OUT = ("pooler.", "classifier.", "criterion.")
"""Parts of files that no feature and no mask needs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VisionOnly:
    """A loaded model.

    Attributes:
        model: in evaluation mode, frozen.
        kind: its ``model_type``.
        config: of ``config.json``.
        processor: of ``preprocessor_config.json``; empty where there is none.
        name: as given.
        weight_hash: of the weights.
        revision: commit of the hub; empty for a folder.
    """

    model: Any
    kind: str
    config: Any
    processor: Mapping[str, Any]
    name: str
    weight_hash: str
    revision: str

    def facts(self) -> dict[str, object]:
        """What a result must name of it."""
        facts: dict[str, object] = {"model": self.name, "weight_hash": self.weight_hash, "family": self.kind}
        return facts | ({"revision": self.revision} if self.revision else {})


def load_vision_only(
    name: str, classes: Mapping[str, str], *, what: str, device: torch.device | str = "cpu"
) -> VisionOnly:
    """Load a model of one of some kinds.

    Args:
        name: a folder or a hub id, with ``@revision`` behind it if wanted.
        classes: ``model_type`` -> class of transformers.
        what: the model is to be, for messages: ``a mask generator``.
        device: where it runs.

    Raises:
        ModelError: for another kind (before weights are fetched), and for weights that do not fit.
    """
    kind = str(peek(name, instead="").get("model_type"))
    if kind not in classes:
        raise ModelError(f"{name}: expected {what} (model_type {', '.join(classes)}), got {kind!r}")
    found = locate(name, instead="")
    try:
        config = transformers.AutoConfig.from_pretrained(found.folder, local_files_only=True)
        model = _built(getattr(transformers, classes[kind]), config, found.file_tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        said = str(error).strip().splitlines()
        raise ModelError(
            f"{name}: cannot be built as {what} ({said[0] if said else type(error).__name__})"
        ) from error
    return VisionOnly(
        model=model.eval().requires_grad_(False).to(device),
        kind=kind,
        config=config,
        processor=_processor(found.folder),
        name=name,
        weight_hash=found.weight_hash,
        revision=found.revision,
    )


def _built(kind: Any, config: Any, tensors: Mapping[str, Tensor]) -> nn.Module:
    with _no_bar():  # ours told of the download; this one flashes by
        model, info = kind.from_pretrained(
            None, config=config, state_dict=dict(tensors), output_loading_info=True
        )
    missing = [key for key in info["missing_keys"] if not key.startswith(LEFT_OUT)]
    odd = missing or [str(pair) for pair in info["mismatched_keys"]]
    if odd:
        raise ValueError(
            f"weights do not fit the config; first of {len(odd)}: {sorted(map(str, odd))[0]} is missing or of another shape"
        )
    return model


@contextmanager
def _no_bar() -> Iterator[None]:
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()


def _processor(folder: Path) -> Mapping[str, Any]:
    path = folder / "preprocessor_config.json"
    return read_json(path) if path.is_file() else {}
