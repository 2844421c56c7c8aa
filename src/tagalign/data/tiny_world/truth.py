"""What is true of a layout: names, attributes and relations."""

from dataclasses import dataclass

from tagalign.data.tiny_world.scenes import Placed, SceneLayout

NEAR_SHARE = 0.12  # boxes that share this much of the smaller one: the later drawn stands in front


@dataclass(frozen=True)
class Tags:
    """All names that are true of a scene, sorted, without repetition.

    Attributes:
        objects: Kinds of objects.
        families: Their families.
        attributes: Colours, patterns (never `plain`) and sizes (never `medium`).
        scenes: The background.
        actions: What animals are doing.
        relations: Relation words that hold between two objects.
        pairs: (object, attribute).
    """

    objects: tuple[str, ...]
    families: tuple[str, ...]
    attributes: tuple[str, ...]
    scenes: tuple[str, ...]
    actions: tuple[str, ...]
    relations: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Objects, attributes, scenes, actions and relations in one tuple."""
        return self.objects + self.attributes + self.scenes + self.actions + self.relations


def attributes_of(one: Placed) -> tuple[str, ...]:
    """Return the attributes one would say: size, colour, pattern, without `medium` and `plain`."""
    said = (
        one.size if one.size != "medium" else "",
        one.color,
        one.pattern if one.pattern != "plain" else "",
    )
    return tuple(word for word in said if word)


def true_tags(layout: SceneLayout) -> Tags:
    """Return all names that are true of a layout."""
    pairs = {(one.name, word) for one in layout.placed for word in attributes_of(one)}
    return Tags(
        objects=tuple(sorted({one.name for one in layout.placed})),
        families=tuple(sorted({one.family for one in layout.placed})),
        attributes=tuple(sorted({word for _, word in pairs})),
        scenes=(layout.background,),
        actions=tuple(sorted({one.action for one in layout.placed if one.action})),
        relations=tuple(sorted({relation for _, relation, _ in relations(layout)})),
        pairs=tuple(sorted(pairs)),
    )


def relations(layout: SceneLayout) -> tuple[tuple[str, str, str], ...]:
    """Return (subject, relation, object) for all pairs whose kinds occur once in the scene."""
    names = [one.name for one in layout.placed]
    alone = [one for one in layout.placed if names.count(one.name) == 1]
    pairs = ((a, b) for a in alone for b in alone if a is not b)
    return tuple((a.name, relation, b.name) for a, b in pairs if (relation := relation_of(a, b, layout)))


def relation_of(a: Placed, b: Placed, layout: SceneLayout) -> str | None:
    """Return where `a` is as seen from `b`, or None if no word fits well.

    Overlapping objects are in front of or behind one another; others are left of, right of, above or below when
    their centres are further apart along one axis than 0.7 of their mean side and less along the other one.
    """
    if _shared(a, b) > NEAR_SHARE:
        return "in front of" if layout.placed.index(a) > layout.placed.index(b) else "behind"
    reach = 0.7 * (a.side + b.side) / 2
    dx = (a.left + a.side / 2) - (b.left + b.side / 2)
    dy = (a.top + a.side / 2) - (b.top + b.side / 2)
    if abs(dx) > reach > abs(dy):
        return "left of" if dx < 0 else "right of"
    if abs(dy) > reach > abs(dx):
        return "above" if dy < 0 else "below"
    return None


def _shared(a: Placed, b: Placed) -> float:
    width = min(a.left + a.side, b.left + b.side) - max(a.left, b.left)
    height = min(a.top + a.side, b.top + b.side) - max(a.top, b.top)
    return max(width, 0) * max(height, 0) / min(a.side, b.side) ** 2
