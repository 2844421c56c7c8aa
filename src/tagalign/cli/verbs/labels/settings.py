"""The flags of ``tagalign labels``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tagalign.cli.shared.model_flags import ModelFlags
from tagalign.cli.shared.renamed import Formerly
from tagalign.errors import InputError

FLAGS_OF = {
    "check": (
        "bound",
        "limit",
        "part_size",
        "overwrite",
        *(field.name for field in dataclasses.fields(ModelFlags)),
    ),
    "overlap": ("benchmarks",),
}
"""Flags that one action reads alone."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelsSettings(ModelFlags):
    """Check a list of labels before it is used, import one that a release holds, or see which labels lists share.

    tagalign labels check LIST [PHOTOS]       labels that stand twice, words of two labels, groups in a circle; with --model
    also words it does not know and labels it reads alike; with photos labels whose scores rise and fall together
    tagalign labels import KIND FILE --out labels.json    from the files of a release on your disk
    tagalign labels overlap LIST LISTS        how many labels of the others the first list holds (Tag2Text, Tables 8 to 10)

    Exit code 2 where a checked list would be refused, else 0.
    Example: tagalign labels check labels.txt photos/ --out checked --model openai/clip-vit-base-patch16
    Example: tagalign labels import hico datasets/hico/hico_600_taglist.txt --out hico.json
    Example: tagalign labels overlap tags.json openimages.json hico.json --benchmarks openimages-common=datasets
    """

    action: Annotated[Literal["check", "import", "overlap"], tyro.conf.Positional]
    """`check`, `import` or `overlap`."""
    labels: Annotated[str, tyro.conf.Positional]
    """A label file (.txt, .csv, .tsv, .json), names with commas, or the name of a benchmark's list. import: what the file
    holds: ram, tag2text, openimages, imagenet, cifar100, hico, vcoco or coco91."""
    images: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """check: files, folders, glob patterns, lists of paths (.txt) or tars to ask about them. import: the file. overlap:
    other label files or lists."""
    bound: float = 0.95
    """check: labels whose scores correlate at least so much over the photos are alike."""
    limit: Annotated[int, Formerly("photos")] = 1000
    """check: at most so many photos, the first ones."""
    out: Path | None = None
    """import: the label set (.json) that is written. check: a folder for the answers of the photos, so that the same command
    goes on where a check was stopped."""
    part_size: int = 100
    """Photos per part: what a kill costs at most."""
    overwrite: bool = False
    """Begin again in a folder that holds another run."""
    benchmarks: tuple[str, ...] = ()
    """overlap: tagging benchmarks as NAME=FOLDER: how many of their labels and images remain (Table 10)."""
    json: bool = False
    """Print one JSON object per problem or list on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.bound <= 1:
            raise InputError(f"--bound must be above 0 and at most 1, got {self.bound:g}")
        if self.limit < 1:
            raise InputError(f"--limit must be at least 1, got {self.limit}")
        if self.part_size < 1:
            raise InputError(f"--part-size must be at least 1, got {self.part_size}")
        for flag in ("bound", "limit", "out", "part_size", "overwrite"):
            if self.action == "check" and not self.images and self._given(flag):
                raise InputError(
                    f"--{flag.replace('_', '-')} is about photos; give some behind the labels, or leave it out"
                )
        for action, flags in FLAGS_OF.items():
            given = [f"--{flag.replace('_', '-')}" for flag in flags if self._given(flag)]
            if action != self.action and given:
                raise InputError(f"{', '.join(given)}: for tagalign labels {action} alone")
        if self.action == "overlap" and self.out is not None:
            raise InputError("--out: for tagalign labels check and import alone")

    def _given(self, flag: str) -> bool:
        if flag == "model":  # what is not given is settled as soon as the flags are read
            return self.model != self.auto_model()
        defaults = {field.name: field.default for field in dataclasses.fields(type(self))}
        return bool(getattr(self, flag) != defaults[flag])

    def auto_model(self) -> str:
        """Without photos and a model by name none is opened: words are looked at without a download."""
        return super().auto_model() if self.images and self.action == "check" else ""
