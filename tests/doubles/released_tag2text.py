"""The golden Tag2Text weights under the names of the release: our own mapping the other way round."""

import torch

SWIN = {
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "embeddings.norm": "patch_embed.norm",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "attention.o_proj": "attn.proj",
    "attention.relative_position_bias.relative_position_bias_table": "attn.relative_position_bias_table",
    "encoder.layers": "layers",
}


def released_state(weights):
    """Golden names (transformers) to the release's: Swin renamed, q, k, v joined, tied copies and buffers added."""
    state = {}
    for name, value in weights.items():
        if not name.startswith("visual."):
            state[name] = value
            continue
        short = name.removeprefix("visual.")
        if short.startswith("layernorm."):
            short = short.replace("layernorm.", "norm.")
        for theirs, ours in SWIN.items():
            short = short.replace(theirs, ours)
        if ".attention.q_proj." in short:
            parts = [weights[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            state["visual_encoder." + short.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
        elif ".attention." not in short:
            state["visual_encoder." + short] = value
    for i in (0, 1):
        for name in [k for k in weights if k.startswith(f"tag_encoder.encoder.layer.{i}.")]:
            if ".attention." not in name:
                state[name.replace("tag_encoder.", "tagging_head.", 1)] = weights[name]
    state["visual_encoder.layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(
        16, 16, dtype=torch.long
    )
    state["tag_encoder.embeddings.position_ids"] = torch.arange(64)[None]
    return state
