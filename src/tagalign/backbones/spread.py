"""A frozen encoder spread over processes (FSDP): each keeps its part of the weights, and a layer is whole while it computes.

Gathered are the linear layers of the attention and each feed-forward network, one by one. Whole blocks would be fewer
messages, but a dense mode asks a block for its parts and may never call the block itself, and only what is called gathers
its weights. What is read as a number instead of called (positions, norms, the way in, the head) stays whole everywhere: 1 %
of a ViT-B's image side, less of larger ones.
"""

from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.protocols import Backbone
from tagalign.backbones.towers.layers import Linear, Mlp, SwiGlu
from tagalign.errors import InputError


def spread_encoder(backbone: Backbone, device: torch.device) -> None:
    """Spread the weights over the processes of the default group, in place; from then on it answers when all of them ask.

    Every process must ask the same in the same order, with inputs of its own: answers and gradients are those of the whole
    encoder. The parts go to ``device`` layer by layer, so an encoder that was opened on the CPU needs no room for the
    whole there.

    Args:
        backbone: with both towers of ours, the same weights in every process.
        device: of this process.

    Raises:
        InputError: for an encoder without such towers, or one that keeps second weights in lower precision.
    """
    if not isinstance(backbone, Encoder):
        raise InputError(
            f"{backbone.name}: a {backbone.family} has no blocks to spread over processes; leave out --fsdp, or take a CLIP"
        )
    if backbone.precision != "fp32":
        raise InputError(
            f"{backbone.name}: keeps a second copy of its weights in {backbone.precision}, which would not be spread; "
            "open it with precision fp32"
        )
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    text = backbone.text.tower
    # the text tower itself last, for what is left of it: it is always called whole
    for layer in (*called_layers(backbone.vision.blocks), *_pooling(backbone), *called_layers(text), text):
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    backbone.to(device)


def called_layers(module: nn.Module) -> Iterator[nn.Module]:
    """Linear layers and feed-forward networks, first to last; of a network none of its own layers, which it never calls."""
    for child in module.children():
        if isinstance(child, (Linear, Mlp, SwiGlu)):
            yield child
        else:
            yield from called_layers(child)


def _pooling(backbone: Encoder) -> Iterator[nn.Module]:
    """The layers of a pooling head; a linear head is one matrix that is read as well as called."""
    head = backbone.vision.head
    if isinstance(head, nn.Module) and not isinstance(head, Linear):
        yield from called_layers(head)
