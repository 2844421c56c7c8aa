"""Deep prompt tuning of a frozen CLIP: fresh trainable rows in front of the blocks, nothing else of the encoder moves."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.protocols import BlockBackbone, Grid
from tagalign.errors import ModelError
from tagalign.ops.grid import tokens_to_map

PROMPT_NORM_EPS = 1e-6  # the release's LayerNorm after the last block; CLIP's own norms use 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class PromptedFeatures:
    """A batch of images in the joint space.

    Attributes:
        patches: unit-length patch embeddings as maps.
        cls: unit-length class-token embeddings.
    """

    patches: Float[Tensor, "batch dim rows cols"]
    cls: Float[Tensor, "batch dim"]


class DeepPrompts(nn.Module):
    """Trainable rows for the first ``depth`` blocks, one projection they share, and a norm after the last block.

    Args:
        width: of the vision tower.
        patch_size: pixels; only the range of the first values depends on it.
        depth: blocks that get prompts, from the first on; usually all.
        num_prompts: rows per block (paper's release: 10 for VOC, 100 for COCO-Stuff).
        dropout: rate on the projected prompts while training.
    """

    def __init__(
        self, width: int, *, patch_size: int, depth: int, num_prompts: int = 10, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(depth, num_prompts, width))
        self.proj = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=PROMPT_NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        bound = (6 / (3 * patch_size**2 + width)) ** 0.5  # visual prompt tuning, Jia et al., arXiv:2203.12119
        nn.init.uniform_(self.tokens, -bound, bound)
        nn.init.kaiming_normal_(self.proj.weight, mode="fan_out")

    @property
    def depth(self) -> int:
        """Blocks that get prompts."""
        return len(self.tokens)

    def rows(self, block: int, batch: int) -> Float[Tensor, "batch prompts width"]:
        """What goes in front of the patches of one block; no rows past ``depth``."""
        tokens = self.tokens[block] if block < self.depth else self.tokens[0, :0]
        return self.dropout(self.proj(tokens).expand(batch, -1, -1))

    def forward(
        self,
        clip: BlockBackbone,
        pixels: Float[Tensor, "batch 3 height pixel_width"],
        *,
        class_embedding_times: int = 1,
    ) -> PromptedFeatures:
        """Encode images with prompts.

        Args:
            clip: the frozen encoder; gradients pass through it to the prompts.
            pixels: normalised; any height and width of at least one patch.
            class_embedding_times: how often the class embedding is added; 2 is the release's slip, kept for parity.

        Raises:
            ModelError: if there are prompts for more blocks than the encoder has, or they have another width.
        """
        _check_fit(self, clip)
        tokens, grid = self.blocks(clip, pixels, class_embedding_times)
        embeds = F.normalize(clip.project(self.norm(tokens)), dim=-1)
        return PromptedFeatures(patches=tokens_to_map(embeds[:, 1:], grid), cls=embeds[:, 0])

    def blocks(
        self,
        clip: BlockBackbone,
        pixels: Float[Tensor, "batch 3 height pixel_width"],
        class_embedding_times: int,
    ) -> tuple[Float[Tensor, "batch tokens width"], Grid]:
        """Class token and patches after the last block, before any norm; without prompts nothing in them is trained.

        Every block sees ``[class | proj(tokens of this block) | patches]``; what a block makes of its prompts is dropped.
        """
        x, grid = clip.embed_patches(pixels, positions="bilinear")
        cls, patches = clip.class_row(class_embedding_times).expand(len(x), 1, -1), x[:, 1:]
        for index, block in enumerate(clip.blocks):
            prompts = self.rows(index, len(x))
            x = block(torch.cat([cls, prompts, patches], dim=1))
            cls, patches = x[:, :1], x[:, 1 + prompts.shape[1] :]
        return torch.cat([cls, patches], dim=1), grid


def _check_fit(prompts: DeepPrompts, clip: BlockBackbone) -> None:
    if clip.num_prefix != 1:
        raise ModelError(
            f"TrustyCLIP's prompts stand between a class row and the patches; {clip.family} has {clip.num_prefix} rows "
            "before its patches; take a CLIP (model_type 'clip' or 'metaclip_2')"
        )
    depth, _, width = prompts.tokens.shape
    if depth > clip.num_layers or width != clip.width:
        raise ModelError(
            f"expected prompts for at most {clip.num_layers} blocks of width {clip.width}, got {depth} of width {width}; "
            "they were trained for another backbone"
        )
