"""GroupViT as a method: its groups of patches through the code of all dense methods."""

from typing import Any

import torch

from tagalign.backbones.groupvit.names import MODE, MODEL_TYPE
from tagalign.backbones.load import open_backbone
from tagalign.errors import ModelError
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.profiles import dense_profile

METHOD = "groupvit"


def build_groupvit(
    name: str,
    *,
    device: torch.device | str,
    trained: str | None = None,
    profile: str = "paper",
    **options: Any,
) -> DenseMethod:
    """GroupViT as tagger, segmenter and referrer; ``ta.load(NAME, method="groupvit")``.

    Args:
        name: of a GroupViT: a folder, or a hub id such as ``nvidia/groupvit-gcc-yfcc``.
        device: where it runs.
        trained: not used; a GroupViT is whole by itself.
        profile: see ``dense_profile``.
        options: of ``DenseMethod``.

    Raises:
        ModelError: for a model of another family.
    """
    backbone = open_backbone(name, device=device)
    if backbone.family != MODEL_TYPE:
        raise ModelError(f"{name}: expected a GroupViT (model_type 'groupvit'), got {backbone.family!r}")
    return DenseMethod(backbone, method=METHOD, mode=MODE, profile=dense_profile(profile), **options)
