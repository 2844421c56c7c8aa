"""A GroupViT with random weights in a folder: small, and with groups that do divide an image."""

from pathlib import Path

import torch

from tagalign.testing.clip_folder import END, START, byte_vocabulary


def make_groupvit_folder(folder: Path, *, seed: int = 1) -> Path:
    """Write config, weights and tokenizer of a GroupViT of three stages, 8-pixel patches and 32-pixel input.

    Args:
        folder: made if missing.
        seed: of the weights.
    """
    from transformers import CLIPTokenizer, GroupViTConfig, GroupViTModel  # late: few tests need it

    vocabulary = byte_vocabulary()
    marks = {
        "bos_token_id": vocabulary[START],
        "eos_token_id": vocabulary[END],
        "pad_token_id": vocabulary[END],
    }
    text = {"vocab_size": len(vocabulary), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    vision = {"hidden_size": 24, "intermediate_size": 48, "image_size": 32, "patch_size": 8}
    stages = {
        "depths": [1, 1, 1],
        "num_hidden_layers": 3,
        "num_group_tokens": [6, 3, 0],
        "num_output_groups": [6, 3, 0],
    }
    config = GroupViTConfig(
        text_config={**text, "num_attention_heads": 2, "max_position_embeddings": 77, **marks},
        vision_config={**vision, **stages, "num_attention_heads": 2},
        projection_dim=12,
        projection_intermediate_dim=20,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GroupViTModel(config)
        for parameter in model.parameters():  # fresh ones are so small that all groups are alike
            parameter.data += 0.4 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77).save_pretrained(folder)
    return folder
