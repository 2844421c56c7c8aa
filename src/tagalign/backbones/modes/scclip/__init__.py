"""SC-CLIP: outliers repaired, patches averaged over their like, and an attention made of likeness."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagalign.backbones.mode_profiles import ModeProfile, known, settle
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.option_fields import option

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream

OutlierRule = Literal["textbook", "released", "norm"]


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Which blocks are read, counted from 0, and the weight of the class row.

    Attributes:
        mid: its output says which patches are alike at first.
        late: its output says which are alike at the end.
        multi: the outputs summed for the second pass.
        class_weight: of the class row, added to every patch.
    """

    mid: int
    late: int
    multi: tuple[int, int]
    class_weight: float


AT_12 = Layers(mid=8, late=3, multi=(3, 9), class_weight=0.3)  # the release
AT_24 = Layers(mid=16, late=6, multi=(8, 18), class_weight=0.1)  # the author, issue 5 of the repository


def layers_of(num_blocks: int) -> Layers:
    """As published for 12 and 24 blocks; other depths take the same shares of 12. None is later than the last but one."""
    if num_blocks == 24:
        return AT_24
    last = max(num_blocks - 2, 0)
    mid, late, first, final = (
        min(round(i * num_blocks / 12), last) for i in (AT_12.mid, AT_12.late, *AT_12.multi)
    )
    return Layers(mid=mid, late=late, multi=(first, final), class_weight=AT_12.class_weight)


@dataclass(frozen=True, kw_only=True)
class ScClip:
    """Self-calibrated patches; without text, one image encoded once.

    A family without a class row has none to add, one block alone serves as all of them, and where fewer than 31 patches
    are there the outliers are sought among all others (the release stops).
    """

    profile: ModeProfile = option(
        "fixed", "the paper, its release, or the release mended: outliers, windows, positions"
    )
    outliers: OutlierRule | None = option(
        None,
        "what is repaired: patches with a high local outlier factor (textbook), with the release's short form of it "
        "(released), or the ten of largest norm (norm)",
        source="released in profile released, else textbook",
    )

    def __post_init__(self) -> None:
        settle(self, {"outliers": "released" if self.profile == "released" else "textbook"})

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``. The rows before the patches are the ordinary class row."""
        from tagalign.backbones.modes.scclip.steps import calibrated

        layers = layers_of(stream.num_blocks)
        return calibrated(stream, layers, known(self.outliers), grid, prefix=encoder.num_prefix)


DENSE_MODES.add(
    "scclip",
    ModeEntry(
        kind=ScClip,
        summary="outlier patches repaired, patches averaged over their like",
        source="Bai et al., arXiv:2411.15869",
    ),
)
