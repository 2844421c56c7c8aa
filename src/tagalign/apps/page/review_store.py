"""A folder of photos under review: what a person decided about each, kept in one small file per photo."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.export.records import Annotated, Region
from tagalign.json_text import json_text
from tagalign.ops.masks import decode_rle, encode_rle
from tagalign.types import BACKGROUND, Segmentation, Tagging

Verdict = Literal["accepted", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided about one photo.

    Attributes:
        file_name: key of the photo, relative to the folder.
        size: height and width in pixels.
        verdict: only accepted photos are exported.
        tags: that a person let stand or added.
        masks: name and compressed run-length code of each accepted region.
    """

    file_name: str
    size: tuple[int, int]
    verdict: Verdict
    tags: tuple[str, ...] = ()
    masks: tuple[tuple[str, str], ...] = ()


def decide(
    file_name: str,
    size: tuple[int, int],
    verdict: Verdict,
    *,
    tags: Sequence[str] = (),
    regions: Sequence[Region] = (),
) -> Decision:
    """A decision from what is on the screen."""
    masks = [
        (region.name, encode_rle(torch.from_numpy(region.full_mask())).decode("ascii")) for region in regions
    ]
    return Decision(
        file_name=file_name, size=size, verdict=verdict, tags=tuple(dict.fromkeys(tags)), masks=tuple(masks)
    )


class ReviewStore:
    """Decisions of one review; every one is on disk as soon as it is made.

    Attributes:
        photos: keys, relative to ``folder``, in order.
    """

    def __init__(self, folder: Path, photos: Sequence[str], out: Path) -> None:
        if not photos:
            raise InputError(f"{folder}: no photo to review in this folder")
        self.folder = folder
        self.photos = tuple(photos)
        self.out = out

    def save(self, decision: Decision) -> None:
        """Write a decision; an earlier one about the same photo is replaced."""
        values: dict[str, Any] = {
            "file_name": decision.file_name,
            "size": list(decision.size),
            "verdict": decision.verdict,
            "tags": list(decision.tags),
            "masks": [{"name": name, "counts": counts} for name, counts in decision.masks],
        }
        with atomic_write(self._path(decision.file_name)) as temp:
            temp.write_text(json_text(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def load(self, file_name: str) -> Decision | None:
        """The decision about a photo; None before there is one.

        Raises:
            DataError: if its file is damaged.
        """
        path = self._path(file_name)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            height, width = values["size"]
            return Decision(
                file_name=str(values["file_name"]),
                size=(int(height), int(width)),
                verdict="accepted" if values["verdict"] == "accepted" else "skipped",
                tags=tuple(map(str, values["tags"])),
                masks=tuple((str(mask["name"]), str(mask["counts"])) for mask in values["masks"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DataError(
                f"{path}: damaged ({type(error).__name__}); delete it and review the photo again"
            ) from error

    def first_open(self) -> int:
        """Number of the first photo without a decision; the first of all when every one has one."""
        undecided = (i for i, name in enumerate(self.photos) if self.load(name) is None)
        return next(undecided, 0)

    def counts(self) -> dict[str, int]:
        """Photos by verdict, and how many are open."""
        verdicts = [None if (d := self.load(name)) is None else d.verdict for name in self.photos]
        return {
            "accepted": verdicts.count("accepted"),
            "skipped": verdicts.count("skipped"),
            "open": verdicts.count(None),
        }

    def accepted(self) -> Iterator[Annotated]:
        """Accepted photos with what stood at the time, for the exporters.

        Labels are ``background`` and the names of all accepted masks and tags, in alphabetical order, the same for
        all photos.
        """
        decisions = [
            d for name in self.photos if (d := self.load(name)) is not None and d.verdict == "accepted"
        ]
        found = {name for d in decisions for name, _ in d.masks} | {tag for d in decisions for tag in d.tags}
        names = (BACKGROUND, *sorted(found - {BACKGROUND}))
        for decision in decisions:
            yield _annotated(decision, names)

    def _path(self, file_name: str) -> Path:
        # a hash, because names may be long, nested, or differ in case only
        digest = hashlib.blake2b(file_name.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        return self.out / "decisions" / f"{digest}.json"


def _annotated(decision: Decision, names: tuple[str, ...]) -> Annotated:
    labels = torch.zeros(decision.size, dtype=torch.int64)
    for name, counts in decision.masks:
        labels[decode_rle(counts.encode("ascii"), decision.size)] = names.index(name)
    chosen = tuple(names.index(tag) - 1 for tag in decision.tags if tag != BACKGROUND)
    given = frozenset(chosen)
    scores = tuple(1.0 if i in given else 0.0 for i in range(len(names) - 1))
    return Annotated(
        file_name=decision.file_name,
        size=decision.size,
        segmentation=Segmentation(labels=labels, names=names, scores=torch.ones(decision.size)),
        tagging=Tagging(names=names[1:], scores=scores, chosen=chosen),
    )
