"""The table of encoder families, by the ``model_type`` of ``config.json``; what is refused, with the way out."""

from tagalign.backbones import clip, groupvit, metaclip2, siglip, tips
from tagalign.backbones.family import Family

FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        clip.FAMILY,
        metaclip2.FAMILY,
        siglip.FAMILY,
        tips.FAMILY,
        groupvit.FAMILY,
    )
}
