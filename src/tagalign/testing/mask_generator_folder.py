"""Small mask generators with random weights, for tests of what runs them: SAM, SAM 2, Mask2Former, MaskFormer, EoMT."""

from pathlib import Path
from typing import Any

import torch
import transformers

SIDE = 64
_DECODER = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "mlp_dim": 16,
    "iou_head_hidden_dim": 16,
    "iou_head_depth": 2,
}


def make_sam_folder(folder: Path, *, seed: int = 0) -> Path:
    """A SAM of 64 pixels."""
    vision = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": SIDE, "patch_size": 8,
        "output_channels": 16, "global_attn_indexes": [0], "mlp_dim": 16, "window_size": 4, "num_pos_feats": 8,
    }  # fmt: skip
    prompts = {"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4}
    config = transformers.SamConfig(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=_DECODER
    )
    return _save(folder, transformers.SamModel, config, seed)


def make_sam2_folder(folder: Path, *, seed: int = 0) -> Path:
    """A SAM 2 of 64 pixels."""
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 8, "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2], "window_size_per_stage": [8, 4, 4, 4],
        "global_attention_blocks": [3], "window_positional_embedding_background_size": [4, 4],
    }  # fmt: skip
    vision = {
        "backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], "fpn_hidden_size": 16,
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    }  # fmt: skip
    prompts = {"hidden_size": 16, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
    config = transformers.Sam2Config(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=_DECODER
    )
    return _save(folder, transformers.Sam2Model, config, seed)


def make_eomt_folder(folder: Path, *, seed: int = 0) -> Path:
    """An EoMT of 32 pixels with five queries."""
    config = transformers.EomtConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8, num_queries=5,
        num_blocks=1, num_upscale_blocks=1, mlp_ratio=2,
    )  # fmt: skip
    return _save(folder, transformers.EomtForUniversalSegmentation, config, seed)


_SWIN = {
    "model_type": "swin", "image_size": SIDE, "patch_size": 4, "embed_dim": 8, "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2], "window_size": 2, "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip


def make_mask2former_folder(folder: Path, *, seed: int = 0) -> Path:
    """A Mask2Former on a Swin of four blocks, with five queries and three classes; sides of 64 pixels."""
    config = transformers.Mask2FormerConfig(
        backbone_config=_SWIN, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=5,
    )  # fmt: skip
    config.num_labels = 3
    return _save(folder, transformers.Mask2FormerForUniversalSegmentation, config, seed)


def make_maskformer_folder(folder: Path, *, seed: int = 0) -> Path:
    """A MaskFormer on the same Swin, with five queries and three classes."""
    decoder = {
        "model_type": "detr", "d_model": 16, "encoder_layers": 0, "decoder_layers": 1, "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 5,
        # never built: it says so, because DETR's own default is a backbone of timm
        "use_timm_backbone": False, "backbone_config": {"model_type": "resnet"},
    }  # fmt: skip
    config = transformers.MaskFormerConfig(
        fpn_feature_size=32, mask_feature_size=32, backbone_config=_SWIN, decoder_config=decoder
    )
    config.num_labels = 3
    return _save(folder, transformers.MaskFormerForInstanceSegmentation, config, seed)


def _save(folder: Path, kind: Any, config: Any, seed: int) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind(config).save_pretrained(folder)
    return folder
