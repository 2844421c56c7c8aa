"""One training step of an aligner: forward, losses, backward; the same gradient however the batch is cut."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.data.batches import FeatureBatch
from tagalign.data.processes import Processes
from tagalign.ops.precision import PRECISIONS, Precision, autocast
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.distributed import gather_with_grad
from tagalign.train.loop.pieces import forward_in_pieces, pieces_of
from tagalign.train.tagalign.aligner import Aligner, Embeds

Embed = Callable[[Tensor, tuple[int, int]], Tensor]


def forward_backward(
    aligner: Aligner,
    batch: FeatureBatch,
    *,
    world: Processes,
    precision: Precision = "fp32",
    micro_batch: int | None = None,
    embed: Embed | None = None,
    clock: StepClock | None = None,
) -> dict[str, Tensor]:
    """Add the gradient of a batch to the parameters.

    With ``micro_batch`` the projector sees so many images at a time and the losses still see all, see
    ``forward_in_pieces``: the gradient is that of the whole batch, negatives included.

    Args:
        aligner: what is trained.
        batch: on the aligner's device.
        world: the processes; negatives are gathered from all of them.
        precision: of the projector, a name in ``PRECISIONS``.
        micro_batch: images per forward pass; None takes all at once.
        embed: a compiled form of ``aligner.embed``.
        clock: gets the marks ``projector``, ``loss``, ``backward``.

    Returns:
        ``loss`` and each term before its weight, of this process, without graph.
    """
    embed = embed or aligner.embed
    clock = clock or StepClock(world.device)
    pieces = pieces_of(len(batch), micro_batch)
    carry_on = None
    if len(pieces) == 1:
        images = _embed(embed, batch, pieces[0], precision)
    else:
        images, carry_on = forward_in_pieces(
            lambda piece: _embed(embed, batch, piece, precision), pieces, world.device
        )
    clock.mark("projector")
    total, parts = aligner(join_embeds(images, batch, world))
    clock.mark("loss")
    total.backward()
    if carry_on is not None:
        carry_on()
    clock.mark("backward")
    return {"loss": total.detach(), **{name: value.detach() for name, value in parts.items()}}


def _embed(
    embed: Embed, batch: FeatureBatch, piece: slice, precision: Precision
) -> Float[Tensor, "batch dim"]:
    features = batch.features[piece]
    with autocast(precision, features.device):
        # cached features are float16, which the products must not be computed in
        return embed(features.to(PRECISIONS[precision] or torch.float32), batch.grid).float()


def join_embeds(images: Float[Tensor, "batch dim"], batch: FeatureBatch, world: Processes) -> Embeds:
    """Embeddings of this process beside those of all, for the losses."""
    # without captions nothing is gathered: tags are compared with the fixed list, not with other images
    if world.size == 1 or batch.texts is None:
        return Embeds(images=images, texts=batch.texts, tags=batch.tags, teacher=batch.teacher)
    return Embeds(
        images=images,
        texts=batch.texts,
        tags=batch.tags,
        teacher=batch.teacher,
        all_images=gather_with_grad(images, world),
        # float32: one type in the message, whoever encoded them
        all_texts=gather_with_grad(batch.texts.float(), world),
        offset=world.rank * len(images),
    )


@torch.no_grad()
def batch_losses(
    aligner: Aligner, batch: FeatureBatch, *, precision: Precision = "fp32"
) -> dict[str, Tensor]:
    """The losses of one batch in this process, without gradient: what a held-out set is scored with."""
    images = _embed(aligner.embed, batch, slice(0, len(batch)), precision)
    total, parts = aligner(Embeds(images=images, texts=batch.texts, tags=batch.tags, teacher=batch.teacher))
    return {"loss": total, **parts}
