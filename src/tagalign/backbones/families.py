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

SIGLIP_FIXED = "take a fixed-size one, such as google/siglip2-base-patch16-224"
ANY_CLIP = "take a CLIP, such as openai/clip-vit-base-patch16"

REFUSED: dict[str, str] = {
    "siglip2": f"a SigLIP 2 of any size (naflex) wants images that are cut into patches beforehand; {SIGLIP_FIXED}",
    "siglip_vision_model": f"a SigLIP vision tower alone has no texts; {SIGLIP_FIXED}",
    "clip_vision_model": f"a CLIP vision tower alone has no texts; {ANY_CLIP}",
    "clip_text_model": f"a CLIP text tower alone has no images; {ANY_CLIP}",
    "chinese_clip": "a Chinese-CLIP reads texts with BERT; take facebook/metaclip-2-worldwide-b16, which knows Chinese too",
    "tipsv2_dpt": "a TIPSv2 with a dense predictor; take google/tipsv2-b14",
    "perception_encoder": f"a Perception Encoder pools and encodes positions in its own way; {ANY_CLIP}",
    "timm_wrapper": f"a timm tower (Perception Encoder, ConvNeXt, EVA) has no text tower of ours; {ANY_CLIP}",
    "convnext": f"a convolutional network has no patches that attend; {ANY_CLIP}",
    "resnet": f"a convolutional network has no patches that attend; {ANY_CLIP}",
    "dinov2": f"a DINOv2 knows no texts; {ANY_CLIP}",
    "dinov3_vit": f"a DINOv3 knows no texts; {ANY_CLIP}",
    "vit": f"a vision transformer alone knows no texts; {ANY_CLIP}",
    "bert": f"a text model sees no images; {ANY_CLIP}",
    "llava": f"a chat model has no text embeddings to compare with patches; {ANY_CLIP}",
    "llava_next": f"a chat model has no text embeddings to compare with patches; {ANY_CLIP}",
    "paligemma": f"a chat model has no text embeddings to compare with patches; {SIGLIP_FIXED}",
    "blip": "a BLIP; for captions and tags take method 'tag2text', for the rest "
    + ANY_CLIP.removeprefix("take "),
    "align": f"an ALIGN is a convolutional network; {ANY_CLIP}",
    "altclip": f"an AltCLIP reads texts with XLM-R; {ANY_CLIP}, or facebook/metaclip-2-worldwide-b16 for other languages",
}
"""Models that people try, by ``model_type``, with what they are and what to take instead."""
