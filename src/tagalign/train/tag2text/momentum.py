"""A slow copy of the two towers, and what it saw lately: more pairs to compare with than a batch holds, and softer targets.

Li et al., ALBEF, arXiv:2107.07651, which the paper's contrastive loss follows. Off by default.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.text_layers import encode_text
from tagalign.ops.momentum_contrast import PairEmbeds, momentum_contrastive_loss
from tagalign.train.loop.distributed import gather_with_grad

PREFIX = "momentum/"  # of what is stored beside the trained weights
QUEUES = ("images", "texts")


@dataclass(frozen=True, kw_only=True)
class MomentumPlan:
    """How slow the copy is, and how much of what it saw is kept; numbers of ALBEF.

    Attributes:
        queue: embeddings of earlier batches that are compared with too.
        momentum: share of the copy that a step leaves as it is.
        soft_targets: share of the targets that the copy's own similarities decide, reached at the end of the first epoch.
    """

    queue: int
    momentum: float = 0.995
    soft_targets: float = 0.4

    def __post_init__(self) -> None:
        if self.queue < 1:
            raise InputError(f"a queue holds at least 1 embedding, got {self.queue}")
        for name in ("momentum", "soft_targets"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share in [0, 1], got {getattr(self, name):g}")


class _Towers(nn.Module):
    """What makes embeddings, copied: image encoder (unless frozen), text encoder without cross-attention, projections."""

    def __init__(self, model: Tag2Text) -> None:
        super().__init__()
        part = model.aligned()
        # embeddings of texts alone never meet the image; the decoder's layers must not be copied with them
        shared = {id(layer.crossattention): nn.Identity() for layer in part.text.encoder.layer}
        self.image_encoder = None if model.image_encoder.external else deepcopy(model.image_encoder)
        self.text = deepcopy(part.text, memo=dict(shared))
        self.image_projection = deepcopy(part.image_projection)
        self.text_projection = deepcopy(part.text_projection)
        self.requires_grad_(False)
        self.eval()

    def follow(self, model: Tag2Text, momentum: float) -> None:
        """``copy = momentum * copy + (1 - momentum) * own``, weight by weight."""
        part = model.aligned()
        own = {
            "text": part.text,
            "image_projection": part.image_projection,
            "text_projection": part.text_projection,
        }
        if self.image_encoder is not None:
            own["image_encoder"] = model.image_encoder
        for name, module in own.items():
            weights = dict(module.named_parameters())
            for key, value in getattr(self, name).named_parameters():
                value.mul_(momentum).add_(weights[key].detach(), alpha=1 - momentum)


def _joined(first: PairEmbeds | None, then: PairEmbeds | None) -> PairEmbeds:
    both = [some for some in (first, then) if some is not None]
    return PairEmbeds(*(torch.cat(parts) for parts in zip(*both, strict=True)))


class MomentumContrast:
    """The contrastive loss of one run with a momentum encoder and a queue.

    Nothing is copied before the first step: by then all processes have the same weights. The queue starts empty and grows,
    where ALBEF starts with random vectors. Equal captions in the queue count as negatives, as there.

    Args:
        model: whose towers are followed.
        plan: see ``MomentumPlan``.
        ramp: steps until ``soft_targets`` has its full size; an epoch.

    Attributes:
        steps: losses computed so far.
        queue: unit-length embeddings of earlier batches, oldest first.
    """

    def __init__(self, model: Tag2Text, plan: MomentumPlan, *, ramp: int) -> None:
        self.model, self.plan, self.ramp = model, plan, ramp
        self.steps = 0
        self.towers: _Towers | None = None
        self.queue: PairEmbeds | None = None

    def loss(
        self,
        own: PairEmbeds,
        images: Tensor,
        words: tuple[Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]],
        *,
        are_tokens: bool,
        processes: Processes,
    ) -> Float[Tensor, ""]:
        """Follow the model by a step, compare with the whole batch and the queue, then append the batch.

        Args:
            own: embeddings of this process's pairs, with gradient.
            images: pixels or frozen tokens of these pairs.
            words: ids and mask of their captions.
            are_tokens: what ``images`` is.
            processes: that share the batch.
        """
        with torch.no_grad():
            teachers = self._teach(images, words, are_tokens=are_tokens)
            batch = PairEmbeds(*(gather_with_grad(part, processes) for part in teachers))
            keys = _joined(batch, self.queue)
        loss = momentum_contrastive_loss(
            own,
            teachers,
            keys,
            logit_scale=self.model.aligned().logit_scale,
            soft_targets=self.plan.soft_targets * min(1.0, self.steps / max(self.ramp, 1)),
            offset=processes.rank * len(own.images),
        )
        self.queue = PairEmbeds(*(part[-self.plan.queue :] for part in _joined(self.queue, batch)))
        self.steps += 1
        return loss

    def _teach(self, images: Tensor, words: tuple[Tensor, Tensor], *, are_tokens: bool) -> PairEmbeds:
        if self.towers is None:
            self.towers = _Towers(self.model)
        else:
            self.towers.follow(self.model, self.plan.momentum)
        towers = self.towers
        tokens = images if are_tokens else (towers.image_encoder or self.model.image_encoder)(images)
        texts = encode_text(towers.text, *words)[:, 0]
        return PairEmbeds(
            F.normalize(towers.image_projection(tokens[:, 0]).float(), dim=-1),
            F.normalize(towers.text_projection(texts).float(), dim=-1),
        )

    def state(self) -> dict[str, Tensor]:
        """Copy, queue and count, by names that no weight of the model has; empty before the first step."""
        if self.towers is None or self.queue is None:
            return {}
        kept = {f"{PREFIX}queue/{name}": part for name, part in zip(QUEUES, self.queue, strict=True)}
        copy = {f"{PREFIX}{name}": value for name, value in self.towers.named_parameters()}
        return {**copy, **kept, f"{PREFIX}steps": torch.tensor(self.steps)}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Put back what ``state`` gave; other entries are left alone."""
        if f"{PREFIX}steps" not in state:
            return
        self.towers = _Towers(self.model)
        for name, value in self.towers.named_parameters():
            value.copy_(state[f"{PREFIX}{name}"])
        device = next(self.towers.parameters()).device
        self.queue = PairEmbeds(*(state[f"{PREFIX}queue/{name}"].to(device) for name in QUEUES))
        self.steps = int(state[f"{PREFIX}steps"])
