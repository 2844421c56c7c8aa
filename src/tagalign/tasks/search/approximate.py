"""An approximate index (faiss) beside the parts of an exact one, for millions of photos.

``approximate.faiss`` holds cells of near embeddings in 8 bits per number, ``approximate.embeds`` all embeddings as the parts
have them (float16, row by row); both are mapped, not read. ``approximate.json`` comes last and says of which parts they were
made: with others they are refused. What is found is scored anew from the stored embeddings, so scores are the exact ones;
only a photo whose cell was not looked at can be missing.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, MissingExtraError
from tagalign.json_text import json_text
from tagalign.tasks.search.cells import PER_CELL, count_cells, learn_cells, spread
from tagalign.tasks.search.files import part_paths, read_embeds
from tagalign.tasks.search.head import IndexHead

HEAD, CELLS, EMBEDS = "approximate.json", "approximate.faiss", "approximate.embeds"
FORMAT = 1
CODED_FROM = 50_000
"""Embeddings that the range of each coded number is taken from, at most."""
LOOKED_AT = 16
"""One of so many cells is looked at."""
SHORTLIST = 20
"""Photos that are scored anew, per hit that is wanted."""
LEAST = 200
BLOCK = 65_536
"""Embeddings that are laid into their cells together."""
_FOOTER = 1 << 16


@dataclass(frozen=True, eq=False)
class ApproximateIndex:
    """Cells of near embeddings, and all embeddings in a mapped file.

    Attributes:
        cells: of faiss.
        embeds: float16, in the order of the parts.
    """

    cells: Any
    embeds: Float[Tensor, "photos dim"]

    @classmethod
    def open(cls, folder: Path) -> "ApproximateIndex":
        """Map the files of an index folder.

        Raises:
            DataError: if there are none, they were made of other parts, or they are damaged.
            MissingExtraError: without faiss.
        """
        faiss = _faiss()
        embeds = map_embeds(folder)
        try:
            cells = faiss.read_index(str(folder / CELLS), faiss.IO_FLAG_MMAP)
        except (OSError, RuntimeError) as error:
            raise _damaged(folder, error) from error
        if (cells.ntotal, cells.d) != embeds.shape:
            raise _damaged(folder, f"{cells.ntotal} embeddings of {cells.d} numbers have cells")
        return cls(cells, embeds)

    def rows(
        self, embed: Float[Tensor, " dim"], count: int, among: Int[np.ndarray, " some"] | None = None
    ) -> Int[np.ndarray, " found"]:
        """Rows that are likely to be the nearest.

        Args:
            embed: of the query, unit length.
            count: hits that are wanted.
            among: only these rows; all when None.

        Returns:
            Ascending; at most ``max(200, 20 count)``.
        """
        faiss = _faiss()
        kept = {} if among is None else {"sel": faiss.IDSelectorBatch(np.ascontiguousarray(among, np.int64))}
        looked_at = max(1, math.ceil(self.cells.nlist / LOOKED_AT))
        asked = faiss.SearchParametersIVF(nprobe=looked_at, **kept)
        query = np.ascontiguousarray(embed.float().numpy()[None])
        _, found = self.cells.search(
            query, min(max(LEAST, SHORTLIST * count), self.cells.ntotal), params=asked
        )
        return np.sort(found[0][found[0] >= 0])


def map_embeds(folder: Path) -> Float[Tensor, "photos dim"]:
    """All embeddings in the order of the parts, float16, mapped from the file of an approximate index; needs no faiss.

    Raises:
        DataError: if there is none, it was made of other parts, or it is damaged.
    """
    made = _read_head(folder)
    if made["parts"] != parts_mark(folder):
        raise DataError(
            f"{folder}: photos were added or removed since the approximate index was made; {_again(folder)}"
        )
    try:
        shape = (int(made["photos"]), int(made["dim"]))
        # "c": torch wants memory that may be written, and nothing of it reaches the file
        return torch.from_numpy(np.memmap(folder / EMBEDS, np.float16, "c", shape=shape))
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error


def build_approximate(folder: Path) -> int:
    """Make the approximate index of an index folder anew; returns the number of its cells.

    Memory holds the codes, one part, and the embeddings that the cells are learned from, 39 per cell.

    Raises:
        DataError: if there is no index, or it holds no photo.
        MissingExtraError: without faiss.
    """
    faiss = _faiss()
    head, parts = IndexHead.read(folder), part_paths(folder)
    (folder / HEAD).unlink(missing_ok=True)  # from here until the end there is none
    with atomic_write(folder / EMBEDS) as temp:
        with temp.open("wb") as file:
            total = sum(_append(file, path, head.dim) for path in parts)
        if not total:
            raise DataError(f"{folder}: the index holds no photo yet")
        embeds = np.memmap(temp, np.float16, "r", shape=(total, head.dim))
        cells = _filled(faiss, embeds)
        del embeds  # Windows renames no file that is mapped
    with atomic_write(folder / CELLS) as temp:
        faiss.write_index(cells, str(temp))
    values = {"format": FORMAT, "parts": parts_mark(folder), "photos": total, "dim": head.dim}
    with atomic_write(folder / HEAD) as temp:
        temp.write_text(json_text({**values, "cells": cells.nlist}, indent=2) + "\n", encoding="utf-8")
    return int(cells.nlist)


def parts_mark(folder: Path) -> str:
    """A hash of the parts of an index: names, sizes, and their last 64 kB, where Parquet says what each column holds."""
    digest = hashlib.sha256()
    for path in part_paths(folder):
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _FOOTER))
            digest.update(f"{path.name} {size} ".encode() + file.read())
    return digest.hexdigest()[:32]


def candidate_rows(
    index: ApproximateIndex,
    embed: Float[Tensor, " dim"],
    by_tag: Sequence[np.ndarray],
    count: int,
) -> Int[Tensor, " found"]:
    """Rows to score: near the query, and near it among those with each tag that it names."""
    found = [index.rows(embed, count)]
    found += [index.rows(embed, count, among=rows) for rows in by_tag]
    return torch.from_numpy(np.unique(np.concatenate(found)))


def _filled(faiss: Any, embeds: Float[np.ndarray, "photos dim"]) -> Any:
    """An index of faiss, with the cells that ``cells`` learned and chose."""
    faiss.omp_set_num_threads(torch.get_num_threads())  # it would take all cores there are
    total, dim = embeds.shape
    wanted = count_cells(total)
    some = spread(embeds, PER_CELL * wanted)
    cells = learn_cells(faiss, some, wanted)
    centres = faiss.IndexFlatIP(dim)
    centres.add(cells.centres.numpy())
    made = faiss.IndexIVFScalarQuantizer(
        centres, dim, centres.ntotal, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    made.own_fields = True
    centres.this.disown()  # the index frees them
    made.train(some[:: math.ceil(len(some) / CODED_FROM)])
    for start in range(0, total, BLOCK):
        rows = embeds[start : start + BLOCK].astype(np.float32)
        ids = np.arange(start, start + len(rows))
        chosen = cells.nearest(torch.from_numpy(rows)).numpy()
        made.add_core(len(rows), *map(faiss.swig_ptr, (rows, ids, chosen)))
    return made


def _append(file: Any, path: Path, dim: int) -> int:
    embeds = read_embeds(path, dim)
    file.write(embeds.numpy().tobytes())
    return len(embeds)


def _read_head(folder: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads((folder / HEAD).read_text(encoding="utf-8"))
        if int(values["format"]) > FORMAT:
            raise DataError(
                f"{folder / HEAD}: format {values['format']} is newer than {FORMAT}; upgrade tagalign"
            )
        values["parts"], values["photos"], values["dim"]
    except FileNotFoundError:
        raise DataError(f"{folder}: there is no approximate index; {_again(folder)}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / HEAD}: damaged ({error}); {_again(folder)}") from error
    return values


def _damaged(folder: Path, reason: object) -> DataError:
    return DataError(f"{folder}: the approximate index is damaged; {_again(folder)} ({reason})")


def _again(folder: Path) -> str:
    return f"make it with: tagalign search index PHOTOS --index {folder} --approximate, or search without --approximate"


def refuse_without_faiss() -> None:
    """Say at once that the extra is missing.

    Raises:
        MissingExtraError: without faiss.
    """
    _faiss()


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("--approximate", "faiss", "search") from error
    return faiss
