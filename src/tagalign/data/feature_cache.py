"""Frozen features on disk: written once in shards, read by row from mapped files; stale or half-written ones are refused.

    DIR/cache.json             what the features are (encoder, weights, mode, size, dtype) and how many
    DIR/features-00000.npy     (images, patches, width) float16, or bytes of float8 with scales beside them
    DIR/scales-00000.npy       (images, patches) float16, float8 only
    DIR/texts-00000.npy        (images, dim) float16
    DIR/keys-00000.txt         one key per line
    DIR/captions-00000.npy     (images) int64, hashes of the captions; caches of older releases have none

A shard appears when all its files are there; a killed run goes on after the last whole one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.atomic import atomic_write, sweep
from tagalign.data.feature_pairs import FeaturePairs
from tagalign.data.tag_join import report_join
from tagalign.data.tag_table import TagTable
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.tags.row_hashes import caption_hash
from tagalign.tags.vocabulary import TagLabels

FORMAT = 1
FLOAT8_MAX = 448.0  # largest finite number of float8 e4m3
DTYPES = ("float16", "float8")


@dataclass(frozen=True, kw_only=True, eq=False)
class CacheShard:
    """What the writer takes at a time.

    Attributes:
        features: patch features.
        texts: caption embeddings.
        keys: one per image.
        captions: one per image; they tell apart the tags of an image with several.
    """

    features: Float[Tensor, "images patches width"]
    texts: Float[Tensor, "images dim"]
    keys: Sequence[str]
    captions: Sequence[str]


class FeatureCache:
    """A cache folder.

    Args:
        folder: made when the first shard is written.
        facts: what the features depend on; a folder with other facts is refused, because its features are stale.
        dtype: of new shards, ``float16`` or ``float8``.

    Raises:
        DataError: if the folder holds features of something else.
    """

    def __init__(self, folder: str | Path, *, facts: Mapping[str, Any], dtype: str = "float16") -> None:
        if dtype not in DTYPES:
            raise InputError(f"features are stored as {' or '.join(DTYPES)}, got {dtype!r}")
        self.folder = Path(folder)
        self.facts = {**facts, "dtype": dtype, "format": FORMAT}
        self._state = _read_state(self.folder)
        stored = self._state.get("facts", self.facts)
        for name in sorted(stored.keys() | self.facts.keys()):
            if stored.get(name) != self.facts.get(name):
                raise DataError(
                    f"{self.folder}: holds features with {name} = {stored.get(name)!r}, wanted {self.facts.get(name)!r}; "
                    "give another folder, or delete this one"
                )

    @property
    def counts(self) -> list[int]:
        """Images of each whole shard."""
        return list(self._state.get("counts", []))

    @property
    def is_complete(self) -> bool:
        """Whether the run that filled it came to its end."""
        return bool(self._state.get("complete", False))

    @property
    def error(self) -> float:
        """Largest relative error of a feature vector (L2) against what was stored; 0 for an empty cache."""
        return float(self._state.get("error", 0.0))

    @property
    def position(self) -> Any:
        """Where the source stood after the last whole shard."""
        return self._state.get("position")

    def append(self, shard: CacheShard, *, position: Any = None) -> None:
        """Write one more shard."""
        number = len(self.counts)
        files, error = _pack(shard, self.facts["dtype"])
        files["captions"] = np.array([caption_hash(text) for text in shard.captions], dtype=np.int64)
        sweep(self.folder, [*(f"{name}-{number:05d}.npy" for name in files), f"keys-{number:05d}.txt"])
        for name, array in files.items():
            with atomic_write(self.folder / f"{name}-{number:05d}.npy") as path:
                _save_array(path, array)
        with atomic_write(self.folder / f"keys-{number:05d}.txt") as path:
            path.write_text("".join(key.replace("\n", " ") + "\n" for key in shard.keys), encoding="utf-8")
        self._write(
            counts=[*self.counts, len(shard.keys)],
            grid=list(self._state.get("grid", [])),
            error=max(self.error, error),
            position=position,
        )

    def finish(self, grid: tuple[int, int]) -> None:
        """Mark the cache as whole.

        Raises:
            DataError: if nothing was written.
        """
        if not self.counts:
            raise DataError(f"{self.folder}: no pair could be encoded")
        self._write(complete=True, grid=list(grid))

    def _write(self, **changes: Any) -> None:
        self._state = {**self._state, "facts": self.facts, **changes}
        sweep(self.folder, ["cache.json"])
        with atomic_write(self.folder / "cache.json") as path:
            path.write_text(json_text(self._state, indent=2) + "\n", encoding="utf-8")

    def store(self) -> "CachedFeatures":
        """Features of the whole shards by row, read from mapped files."""
        grid = self._state.get("grid") or (0, 0)
        return CachedFeatures(folder=self.folder, counts=tuple(self.counts), grid=_grid(grid))

    def pairs(self, tags: TagTable | None = None) -> FeaturePairs:
        """The cached pairs with their tags.

        Raises:
            DataError: if the cache is not complete, a file is missing or damaged, or no pair has a tag row.
        """
        if not self.is_complete:
            raise DataError(f"{self.folder}: the cache is not complete; run the command that fills it again")
        store = self.store()
        texts = np.concatenate([_mapped(self.folder, "texts", i) for i in range(len(self.counts))])
        keys = [key for i in range(len(self.counts)) for key in _keys(self.folder, i)]
        captions = [code for i in range(len(self.counts)) for code in _captions(self.folder, i)]
        known = [
            tags.find_hashed(key, caption) if tags is not None else []
            for key, caption in zip(keys, captions, strict=True)
        ]
        if tags is not None:
            missing = [key for key, row in zip(keys, known, strict=True) if row is None]
            report_join(len(keys) - len(missing), missing, tags)
        rows = [row or [] for row in known]
        indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
        labels = TagLabels(indptr, np.array([tag for row in rows for tag in row], dtype=np.int32))
        return FeaturePairs(
            store=store, images=np.arange(len(keys)), texts=torch.from_numpy(texts), labels=labels, keys=keys
        )


@dataclass(frozen=True, kw_only=True)
class CachedFeatures:
    """Features by row, from mapped files: only the rows asked for are read."""

    folder: Path
    counts: tuple[int, ...]
    grid: tuple[int, int]

    def __len__(self) -> int:
        return sum(self.counts)

    @cached_property
    def _starts(self) -> Int[np.ndarray, " shards_plus_1"]:
        return np.cumsum([0, *self.counts])

    @cached_property
    def _files(self) -> list[tuple[Tensor, Tensor | None]]:
        has_scales = (self.folder / "scales-00000.npy").exists()
        return [
            (
                torch.from_numpy(_mapped(self.folder, "features", i)),
                torch.from_numpy(_mapped(self.folder, "scales", i)) if has_scales else None,
            )
            for i in range(len(self.counts))
        ]

    def take(self, rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "batch patches width"]:
        """Features of some images as float16, in the order asked for."""
        first, _ = self._files[0]
        out = torch.empty(len(rows), *first.shape[1:], dtype=torch.float16)
        shards = np.searchsorted(self._starts, rows, side="right") - 1
        for shard in np.unique(shards).tolist():
            places = np.flatnonzero(shards == shard)
            local = rows[places] - self._starts[shard]
            features, scales = self._files[shard]
            out[torch.from_numpy(places)] = _unpack(
                features[local], None if scales is None else scales[local]
            )
        return out


def _save_array(path: Path, array: np.ndarray) -> None:
    """What ``numpy.save`` writes, by Python's own file.

    NumPy hands the numbers to the C library and does not look whether their last piece arrives: on a full disk the file
    is short and nobody is told.
    """
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)


def _pack(shard: CacheShard, dtype: str) -> tuple[dict[str, np.ndarray], float]:
    """The arrays to store, and the largest relative error of a vector that storing makes."""
    features = shard.features.float()
    if dtype == "float16":
        packed = {"features": features.half()}
    else:
        scales = (features.abs().amax(dim=-1) / FLOAT8_MAX).clamp(min=1e-7).half()
        scaled = (features / scales.float()[..., None]).clamp(-FLOAT8_MAX, FLOAT8_MAX)
        packed = {"features": scaled.to(torch.float8_e4m3fn).view(torch.uint8), "scales": scales}
    restored = _unpack(packed["features"], packed.get("scales")).float()
    if not bool(restored.isfinite().all()):
        raise DataError("features are too large for float16; this encoder cannot be cached")
    error = float(((restored - features).norm(dim=-1) / features.norm(dim=-1).clamp(min=1e-6)).max())
    files = {**packed, "texts": shard.texts.half()}
    return {name: tensor.numpy() for name, tensor in files.items()}, error


def _unpack(features: Tensor, scales: Tensor | None) -> Tensor:
    if scales is None:
        return features
    return (features.view(torch.float8_e4m3fn).float() * scales.float()[..., None]).half()


def _mapped(folder: Path, name: str, number: int) -> np.ndarray:
    path = folder / f"{name}-{number:05d}.npy"
    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); delete the cache and fill it again") from error


def _keys(folder: Path, number: int) -> Iterable[str]:
    path = folder / f"keys-{number:05d}.txt"
    try:
        return path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _captions(folder: Path, number: int) -> list[int] | list[None]:
    """Hashes of the captions of a shard; None each in a cache of an older release."""
    if (folder / f"captions-{number:05d}.npy").exists():
        return _mapped(folder, "captions", number).tolist()
    return [None] * len(list(_keys(folder, number)))


def _grid(values: Sequence[int]) -> tuple[int, int]:
    return (int(values[0]), int(values[1]))


def _read_state(folder: Path) -> dict[str, Any]:
    path = folder / "cache.json"
    if not path.exists():
        return {}
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error})") from error
    if not isinstance(state, dict):
        raise DataError(f"{path}: expected a JSON object")
    return state
