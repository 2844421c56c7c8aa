"""OVSegmentor's mask consistency for a GroupViT tower: the groups of one image, on the patches of another that shares a tag.

The first grouping of the tower binds patches to groups. Its queries from image A, against the keys of image B's patches, are
masks across images; the target is what a slowly following copy of the tower makes of B alone. A tower with one grouping
(``groups`` of one number) has OVSegmentor's form. Partners are found within a batch by their tags, where its release builds
batches of pairs. Nothing completes masked entities, which needs a multimodal decoder.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError
from tagalign.ops.group_losses import mask_consistency_loss
from tagalign.ops.losses import unit
from tagalign.ops.shared_tags import SharedTags, shared_tags
from tagalign.ops.tag_rows import TagRows
from tagalign.train.groupvit.tower import Binding, GroupTower

PREFIX = "following/"


@dataclass(frozen=True, kw_only=True)
class ConsistencyPlan:
    """Numbers of the mask consistency.

    Attributes:
        weight: of the loss, above 0.
        momentum: how much of the copy stays at every step, in [0, 1).
    """

    weight: float = 1.0
    momentum: float = 0.99

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise InputError(f"consistency weight must be above 0, got {self.weight:g}")
        if not 0 <= self.momentum < 1:
            raise InputError(f"consistency momentum must lie in [0, 1), got {self.momentum:g}")


class MaskConsistency:
    """The loss of one run, with the copy that follows the tower.

    Nothing is copied before the first step: by then all processes have the same weights.

    Args:
        tower: what is trained.
        plan: see ``ConsistencyPlan``.
        entities: embeddings of the tags that name things.
        ids: of these tags in their list.
    """

    def __init__(
        self,
        tower: GroupTower,
        plan: ConsistencyPlan,
        entities: Float[Tensor, "entities dim"],
        ids: Sequence[int],
    ) -> None:
        self.tower, self.plan, self.entities = tower, plan, unit(entities)
        # number among the entities of each tag of the list, -1 for one that names no thing
        self._places = torch.full((max(ids) + 2,), -1, device=entities.device)
        self._places[list(ids)] = torch.arange(len(ids), device=entities.device)
        self.following: GroupTower | None = None

    def loss(
        self, bound: Binding, pixels: Float[Tensor, "batch 3 height width"], tags: TagRows
    ) -> Float[Tensor, ""]:
        """Follow the tower by a step, then compare.

        Args:
            bound: of the tower on ``pixels``, with gradient.
            pixels: of the batch.
            tags: of its captions.

        Returns:
            Mean over the images that share an entity with another one; 0 where none does.
        """
        following = self._follow()
        pairs = shared_tags(self._named(tags), len(self.entities))
        if not len(pairs.images):
            return bound.images.sum() * 0  # 0 with a graph: the other losses go on
        with torch.no_grad():
            own = following.bind(pixels[pairs.partners])
            target = following.group_logits(own.queries, own.keys)
        across = self.tower.group_logits(bound.queries[pairs.images], bound.keys[pairs.partners])
        return mask_consistency_loss(across.float(), target.float(), relevance=self._relevance(bound, pairs))

    def _named(self, tags: TagRows) -> TagRows:
        """The tags that name things, numbered as ``entities`` are: a list may have its attributes first."""
        places = self._places[tags.tags.clamp(max=len(self._places) - 1)]
        return replace(tags.keep(places >= 0), tags=places[places >= 0])

    def _relevance(self, bound: Binding, pairs: SharedTags) -> Float[Tensor, "pairs groups"] | None:
        """How well each group fits the shared entity; None where groups are grouped again and mean nothing yet."""
        if bound.groups is None:
            return None
        groups = unit(bound.groups.detach()[pairs.images])
        return (groups @ self.entities[pairs.tags].to(groups)[:, :, None])[:, :, 0]

    @torch.no_grad()
    def _follow(self) -> GroupTower:
        if self.following is None:
            self.following = self._copy()
            return self.following
        for copy, weight in zip(self.following.parameters(), self.tower.parameters(), strict=True):
            copy.mul_(self.plan.momentum).add_(weight.detach(), alpha=1 - self.plan.momentum)
        return self.following

    def _copy(self) -> GroupTower:
        # evaluation mode: its masks are without the noise in which the tower learns
        return deepcopy(self.tower).requires_grad_(False).eval()

    def state(self) -> dict[str, Tensor]:
        """The copy, by names that no weight of the tower has; empty before the first step."""
        if self.following is None:
            return {}
        return {f"{PREFIX}{name}": value for name, value in self.following.named_parameters()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Put back what ``state`` gave; other entries are left alone."""
        if not any(name.startswith(PREFIX) for name in state):
            return
        self.following = self._copy()
        for name, value in self.following.named_parameters():
            value.copy_(state[f"{PREFIX}{name}"])
