"""RCS, the text-free half of ResCLIP: the last attention mixed with that of earlier blocks.

Its other half, semantic feedback, knows the labels; it goes through ``start`` and ``finish`` of ``modes.rcs.steps``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagalign.backbones.mode_profiles import ModeProfile, settle
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.errors import InputError
from tagalign.ops.option_values import FeedbackPath
from tagalign.option_fields import Verb, check_share, option

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream

Base = Literal["naclip", "clearclip", "sclip", "clip"]

FIRST, LAST = 5, 8  # of 12 blocks, counted from 0: the sixth to the ninth
# the release has a gain and weights of its own for every data set: those of most sets, or of VOC21, stand here
PROFILES = {
    "paper": {"gain": 1.0, "residual_weight": 0.5},
    "released": {"gain": 2.0, "residual_weight": 0.3},
    "fixed": {"gain": 2.0, "residual_weight": 0.3},
}
FEEDBACK = {
    "paper": {"feedback_path": "component", "feedback_gain": 1.0, "feedback_unsure": "first"},
    "released": {"feedback_path": "line", "feedback_gain": 1.8, "feedback_unsure": "first"},
    "fixed": {"feedback_path": "component", "feedback_gain": 1.8, "feedback_unsure": "apart"},
}
ALWAYS = {"feedback_weight": 0.7, "feedback_threshold": 0.1}
"""Of the feedback in every profile: 0.7 in the paper and for six of eight sets of the release, 0.1 for four of eight."""
_SEGMENT: tuple[Verb, ...] = ("segment",)


def residual_blocks(num_blocks: int) -> range:
    """Blocks that are mixed in: 5 to 8 of 12, the same shares of other depths, none later than the last but one."""
    first, last = (min(round(i * num_blocks / 12), max(num_blocks - 2, 0)) for i in (FIRST, LAST))
    return range(first, last + 1)


def check_above_zero(name: str, value: float | None) -> None:
    """Refuse what is no number above 0.

    Raises:
        InputError: naming the option.
    """
    if value is not None and not value > 0:
        raise InputError(f"{name}: expected a number above 0, got {value:g}")


@dataclass(frozen=True, kw_only=True)
class Rcs:
    """``gain ((1 - w) softmax(base) + w A) v``, A the mean softmax attention of the sixth to ninth block, per head.

    The attention output alone, except on the base ``sclip``, which keeps residual stream and feed-forward network.
    """

    profile: ModeProfile = option(
        "fixed", "the paper, its release, or the release mended: weights, windows, positions"
    )
    base: Base = option(
        "naclip",
        "last attention that is mixed: of keys near each other, of queries, of both, or the ordinary one",
        source="the release",
    )
    residual_weight: float | None = option(
        None,
        "w, the share of the earlier blocks, in [0, 1]",
        source="0.3 in the release for VOC21, Context60 and ADE20K (0.2 to 0.6 elsewhere), 0.5 in the paper",
    )
    gain: float | None = option(
        None,
        "of the mixed attention, above 0; felt beside the output bias alone",
        source="2 in the release, 1 in the paper",
    )
    feedback: bool = option(
        False,
        "a first label map tells a second pass of the last block which patches belong together: ResCLIP's other half. "
        "Every question then costs a pass and PAMR on all names",
        verbs=_SEGMENT,
    )
    feedback_path: FeedbackPath | None = option(
        None,
        "patches of one label that count as joined: on a line (its released test), in one component, or all (none)",
        source="line in profile released, else component",
        verbs=_SEGMENT,
    )
    feedback_weight: float | None = option(
        None, "of the feedback in the scores, in [0, 1]", source="0.7 in the paper", verbs=_SEGMENT
    )
    feedback_gain: float | None = option(
        None,
        "of the scores with feedback, above 0",
        source="1.8 in the release, 1 in the paper",
        verbs=_SEGMENT,
    )
    feedback_threshold: float | None = option(
        None,
        "a pixel of the first map is unsure below this probability, in [0, 1]",
        source="0.1 in the release for four sets (up to 0.5 for others)",
        verbs=_SEGMENT,
    )
    feedback_unsure: Literal["first", "apart"] | None = option(
        None,
        "what an unsure pixel counts as: the first name, or none of the names",
        source="first in the release, which calls them sky or aeroplane; apart in profile fixed",
        verbs=_SEGMENT,
    )

    def __post_init__(self) -> None:
        settle(self, PROFILES[self.profile])
        check_share("residual_weight", self.residual_weight)
        check_above_zero("gain", self.gain)
        if self.feedback:
            settle(self, FEEDBACK[self.profile] | ALWAYS)
        self._check_feedback()

    def _check_feedback(self) -> None:
        given = [name for name in (*FEEDBACK["paper"], *ALWAYS) if getattr(self, name) is not None]
        if given and not self.feedback:
            raise InputError(f"{given[0]} acts through the feedback, which is off; add feedback=True")
        for name in ALWAYS:
            check_share(name, getattr(self, name))
        check_above_zero("feedback_gain", self.feedback_gain)

    @property
    def rounds_feedback(self) -> bool:
        """Whether the feedback map is rounded to half precision, as the release does."""
        return self.profile == "released"

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        from tagalign.backbones.modes.rcs.steps import finish, start
        from tagalign.backbones.stream import class_row_of

        begun, last = start(stream)
        return finish(self, encoder, begun, grid, last=last), class_row_of(encoder, last)


DENSE_MODES.add(
    "rcs",
    ModeEntry(
        kind=Rcs,
        summary="last attention mixed with that of earlier blocks",
        source="ResCLIP, Yang et al., arXiv:2411.15851",
    ),
)
