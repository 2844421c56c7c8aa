"""Which labels come out as tags: the threshold, then what the label set says of negatives and groups."""

from collections.abc import Sequence

from tagalign.labels import LabelSet
from tagalign.methods.groups import group_ids
from tagalign.methods.thresholds import Threshold


def choose_labels(threshold: Threshold, scores: Sequence[float], labels: LabelSet) -> tuple[int, ...]:
    """Ids of the labels that come out, best first.

    A label with negatives whose score is 0 lost to one (``label_rows.lost_labels``): no threshold lets it out, not even one
    that always lets the best of a group out. See ``obey_groups`` for the rest.
    """
    return obey(threshold.choose(scores, labels.names, group_ids(labels)), scores, labels)


def obey(chosen: Sequence[int], scores: Sequence[float], labels: LabelSet) -> tuple[int, ...]:
    """What is left of labels that a threshold or a model chose, in the same order."""
    return obey_groups([i for i in chosen if not lost(i, scores, labels)], labels)


def lost(label: int, scores: Sequence[float], labels: LabelSet) -> bool:
    """Whether a label lost the photo to one of its negatives."""
    return bool(labels.labels[label].negatives) and scores[label] == 0


def obey_groups(chosen: Sequence[int], labels: LabelSet) -> tuple[int, ...]:
    """At most one label of a group that says so; none of a group under one that has none.

    Args:
        chosen: ids, best first.
        labels: their set; its groups stand in no circle.
    """
    if not labels.groups:
        return tuple(chosen)
    kept = {i for i in chosen}
    for rule in labels.groups:
        if rule.one:
            members = [i for i in chosen if labels.labels[i].group == rule.name]
            kept -= set(members[1:])
    under = {rule.name: rule.under for rule in labels.groups if rule.under is not None}
    present = {labels.labels[i].group for i in kept}

    def asked(group: str | None) -> bool:
        above = under.get(group) if group is not None else None
        return above is None or (above in present and asked(above))

    return tuple(i for i in chosen if i in kept and asked(labels.labels[i].group))
