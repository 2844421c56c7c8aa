"""A vision tower that was trained beside somebody else's text tower: ``tagalign``'s own GroupViT folders.

``config.json`` names the encoder whose texts it answers (``backbone``, ``backbone_hash``) and the sizes of the tower; the
weights are the tower's own, so a folder is small and the encoder is not copied.
"""

from typing import Any

from torch import nn
from transformers import GroupViTConfig, GroupViTModel

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.family import FoundModel
from tagalign.backbones.groupvit.encoder import GroupViT
from tagalign.backbones.weights import fill
from tagalign.errors import ModelError


class Tower(nn.Module):
    """What such a folder holds: ``vision`` and ``head``."""

    def __init__(self, vision_config: dict[str, Any], dim: int) -> None:
        super().__init__()
        self.vision = GroupViTModel(GroupViTConfig(vision_config=vision_config)).vision_model
        self.head = nn.Linear(int(self.vision.config.hidden_size), dim, bias=False)


def open_beside(source: FoundModel) -> GroupViT:
    """A trained tower with the texts of the encoder it was trained beside.

    Raises:
        ModelError: if a field is missing, the encoder has other weights now, or a tensor does not fit.
    """
    config, folder = source.config, source.folder
    try:
        name, wanted = str(config["backbone"]), str(config["backbone_hash"])
        tower = Tower(dict(config["vision_config"]), int(config["dim"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{folder}/config.json: field missing or of a wrong type ({str(error).splitlines()[0]})"
        ) from error
    text = _encoder(name, source)
    if text.weight_hash != wanted:
        raise ModelError(
            f"{folder}: trained beside {name} with weights {wanted}, found weights {text.weight_hash}; "
            "use the same encoder or train again"
        )
    fill(tower, source.tensors, dtype=source.dtype, where=str(folder))
    return GroupViT(
        text.text, text.preprocessing, vision=tower.vision, projection=tower.head, weights=source.weights
    ).to(source.device)


def _encoder(name: str, source: FoundModel) -> Encoder:
    encoder = source.open_other(name) if source.open_other is not None else None
    if not isinstance(encoder, Encoder):
        raise ModelError(f"{source.folder}: {name} has no text tower of its own to stand beside")
    return encoder
