"""Train a GroupViT vision tower against a frozen text tower, with captions alone or with tags: the paper's Table 7.

The tower is small enough for the tiny world; a full-size one is a matter of its config. Grouping draws Gumbel noise, so
the global random state is part of a run (checkpoints keep it).
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn
from transformers import GroupViTConfig, GroupViTModel

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.groupvit.encoder import GroupViT
from tagalign.backbones.protocols import Weights
from tagalign.data.feature_pairs import FeaturePairs, MemoryStore, ShuffledPairs
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.optimiser import adamw
from tagalign.train.loop.randomness import seed_everything
from tagalign.train.loop.run import Progress, RunPlan, TrainingRun
from tagalign.train.loop.schedule import scheduled_rate
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.profiles import train_profile
from tagalign.train.tagalign.setup import loss_terms


class GroupTower(nn.Module):
    """A GroupViT vision transformer and a linear head; its output is one embedding per image, as a 1 x 1 map.

    Args:
        image_size: side in pixels.
        patch_size: in pixels.
        dim: of the joint space.
        width: of the tower.
        depths: layers of each stage.
        groups: group tokens of each stage but the last.
        heads: of the attention.
    """

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        dim: int,
        width: int = 128,
        depths: tuple[int, ...] = (3, 2, 1),
        groups: tuple[int, ...] = (24, 8),
        heads: int = 4,
    ) -> None:
        super().__init__()
        stages = [*groups, 0]
        config = GroupViTConfig(
            vision_config={
                "hidden_size": width,
                "intermediate_size": 4 * width,
                "depths": list(depths),
                "num_hidden_layers": sum(depths),
                "num_group_tokens": stages,
                "num_output_groups": stages,
                "num_attention_heads": heads,
                "image_size": image_size,
                "patch_size": patch_size,
            }
        )
        self.vision = GroupViTModel(config).vision_model
        self.head = nn.Linear(width, dim, bias=False)

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim 1 1"]:
        """Image embeddings; any norm."""
        return self.head(self.vision(pixels).pooler_output)[:, :, None, None]


def pixel_pairs(pixels: Float[Tensor, "images 3 height width"], pairs: FeaturePairs) -> FeaturePairs:
    """The captions and tags of pairs with normalised pixels in the place of features."""
    height, width = pixels.shape[2:]
    store = MemoryStore(features=pixels.flatten(2).transpose(1, 2).half(), grid=(height, width))
    return FeaturePairs(
        store=store, images=pairs.images, texts=pairs.texts, labels=pairs.labels, keys=pairs.keys
    )


def train_groupvit(
    backbone: Encoder,
    pairs: FeaturePairs,
    tower: GroupTower,
    *,
    vocabulary: TagVocabulary | None,
    losses: Mapping[str, float],
    steps: int,
    batch_size: int,
    learning_rate: float = 1e-3,
    warmup: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> GroupViT:
    """Train a tower; the text tower and its embeddings stay as they are.

    Args:
        backbone: a frozen CLIP, for its text tower, tokenizer and preprocessing.
        pairs: from ``pixel_pairs``.
        tower: what is trained, in place.
        vocabulary: of the tags; None for captions alone.
        losses: weight of ``tag`` and ``contrastive``.
        steps: optimiser steps.
        batch_size: images per step.
        learning_rate: top of a cosine schedule.
        warmup: steps.
        seed: of the noise in the groups and of the order of the pairs.
        progress: see ``TrainingRun``.

    Returns:
        The trained tower as a ``Backbone``.
    """
    profile = train_profile("paper")
    seed_everything(seed)
    aligner = Aligner(tower, loss_terms(backbone, profile, losses, vocabulary=vocabulary))
    optimizer = adamw(
        aligner,
        learning_rate=learning_rate,
        betas=profile.betas,
        eps=profile.eps,
        weight_decay=profile.weight_decay,
    )

    def rate(step: int) -> float:
        return scheduled_rate(learning_rate, step, steps=steps, schedule="cosine", warmup=warmup)

    source = ShuffledPairs(pairs=pairs, batch_size=batch_size, seed=seed)
    plan = RunPlan(steps=steps, rate=rate, clip_norm=profile.clip_norm)
    TrainingRun(aligner, optimizer, source, plan, progress=progress).run()
    return GroupViT(
        backbone.text,
        backbone.preprocessing,
        vision=tower.vision,
        projection=tower.head,
        weights=Weights(name=f"GroupViT beside {backbone.name}"),
    )
