"""Which of the asked labels count as seen in training."""

from collections.abc import Sequence

from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.tags.same_label import same_label


def seen_ids(
    labels: LabelSet,
    trained: Sequence[str],
    *,
    seen: Sequence[str] | None = None,
    unseen: Sequence[str] | None = None,
) -> tuple[int, ...]:
    """Ids of the labels that count as seen, ascending.

    Args:
        labels: what is asked.
        trained: names of the classes whose masks the model was trained on; a label that has one of them as its name or
            alias is seen, unless ``seen`` or ``unseen`` say otherwise.
        seen: names that count as seen; without ``unseen`` all others do not.
        unseen: names that do not; without ``seen`` all others do.

    Raises:
        InputError: if a given name is no label, stands in both lists, or both are given and leave a label out.
    """
    if seen is None and unseen is None:
        known = {same_label(name) for name in trained}
        return tuple(
            i
            for i, label in enumerate(labels.labels)
            if not known.isdisjoint(map(same_label, (label.name, *label.aliases)))
        )
    yes, no = _ids(labels, seen or (), "seen"), _ids(labels, unseen or (), "unseen")
    if both := yes & no:
        raise InputError(f"label {labels.names[min(both)]!r} is given as seen and as unseen")
    everything = set(range(len(labels)))
    if seen is not None and unseen is not None and (left := everything - yes - no):
        raise InputError(f"label {labels.names[min(left)]!r} is given neither as seen nor as unseen")
    return tuple(sorted(yes if seen is not None else everything - no))


def _ids(labels: LabelSet, names: Sequence[str], flag: str) -> set[int]:
    places = {same_label(name): i for i, name in enumerate(labels.names)}
    if wrong := [name for name in names if same_label(name) not in places]:
        raise InputError(f"{flag} name {wrong[0]!r} is none of the labels: {', '.join(labels.names)}")
    return {places[same_label(name)] for name in names}
