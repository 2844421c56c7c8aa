"""Label groups: who competes with whom. The softmax of a tagger runs within a group, background words join every group.

"cat" and "animal" can both be tags when they stand in different groups; in one softmax they take each other's share.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.labels import LabelSet
from tagalign.methods.label_rows import best_rows
from tagalign.types import EncodedLabels


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Labels that compete in one softmax.

    Attributes:
        ids: of the labels in their set.
        embeds: one row per label or alias of the group.
        owners: the label of each row, counted within the group.
        background: words that compete too and are never answered.
    """

    ids: tuple[int, ...]
    embeds: Float[Tensor, "rows dim"]
    owners: Int[Tensor, " rows"]
    background: Float[Tensor, "background dim"]

    def probs(
        self, embeds: Float[Tensor, "points dim"], logit_scale: float
    ) -> Float[Tensor, "points labels_and_background"]:
        """``softmax(logit_scale * cos)`` of every point over the labels of the group, then the background words.

        Args:
            embeds: patches, or class tokens, in the joint space; any norm.
            logit_scale: CLIP's inverse temperature.
        """
        points = F.normalize(embeds, dim=-1)
        logits = logit_scale * (points @ torch.cat([self.embeds, self.background]).to(points).T)
        if len(self.embeds) != len(self.ids):
            rows, words = logits[:, : len(self.embeds)], logits[:, len(self.embeds) :]
            logits = torch.cat([best_rows(rows.T, self.owners, len(self.ids)).T, words], dim=1)
        return logits.softmax(dim=1)


def split_groups(labels: EncodedLabels) -> list[Group]:
    """The groups of a label set, in the order of their first labels; labels without a group form one."""
    groups = []
    for ids in group_ids(labels.label_set):
        local = torch.full((len(labels.names),), -1, dtype=torch.long, device=labels.owners.device)
        local[list(ids)] = torch.arange(len(ids), device=local.device)
        owners = local[labels.owners]
        rows = owners >= 0
        groups.append(
            Group(ids=ids, embeds=labels.embeds[rows], owners=owners[rows], background=labels.background)
        )
    return groups


def group_ids(labels: LabelSet) -> list[tuple[int, ...]]:
    """Ids of the labels of each group."""
    ids: dict[str | None, list[int]] = {}
    for i, label in enumerate(labels.labels):
        ids.setdefault(label.group, []).append(i)
    return [tuple(members) for members in ids.values()]
