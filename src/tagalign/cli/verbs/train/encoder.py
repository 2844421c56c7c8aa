"""The frozen encoder of a training."""

from pathlib import Path
from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.trainer_flags import TrainerFlags

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone
    from tagalign.data.processes import Processes


def open_encoder(settings: TrainerFlags, processes: "Processes") -> "BlockBackbone":
    """The encoder of ``--model`` on the device of the run, whole or spread over the processes.

    Raises:
        ModelError: for a folder or a name that is no encoder with blocks.
    """
    from tagalign.backbones.load import load_backbone

    # a folder by its full name: the model must find it from anywhere
    name = str(Path(settings.model).resolve()) if Path(settings.model).is_dir() else settings.model
    if not processes.is_spread:
        return load_backbone(name, device=processes.device)
    from tagalign.backbones.spread import spread_encoder

    backbone = load_backbone(name)  # on the CPU: the device need not have room for the whole
    spread_encoder(backbone, processes.device)
    return backbone
