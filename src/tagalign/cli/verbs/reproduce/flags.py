"""The flags of ``tagalign reproduce``."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.shared.choices import DeviceChoice
from tagalign.errors import InputError

REHEARSED_IMAGES = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReproduceSettings:
    """Measure published numbers again: checks model and data, says what it will take, runs, prints ours beside theirs.

    Without names it lists them. A name is an id of the list or its beginnings: tagclip/table2/voc2007 stands for every
    system of that table that can be measured. Run it again with the same flags to go on after a stop.
    Example: tagalign reproduce tagclip/table2/tagclip/voc2007-tags-all --path VOCdevkit
    Example: tagalign reproduce --all --rehearse --out rehearsal
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Which numbers; `list`, or none, shows them."""
    all: bool = False
    """All numbers whose weights are public."""
    path: Path | None = None
    """The data: the folder of the benchmark, or a folder that holds one per benchmark, by its name."""
    model: str | None = None
    """Instead of the paper's checkpoint; needed where its weights are not published, or must be imported first."""
    rehearse: bool = False
    """On drawn copies of the data and small random models of the same depth: tries every step, the numbers mean nothing."""
    images: int = REHEARSED_IMAGES
    """Pictures of each drawn copy, with --rehearse."""
    dry_run: bool = False
    """Check and say what it will take, measure nothing."""
    out: Path = Path("reproduced")
    """Folder for the results, one below it per measurement; reproduced.md and reproduced.json hold the table."""
    device: DeviceChoice = "auto"
    """Where it runs; `auto` is CUDA where there is one."""
    batch_size: int = 8
    """Images encoded at a time."""
    workers: int = 2
    """Threads that read images and masks."""
    json: bool = False
    """Print one JSON object per number on standard output."""

    def __post_init__(self) -> None:
        if self.all and self.names:
            raise InputError(f"--all and names ({', '.join(self.names)}): give one of the two")
        if not self.rehearse and self.images != REHEARSED_IMAGES:
            raise InputError("--images is the size of a rehearsal; give it with --rehearse")
        if self.rehearse and (self.path is not None or self.model is not None):
            raise InputError("--rehearse draws its data and models; leave --path and --model out")
        for name in ("images", "batch_size", "workers"):
            if getattr(self, name) < 1:
                raise InputError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")

    @property
    def listing(self) -> bool:
        """Whether it only shows what there is."""
        return not self.all and self.names in {(), ("list",)}
