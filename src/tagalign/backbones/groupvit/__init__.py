"""GroupViT: groups of patches instead of patches, the encoder of the TagAlign paper's Table 7."""

from tagalign.backbones.groupvit.family import FAMILY

__all__ = ["FAMILY"]
