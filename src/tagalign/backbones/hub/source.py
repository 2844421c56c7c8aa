"""A model that has been found: its files, whose names its tensors have, and which commits they are of."""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.backbones.config import read_json
from tagalign.backbones.hub.cached import blob_digest, forget_file
from tagalign.backbones.hub.choose import CONFIGS, WeightLayout
from tagalign.backbones.hub.converted import convert, converted_path, file_digest
from tagalign.backbones.hub.open_clip import config_of_archive, to_clip_config, to_clip_names, to_pixel_rule
from tagalign.backbones.hub.permission import refuse_pickle
from tagalign.backbones.models import find_model
from tagalign.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

HASH_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """The files of one model; nothing is opened before it is asked for.

    Attributes:
        name: as the user gave it.
        folder: config, tokenizer and other small files.
        weights: one file, or the shards in the order of their index.
        layout: whose names the tensors have in the file.
        pickled: whether the weights are a pickle.
        repo: id on the hub; None for a folder.
        commit: of the small files; None for a folder.
        weights_commit: of the weights: another one where they come from a conversion.
        digests: SHA-256 the hub gives for each weight file; None where it gives none.
        allow_pickle: whether the user said that a pickle may be opened.
        opened: tensors under the names of the file, where somebody has read them already.
    """

    name: str
    folder: Path
    weights: tuple[Path, ...]
    layout: WeightLayout = "transformers"
    pickled: bool = False
    repo: str | None = None
    commit: str | None = None
    weights_commit: str | None = None
    digests: tuple[str | None, ...] = ()
    allow_pickle: bool = False
    opened: "Mapping[str, Tensor] | None" = None

    @property
    def revision(self) -> str:
        """The commit; both where config and weights are of different ones; empty for a folder."""
        if self.weights_commit in (None, self.commit):
            return self.commit or ""
        return f"{self.commit}, weights {self.weights_commit}"

    @cached_property
    def file_digests(self) -> tuple[str, ...]:
        """SHA-256 of each weight file as it lies, held against what the hub and its cache say.

        Raises:
            ModelError: if a file is another than it should be. It has been taken out of the cache then.
        """
        found = []
        for path, wanted in zip(self.weights, self.digests or (None,) * len(self.weights), strict=True):
            digest = _digest(path)
            if digest != (wanted or blob_digest(path) or digest):
                forget_file(path)
                raise ModelError(
                    f"{self.name}: {path.name} is damaged (its SHA-256 is {digest[:12]}..., not "
                    f"{(wanted or blob_digest(path) or '')[:12]}...); it was removed, the next start fetches it again"
                )
            found.append(digest)
        return tuple(found)

    @cached_property
    def weight_hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the weights as they lie; of several files, of their digests in order.

        The two layouts, and the pickle, of one model have different hashes.
        """
        digests = self.file_digests
        whole = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
        return whole[:HASH_DIGITS]

    @cached_property
    def file_tensors(self) -> "Mapping[str, Tensor]":
        """All tensors under the names of the file, mapped into memory where it is safetensors.

        Raises:
            ModelError: if a file is damaged, or is a pickle that must not be opened.
        """
        if self.opened is not None:
            return self.opened
        from tagalign.backbones.weights import open_tensors  # late: to find a model needs no torch

        tensors: dict[str, Tensor] = {}
        for path, digest in zip(self.weights, self.file_digests, strict=True):
            found = self._convert(path, digest) if self.pickled else path
            tensors |= open_tensors(found) if isinstance(found, Path) else found
        return tensors

    def _convert(self, path: Path, digest: str) -> "Mapping[str, Tensor] | Path":
        # what was converted was allowed once, and its copy can run nothing
        if not self.allow_pickle and not converted_path(digest).is_file():
            refuse_pickle(self.name, path, self.repo)
        return convert(path, digest)

    def tensors(self) -> "Mapping[str, Tensor]":
        """All tensors under transformers' names.

        Raises:
            ModelError: as ``file_tensors``; and for a model of open_clip that ``CLIPModel`` cannot hold.
        """
        if self.layout == "transformers":
            return self.file_tensors
        return to_clip_names(self.file_tensors, where=self.name)

    @cached_property
    def config(self) -> dict[str, Any]:
        """``config.json``, or what open_clip's config, or the shapes of an archive, make of it.

        Raises:
            ModelError: if there is none, or it is damaged.
        """
        path = self.folder / CONFIGS[self.layout]
        if self.layout == "transformers":
            config = read_json(path)
        elif path.is_file():
            config = to_clip_config(read_json(path), where=self.name)
        else:
            config = config_of_archive(self.file_tensors, where=self.name)
        check_activation(config, self.repo or config.get("_name_or_path"), self.name)
        return config

    @property
    def image_processor(self) -> dict[str, Any] | None:
        """open_clip's pixel rule in the form of ``preprocessor_config.json``; None where that file is to be read."""
        path = self.folder / CONFIGS["open_clip"]
        if self.layout == "transformers" or not path.is_file():
            return None
        return to_pixel_rule(read_json(path), image_size=self.config["vision_config"]["image_size"])


def check_activation(config: Mapping[str, Any], model_id: str | None, name: str) -> None:
    """Warn where a config asks for another activation than the checkpoint was trained with; the config is followed.

    The wrong one changes embeddings by less than a percent, and loads without a word.
    """
    known = find_model(str(model_id)) if model_id else None
    if known is None or known.quick_gelu is None or config.get("model_type") != known.family:
        return
    wanted = "quick_gelu" if known.quick_gelu else "gelu"
    for part in ("text_config", "vision_config"):
        values = {**(config.get(part) or {}), **(config.get(f"{part}_dict") or {})}
        found = values.get("hidden_act", "quick_gelu")
        if found != wanted:
            warnings.warn(
                f"{name}: its config says {found} in {part}, but {known.id} was trained with {wanted}; "
                "its embeddings may be off by up to a percent",
                stacklevel=2,
            )
            return


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
