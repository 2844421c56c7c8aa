"""What the rest of the library may know of an encoder: four Protocols, and no name of anybody's model class.

``Backbone`` is enough to tag, segment, refer and search. ``BlockBackbone`` opens the vision tower block by block, for dense
modes, TagCLIP, CLS-SEG and prompts. ``Block`` is one transformer block, ``Mode`` a dense mode. A family that has no such
blocks (GroupViT) is a ``Backbone`` alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.backbones.preprocess import Preprocessing
from tagalign.ops.cam import LastBlock
from tagalign.ops.precision import Precision

Pixels = Float[Tensor, "batch 3 height pixel_width"]
Tokens = Float[Tensor, "batch tokens width"]
Heads = Float[Tensor, "batch heads tokens head_dim"]
QueryRows = Float[Tensor, "batch heads rows head_dim"]
Grid = tuple[int, int]
ClassRow = Float[Tensor, "batch 1 width"] | None
Resize = Literal["bicubic", "bilinear", "offset"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseFeatures:
    """What the vision tower makes of a batch, before its last layer norm and projection.

    Attributes:
        patches: patch rows of the dense stream.
        cls: class row of the ordinary stream; None for families without one (SigLIP).
        grid: rows and columns of patches; pixels that do not fill a patch are dropped at the bottom and right.
        before: rows of the dense stream before the patches, where the family has any.
    """

    patches: Float[Tensor, "batch patches width"]
    cls: Float[Tensor, "batch width"] | None
    grid: Grid
    before: Tokens | None = None

    @property
    def rows(self) -> Tokens:
        """All rows of the dense stream."""
        return self.patches if self.before is None else torch.cat([self.before, self.patches], dim=1)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Where the weights of an encoder came from.

    Attributes:
        name: a folder, a hub id, ``tiny``.
        hash: of the file, for caches and reports; empty when they were never in one.
        revision: commit of the hub; empty for a folder.
    """

    name: str = "clip"
    hash: str = ""
    revision: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearHead:
    """``LayerNorm(x) @ projection.T``.

    Attributes:
        norm_weight: of the layer norm.
        norm_bias: likewise.
        projection: into the joint space.
    """

    norm_weight: Float[Tensor, " width"]
    norm_bias: Float[Tensor, " width"]
    projection: Float[Tensor, "dim width"]


@runtime_checkable
class Backbone(Protocol):
    """A frozen encoder of images and texts.

    Attributes:
        name: where it came from (a folder, a hub id, ``tiny``).
        weight_hash: of the weights, for caches and reports.
        revision: commit of the hub; empty for a folder.
        family: its ``model_type``.
        embed_dim: dimension of the joint space.
        width: of the vision tower.
        patch_size: pixels.
        num_layers: blocks of the vision tower.
        preprocessing: how pixels become numbers, and the native input size.
        logit_scale: inverse temperature of its training; text and image cosines are multiplied by it.
        logit_bias: added to that product; 0 for all but SigLIP.
        precision: of the vision tower's products.
    """

    name: str
    weight_hash: str
    revision: str
    family: str
    embed_dim: int
    width: int
    patch_size: int
    num_layers: int
    preprocessing: Preprocessing
    logit_scale: float
    logit_bias: float
    precision: Precision

    @property
    def tokenizer(self) -> Any:
        """Prompts to ids; Any, because a tower that is only ever given ids may come without one."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        ...

    def grid_of(self, height: int, width: int) -> Grid:
        """Patches that fit into an image; refuses one that is smaller than a patch."""
        ...

    def encode_dense(
        self, pixels: Pixels, *, mode: "str | Mode" = ..., positions: Resize | None = None
    ) -> DenseFeatures:
        """Dense features in a mode, by its name or with options of its own.

        Args:
            pixels: normalised.
            mode: one that applies to the encoder.
            positions: how position embeddings are resized; the family's own way when None.
        """
        ...

    def project(self, features: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """Each row by itself into the joint space: last layer norm, then the family's own head."""
        ...

    def embed_images(self, pixels: Pixels) -> Float[Tensor, "batch dim"]:
        """The family's own embedding of whole images; any norm."""
        ...

    def encode_ids(self, ids: Int[Tensor, "prompts tokens"]) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of token ids as ``tokenizer`` gives them; any norm."""
        ...

    def encode_text(self, prompts: Sequence[str], *, batch_size: int = ...) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of prompts; any norm."""
        ...


