"""Named switches of TagCLIP: what the paper prints, what the release does, what we mend.

A profile ends here: the steps receive its fields as plain arguments and never ask for its name.
"""

from dataclasses import dataclass

from tagalign.errors import InputError
from tagalign.layer_range import LayerRange
from tagalign.registry import find_entry

VOTE_SHARE = 3
"""One in three layers must vote for a pair: 4 of 12, as released (Eq. 12 says "more than K" and no K)."""


@dataclass(frozen=True, kw_only=True)
class TagClipProfile:
    """How the steps of TagCLIP behave where paper and release differ.

    Attributes:
        name: of the profile; printed beside every number.
        templates: prompt set of labels that bring none.
        rounds_positions: resized position embeddings are rounded to half precision.
        boxes: a class counts inside the boxes of its components; else in single patches above its mean.
        loses_last: boxes never cover the last row and the last column of patches.
        stops_at_empty_box: a candidate whose box is empty ends the re-scoring of the whole image; else it alone keeps its
            local score.
        ranks_background: background words take part in the range that candidates are chosen from.
    """

    name: str
    templates: str
    rounds_positions: bool
    boxes: bool
    loses_last: bool
    stops_at_empty_box: bool
    ranks_background: bool


PROFILES: dict[str, TagClipProfile] = {
    # Eq. 12-14 per patch. Eq. 15 prints the coarse scores where Fig. 2, Table 4 and the text take the refined ones; Eq. 3
    # and 7 leave out what every transformer block has: read as meant
    "paper": TagClipProfile(
        name="paper",
        templates="80",
        rounds_positions=False,
        boxes=False,
        loses_last=False,
        stops_at_empty_box=False,
        ranks_background=False,
    ),
    # linyq2117/TagCLIP at c32b640
    "released": TagClipProfile(
        name="released",
        templates="85",
        rounds_positions=True,
        boxes=True,
        loses_last=True,
        stops_at_empty_box=True,
        ranks_background=True,
    ),
    "fixed": TagClipProfile(
        name="fixed",
        templates="80",
        rounds_positions=False,
        boxes=True,
        loses_last=False,
        stops_at_empty_box=False,
        ranks_background=False,
    ),
}


def tagclip_profile(name: str | TagClipProfile) -> TagClipProfile:
    """A profile by name; one with switches of its own is passed through.

    Raises:
        UnknownNameError: listing the known ones.
    """
    if isinstance(name, TagClipProfile):
        return name
    return find_entry("profile", name, PROFILES)


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """Which attention maps are used for what; layers count from 0.

    Attributes:
        refine: averaged for the refinement of scores.
        affinity: averaged for the affinity of class activation maps.
        min_votes: layers in which a pair must lie above the mean, to be trusted.
    """

    refine: tuple[int, ...]
    affinity: tuple[int, ...]
    min_votes: int


def layer_choice(
    num_layers: int, *, refine: LayerRange, affinity: LayerRange, min_votes: int | None = None
) -> LayerChoice:
    """The layers of one encoder that count.

    Args:
        num_layers: of the encoder, at least 1.
        refine: for the refinement of scores.
        affinity: for the affinity of class activation maps.
        min_votes: None: a third of the layers, at least 1.

    Raises:
        InputError: if a layer does not exist, none is left, or the votes cannot be reached.
    """
    chosen = LayerChoice(
        refine=_existing("refine", refine, num_layers),
        affinity=_existing("affinity", affinity, num_layers),
        min_votes=min_votes if min_votes is not None else max(1, round(num_layers / VOTE_SHARE)),
    )
    if not 0 <= chosen.min_votes <= num_layers:
        raise InputError(
            f"min_votes: expected 0 to {num_layers} (the number of layers), got {chosen.min_votes}"
        )
    return chosen


def _existing(name: str, layers: LayerRange, num_layers: int) -> tuple[int, ...]:
    try:
        return layers.at(num_layers)
    except InputError as error:
        raise InputError(f"{name} layers: {error}") from None
