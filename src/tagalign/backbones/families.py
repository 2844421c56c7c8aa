"""The table of encoder families, by the ``model_type`` of ``config.json``; what is refused, with the way out."""

from tagalign.backbones import clip, groupvit
from tagalign.backbones.family import Family

FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        clip.FAMILY,
        groupvit.FAMILY,
    )
}
