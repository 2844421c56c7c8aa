"""Pickles become safetensors once: a copy in our cache, under the hash of the pickle. Every later start reads the copy."""

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tagalign.atomic import atomic_write
from tagalign.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
"""Counted up when the same pickle would be written differently; older copies stay beside it, unread."""


def converted_dir() -> Path:
    """Where the copies lie: ``$HF_HOME/tagalign/weights-N``, so they move with the hub's own cache."""
    from huggingface_hub import constants  # late: it costs time that no folder needs

    return Path(constants.HF_HOME) / "tagalign" / f"weights-{VERSION}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def converted_path(digest: str) -> Path:
    """Where the copy of a pickle with this hash is, or would be."""
    return converted_dir() / f"{digest}.safetensors"


def convert(pickle: Path, digest: str) -> "Mapping[str, Tensor] | Path":
    """The safetensors copy of a pickle, written if it is not there yet.

    Args:
        pickle: of whose opening the user was asked, or did not need to be.
        digest: of it, from ``file_digest``.

    Returns:
        The copy; the tensors themselves where the cache cannot be written, which is said.

    Raises:
        ModelError: if the pickle is refused.
    """
    copy = converted_path(digest)
    if copy.is_file():
        return copy
    from tagalign.backbones.hub.pickles import read_state_dict  # late: to find a model needs no torch

    tensors = read_state_dict(pickle)
    try:
        write_safetensors(copy, tensors)
    except InputError as error:
        warnings.warn(
            f"{pickle.name} was converted in memory and will be at every start: {error}", stacklevel=2
        )
        return tensors
    return copy


def write_safetensors(path: Path, tensors: "Mapping[str, Tensor]") -> None:
    """Tensors into a file that appears whole or not at all; those that share numbers are written one by one.

    Raises:
        InputError: if the system refuses to write.
    """
    from safetensors.torch import save_file

    seen: set[int] = set()
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        tensor = tensor.contiguous()
        place = tensor.untyped_storage().data_ptr() if tensor.numel() else 0
        plain[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    with atomic_write(path) as temp:
        save_file(plain, temp, metadata={"format": "pt"})
