"""The folder of a trained GroupViT, which ``ta.load(FOLDER)`` opens."""

from pathlib import Path
from typing import Any

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.groupvit.encoder import GroupViT
from tagalign.backbones.groupvit.family import FAMILY
from tagalign.methods.folder import save_folder


def save_groupvit(folder: Path, trained: GroupViT, backbone: Encoder) -> None:
    """Write the tower and its head; the encoder beside it is named, with the hash of its weights.

    Args:
        folder: made if missing.
        trained: of ``train_groupvit``.
        backbone: it was trained beside.
    """
    vision: Any = trained.vision
    head: Any = trained.projection
    config = {
        "model_type": FAMILY.model_type,
        "backbone": backbone.name,
        "backbone_hash": backbone.weight_hash,
        "vision_config": vision.config.to_diff_dict(),
        "dim": head.out_features,
    }
    tensors = {f"vision.{name}": value for name, value in vision.state_dict().items()}
    tensors |= {f"head.{name}": value for name, value in head.state_dict().items()}
    card = (
        f"# GroupViT beside {backbone.name}\n\nA vision tower with grouping stages, trained against the texts of "
        f"`{backbone.name}` (weights {backbone.weight_hash}).\n\nOpen it with `tagalign.load(FOLDER)`.\n"
    )
    save_folder(folder, config=config, tensors=tensors, texts={"README.md": card})
