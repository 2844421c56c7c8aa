"""What a builder of a method gets: the name a user gave, what lies there, and where it shall run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from tagalign.backbones.catalog import read_json
from tagalign.backbones.load import load_backbone
from tagalign.backbones.protocols import BlockBackbone
from tagalign.errors import InputError, MissingPartError
from tagalign.methods.resources import Resources
from tagalign.ops.precision import resolve_precision


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A model that a method is about to be built on.

    Attributes:
        name: as given; of a trained model on the hub, the folder it was fetched to.
        method: that was chosen.
        trained: kind of the trained part that lies there; None for a plain encoder.
        device: where it runs.
        precision: of the encoder's products; see ``load_backbone``.
        compile: its blocks; likewise.
        allow_pickle: whether weights that are there as a pickle alone may be opened.
        train_command: how the trained part of the method is made; empty where it needs none.
        without_training: methods that need no training, for refusals.
        segmenters: methods that can stand behind a tagger, the default first.
        build_other: builds another method on the same model, from its options by name.
    """

    name: str
    method: str
    trained: str | None
    device: torch.device
    precision: str = "fp32"
    compile: bool = False
    allow_pickle: bool = False
    train_command: str = ""
    without_training: tuple[str, ...] = ()
    segmenters: tuple[str, ...] = ()
    build_other: "Callable[[Opened, Mapping[str, Any], Resources], Any]"
    loaded: dict[str, BlockBackbone] = field(default_factory=dict, repr=False)

    def backbone(self) -> BlockBackbone:
        """The encoder itself; of a trained folder the one below it, so that baselines run from the same folder.

        Methods that are built on one model share it: it is loaded once.
        """
        name = self.name
        config = Path(name) / "config.json"
        if self.trained and config.is_file():  # a GroupViT may be published whole, with no encoder beside it
            name = str(read_json(config).get("backbone", name))
        if name not in self.loaded:
            self.loaded[name] = load_backbone(
                name,
                device=self.device,
                allow_pickle=self.allow_pickle,
                precision=self.precision,
                compile=self.compile,
            )
        return self.loaded[name]

    def refuse_encoder_choices(self) -> None:
        """Refuse another precision than float32, and compiling, for methods whose encoder has neither to choose.

        Raises:
            InputError: naming the method.
        """
        if resolve_precision(self.precision, self.device) != "fp32":
            raise InputError(
                f"method {self.method!r} computes in fp32 alone; leave out precision {self.precision!r}"
            )
        if self.compile:
            raise InputError(f"method {self.method!r} has no blocks that are compiled; leave out compile")

    def as_method(self, method: str) -> "Opened":
        """The same model for another method."""
        return replace(self, method=method)

    def missing_part(self) -> MissingPartError:
        """The refusal of a method without its trained part: how to train it, and what needs no training."""
        command = self.train_command.format(model=self.name)
        return MissingPartError(
            f"method {self.method!r} needs a trained part, and {self.name} has none; get one with: {command}. "
            f"These need no training: {', '.join(self.without_training)}"
        )
