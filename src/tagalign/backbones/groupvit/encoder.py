"""A GroupViT vision tower beside a text tower: every patch gets the features of the group it is assigned to.

So segmentation, referring and training run through the code of all other encoders. Its own benchmark tricks (a threshold on
group probabilities, classes pruned by the whole image) are not applied; a row of it is a row of our protocol.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.finite import checked
from tagalign.backbones.frozen import FrozenBackbone
from tagalign.backbones.groupvit.names import MODE, MODEL_TYPE
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import DenseFeatures, Mode, Pixels, Resize, Weights
from tagalign.backbones.text_encoder import TextEncoder
from tagalign.errors import InputError, ModelError, UnknownNameError


class GroupViT(FrozenBackbone):
    """A frozen GroupViT; of the dense modes it knows ``groups`` alone.

    Args:
        text: text half, with the temperature and the dimension of the joint space.
        preprocessing: of the vision tower.
        vision: Hugging Face's vision transformer with its grouping stages.
        projection: rows of group features to the joint space.
        weights: where they came from.
    """

    def __init__(
        self,
        text: TextEncoder,
        preprocessing: Preprocessing,
        *,
        vision: nn.Module,
        projection: nn.Module,
        weights: Weights = Weights(name="groupvit"),  # noqa: B008  frozen
    ) -> None:
        super().__init__(text, preprocessing, weights=weights, family=MODEL_TYPE)
        self.vision = vision.eval().requires_grad_(False)
        self.projection = projection.eval().requires_grad_(False)
        config: Any = vision.config
        self.width, self.patch_size = config.hidden_size, config.patch_size
        self.num_layers = sum(config.depths)

    @torch.no_grad()
    def encode_dense(
        self, pixels: Pixels, *, mode: str | Mode = MODE, positions: Resize | None = None
    ) -> DenseFeatures:
        """Every patch with the features of the group it belongs to most; ``cls`` is the mean over groups.

        Raises:
            UnknownNameError: for a mode that is not ``groups``.
            InputError: if the image is smaller than a patch.
        """
        if mode != MODE:
            raise UnknownNameError("dense mode of GroupViT", str(mode), [MODE])
        if positions is not None:
            raise InputError(
                f"GroupViT resizes positions in its own way, it has no {positions!r}; leave positions out"
            )
        grid = self.grid_of(*pixels.shape[2:])
        inside = pixels[:, :, : grid[0] * self.patch_size, : grid[1] * self.patch_size].to(self.dtype)
        groups, assignment = group_features(self.vision, inside)
        chosen = assignment.argmax(dim=2)
        patches = groups.gather(1, chosen[..., None].expand(-1, -1, groups.shape[2]))
        checked(groups, self, name=self.name, what="group features")
        return DenseFeatures(patches=patches, cls=groups.mean(dim=1), grid=grid)

    def project(self, features: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """GroupViT's own visual projection."""
        flat = self.projection(features.reshape(-1, features.shape[-1]))  # its batch norm wants rows
        joint = flat.reshape(*features.shape[:-1], -1)
        return checked(joint, self, name=self.name, what="embeddings")

    @torch.no_grad()
    def embed_images(self, pixels: Pixels) -> Float[Tensor, "batch dim"]:
        """The mean over groups in the joint space; any norm."""
        cls = self.encode_dense(pixels).cls
        assert cls is not None
        return self.project(cls)


def group_features(
    vision: nn.Module, pixels: Float[Tensor, "batch 3 height width"]
) -> tuple[Float[Tensor, "batch groups _width"], Float[Tensor, "batch patches groups"]]:
    """Final groups after the last layer norm, and the share of each patch in each of them.

    Position embeddings are resized where the size is not the native one. The shares of the stages are multiplied, as
    ``GroupViTModel`` does for its segmentation.

    Raises:
        ModelError: for a tower without a grouping stage.

    Reference:
        Xu et al., GroupViT, arXiv:2202.11094, section 3.1 (the grouping block).
    """
    tower: Any = vision
    hidden = tower.embeddings(pixels, interpolate_pos_encoding=True)
    encoded = tower.encoder(hidden, output_attentions=True, output_hidden_states=False, return_dict=True)
    assignment: Tensor | None = None
    for attention in encoded.attentions:
        step = attention.transpose(1, 2)
        assignment = step if assignment is None else assignment @ step
    if assignment is None:
        raise ModelError("this GroupViT has no grouping stage; num_group_tokens of its config are all 0")
    return tower.layernorm(encoded.last_hidden_state), assignment
