"""GroupViT through Hugging Face's ``GroupViTModel``: groups instead of patches, the encoder of the paper's Table 7.

It is given the face of ``DenseCLIP``: every patch gets the features of the group it is assigned to, so segmentation,
referring and training run through the code of all other encoders. Its own benchmark tricks (a threshold on group
probabilities, classes pruned by the whole image) are not applied; a row of it is a row of our protocol.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import GroupViTConfig, GroupViTModel, PreTrainedModel

from tagalign.backbones.catalog import file_hash, load_weights, model_folder, read_json, weight_file
from tagalign.backbones.dense_clip import DenseCLIP, DenseFeatures
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.text import Tokenizer
from tagalign.errors import ModelError, UnknownNameError
from tagalign.methods.dense import DenseMethod
from tagalign.methods.dense_profiles import dense_profile

MODE = "groups"


class GroupViT(DenseCLIP):
    """A frozen GroupViT vision tower beside a text tower; of the dense modes it knows ``groups`` alone.

    Args:
        clip: gives text embeddings, the temperature and the dimension of the joint space; only read.
        tokenizer: of the text tower.
        preprocessing: of the vision tower.
        vision: Hugging Face's vision transformer with its grouping stages.
        projection: rows of group features to the joint space.
        name: where it came from.
        weight_hash: of the weights.
    """

    def __init__(
        self,
        clip: PreTrainedModel,
        tokenizer: Tokenizer,
        preprocessing: Preprocessing,
        *,
        vision: nn.Module,
        projection: nn.Module,
        name: str = "groupvit",
        weight_hash: str = "",
    ) -> None:
        super().__init__(clip, tokenizer, preprocessing, name=name, weight_hash=weight_hash)
        self.vision = vision.eval().requires_grad_(False)
        self.projection = projection.eval().requires_grad_(False)
        config: Any = vision.config
        self.width, self.patch_size, self.num_layers = (
            config.hidden_size,
            config.patch_size,
            sum(config.depths),
        )

    @torch.no_grad()
    def encode_dense(
        self, pixels: Float[Tensor, "batch 3 height pixel_width"], *, mode: str = MODE
    ) -> DenseFeatures:
        """Every patch with the features of the group it belongs to most; ``cls`` is the mean over groups.

        Raises:
            UnknownNameError: for a mode that is not ``groups``.
            InputError: if the image is smaller than a patch.
        """
        if mode != MODE:
            raise UnknownNameError("dense mode of GroupViT", mode, [MODE])
        grid = self.grid_of(*pixels.shape[2:])
        inside = pixels[:, :, : grid[0] * self.patch_size, : grid[1] * self.patch_size].to(self.dtype)
        groups, assignment = group_features(self.vision, inside)
        chosen = assignment.argmax(dim=2)
        patches = groups.gather(1, chosen[..., None].expand(-1, -1, groups.shape[2]))
        return DenseFeatures(patches=patches, cls=groups.mean(dim=1), grid=grid)

    def project(self, features: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """GroupViT's own visual projection."""
        flat = self.projection(features.reshape(-1, features.shape[-1]))  # its batch norm wants rows
        return flat.reshape(*features.shape[:-1], -1)


def group_features(
    vision: nn.Module, pixels: Float[Tensor, "batch 3 height width"]
) -> tuple[Float[Tensor, "batch groups _width"], Float[Tensor, "batch patches groups"]]:
    """Final groups after the last layer norm, and the share of each patch in each of them.

    Position embeddings are resized where the size is not the native one. The shares of the stages are multiplied, as
    ``GroupViTModel`` does for its segmentation.
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


def load_groupvit(name: str, *, device: torch.device | str = "cpu") -> GroupViT:
    """A frozen GroupViT from a folder or a hub id such as ``nvidia/groupvit-gcc-yfcc``.

    Raises:
        ModelError: if the folder is no GroupViT, or its weights are missing, truncated, pickled or of another shape.
    """
    folder = model_folder(name)
    values = read_json(folder / "config.json")
    if values.get("model_type") != "groupvit":
        raise ModelError(
            f"{folder}: expected a GroupViT (model_type 'groupvit'), got {values.get('model_type')!r}"
        )
    config: GroupViTConfig = GroupViTConfig.from_dict(values)
    weights = weight_file(folder)
    model = load_weights(GroupViTModel, folder, config, torch.float32)
    text: Any = config.text_config
    shape: Any = config.vision_config
    return GroupViT(
        model,
        Tokenizer.from_folder(folder, context=text.max_position_embeddings, eos_id=text.eos_token_id),
        Preprocessing.from_folder(folder, image_size=shape.image_size),
        vision=model.vision_model,
        projection=model.visual_projection,
        name=name,
        weight_hash=file_hash(weights),
    ).to(device)


def build_groupvit(
    name: str,
    *,
    device: torch.device | str,
    trained: str | None = None,
    profile: str = "paper",
    **options: Any,
) -> DenseMethod:
    """GroupViT as tagger, segmenter and referrer; ``ta.load(NAME, method="groupvit")``."""
    backbone = load_groupvit(name, device=device)
    return DenseMethod(backbone, method="groupvit", mode=MODE, profile=dense_profile(profile), **options)
