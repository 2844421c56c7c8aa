"""Which images of a batch share a tag: pairs that must show one thing."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from tagalign.ops.tag_rows import TagRows


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedTags:
    """Images that have a partner in their batch, ascending.

    Attributes:
        images: their rows.
        partners: the row of another image that has a tag of theirs.
        tags: that tag.
    """

    images: Int[Tensor, " pairs"]
    partners: Int[Tensor, " pairs"]
    tags: Int[Tensor, " pairs"]


def shared_tags(rows: TagRows, num_tags: int) -> SharedTags:
    """For every image the next one in the batch (from the last on to the first) that shares a tag with it, if any.

    Args:
        rows: tags of the batch.
        num_tags: only tags with ids below count; holds ``batch x num_tags`` numbers.

    Returns:
        Of several shared tags the one of the highest id: lists stand by frequency, so it is the rarest and says most.
    """
    own = rows.between(0, num_tags)
    device, count = own.images.device, own.num_images
    has = torch.zeros(count, num_tags, device=device)
    has[own.images, own.tags] = 1
    order = torch.arange(count, device=device)
    # how far behind each other image stands, the image itself last and never its own partner
    distance = (order[None] - order[:, None] - 1) % max(count, 1)
    shares = (has @ has.T > 0) & (order[None] != order[:, None])
    nearest = torch.where(shares, distance, count).min(dim=1) if count else None
    if nearest is None:
        return SharedTags(images=order, partners=order, tags=order)
    images = (nearest.values < count).nonzero()[:, 0]
    partners = nearest.indices[images]
    ids = torch.arange(1, num_tags + 1, device=device)
    tags = (has[images] * has[partners] * ids).argmax(dim=1)
    return SharedTags(images=images, partners=partners, tags=tags)