@runtime_checkable
class Block(Protocol):
    """One transformer block of a vision tower, in the parts that dense methods recombine.

    The ordinary block is ``x = x + out(attention(*qkv(norm1(x))))``, then ``feed_forward(x)``.
    """

    def __call__(self, x: Tokens, bias: Tensor | None = None) -> Tokens:
        """The ordinary block; ``bias`` is added to the attention logits."""
        ...

    def norm1(self, x: Tokens) -> Tokens:
        """Layer norm before the attention."""
        ...

    def qkv(self, normed: Tokens, *, rows: int | None = None) -> tuple[QueryRows, Heads, Heads]:
        """Query, key and value heads of the normalised input; queries of the first ``rows`` rows alone where given."""
        ...

    def value(self, normed: Tokens) -> Heads:
        """Value heads of the normalised input."""
        ...

    def out(self, heads: QueryRows) -> Tokens:
        """Output projection of the attention, with its layer scale: what is added to the residual stream."""
        ...

    def feed_forward(self, x: Tokens) -> Tokens:
        """``x + MLP(LN2(x))``, with its layer scale."""
        ...


@runtime_checkable
class BlockBackbone(Backbone, Protocol):
    """A vision transformer that can be walked through block by block.

    Attributes:
        num_prefix: rows before the patches: 1 class row (CLIP), none (SigLIP), class row and register (TIPSv2).
        mlp_width: of the hidden layer of a block.
    """

    num_prefix: int
    mlp_width: int

    @property
    def blocks(self) -> Sequence[Block]:
        """First to last."""
        ...

    def multiply_in(self, precision: Precision) -> None:
        """Compute the products of the vision tower in a precision from now on."""
        ...

    def compile_blocks(self) -> None:
        """Compile the blocks of the vision tower: one code for all of them, and another for every size until sizes are free.

        What a dense mode asks of parts of a block stays as it is. Answers change by rounding alone.

        Raises:
            InputError: where the device has no compiler.
        """
        ...

    def embed_patches(
        self, pixels: Pixels, *, positions: Resize | None = None, round_positions: bool = False
    ) -> tuple[Tokens, Grid]:
        """Input of the first block: prefix rows and patches with positions.

        Args:
            pixels: normalised.
            positions: how position embeddings are resized; the family's own way when None. ``bilinear`` is TagCLIP's.
            round_positions: resized ones to half precision, as TagCLIP's release does.
        """
        ...

    def encode_stitched(
        self,
        windows: Float[Tensor, "windows 3 height pixel_width"],
        places: Sequence[Grid],
        *,
        mode: "str | Mode",
        positions: Resize | None = None,
        batch_size: int = 8,
    ) -> DenseFeatures:
        """Dense features of one image, a batch of one: windows go through the blocks, a mode sees them joined.

        Args:
            windows: of one size, in any order.
            places: row and column of the first patch of each window on the grid of the whole image; together they cover it.
            mode: what happens to the last blocks, once, over the whole image.
            positions: as for ``encode_dense``.
            batch_size: windows in one pass.

        Raises:
            InputError: if the windows leave a patch uncovered.
        """
        ...

    def class_row(self, times: int = 1) -> Float[Tensor, "1 width"]:
        """Input of the first block in the class row, with its embedding added ``times`` times."""
        ...

    def post_norm(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Last layer norm."""
        ...

    def to_joint(self, normed: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """The family's head on every row after ``post_norm``."""
        ...

    def linear_head(self) -> LinearHead:
        """What a trained head may start from: ``project`` as a layer norm and one matrix."""
        ...

    def last_block(self) -> LastBlock | None:
        """Weights of the last block for the closed form of ``ops.cam``; None where it does not hold."""
        ...

    def pool(self, x: Tokens, bias: Tensor | None = None) -> Float[Tensor, "batch dim"]:
        """Image embedding from the rows after the last block.

        Args:
            x: all rows.
            bias: added to the logits of a pooling head's own attention, per patch; a class row reads no patch any more.
        """
        ...


@runtime_checkable
class Mode(Protocol):
    """A dense mode: a frozen dataclass whose fields are its options (``option_fields.option``), called on a batch."""

    # Any: stream.Stream stands on the Protocols of this file, so its name cannot stand here
    def __call__(self, encoder: BlockBackbone, stream: Any, grid: Grid) -> tuple[Tokens, ClassRow]:
        """All rows of the dense stream before the last layer norm, and the class row of the ordinary stream.

        Equal to image by image whatever the batch, on grids of any shape, for families with and without prefix rows.

        Args:
            encoder: with at least one block.
            stream: a ``stream.Stream``, which gives the inputs of the blocks, first to last, of images or of joined windows.
            grid: rows and columns of patches; the prefix rows come first.
        """
        ...
