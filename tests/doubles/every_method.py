"""A small model for each method, random where the method is trained: what tests over all of METHODS ask."""

from pathlib import Path

import torch

from tagalign.backbones.companion_names import DEFAULT
from tagalign.backbones.protocols import BlockBackbone
from tagalign.methods.dense.projector import Projector
from tagalign.methods.table import METHODS
from tagalign.methods.tagalign.folder import TagAlignConfig, save_tagalign
from tagalign.methods.trusty.folder import TrustyConfig, save_trusty
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.testing.companion_folder import make_companion_folder
from tagalign.testing.groupvit_folder import make_groupvit_folder

SEEN = ("dog", "sky")
OTHER_COMPANION = "other/companion"


def model_folders(root: Path, clip_folder: Path, backbone: BlockBackbone) -> dict[str, str]:
    """By method: a random encoder, small random trained parts on it, or the packaged model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        projector = Projector.from_backbone(backbone)
        for block in projector.blocks:
            torch.nn.init.constant_(block.gate, 0.5)
        network = TrustyNetwork(sizes_for(backbone, num_prompts=2))
        for layer in network.head.layers:  # larger logits, so that masks differ from place to place
            layer.q.weight.data *= 8
            layer.k.weight.data *= 8
    on = {"backbone": str(clip_folder), "backbone_hash": backbone.weight_hash}
    save_tagalign(
        root / "tagalign",
        projector,
        TagAlignConfig(**on, profile="fixed", width=backbone.width, dim=backbone.embed_dim),
    )
    save_trusty(
        root / "trusty",
        network,
        TrustyConfig(
            **on,
            profile="fixed",
            setting="inductive",
            trusty_target="strict",
            trained=SEEN,
            templates=("a photo of a {}",),
            crop=32,
            sizes=network.sizes,
        ),
    )
    own = {"tagalign": root / "tagalign", "trusty": root / "trusty", "tag2text": "tiny"}
    own["groupvit"] = make_groupvit_folder(root / "groupvit")
    return {name: str(own.get(name, clip_folder)) for name in METHODS}


def companion_folders(root: Path) -> dict[str, Path]:
    """Small companions by the names that they answer to, so that no test fetches 350 MB."""
    return {
        DEFAULT: make_companion_folder(root / "dinov2"),
        OTHER_COMPANION: make_companion_folder(root / "vit", kind="vit", patch_size=4, seed=1),
    }
