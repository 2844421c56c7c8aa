"""Options of gated segmentation: the gate, those of its tagger, and those of its dense method."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from tagalign.errors import InputError
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.options import split_assignments
from tagalign.methods.refinements import REFINE
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.option_fields import option

SHARPNESS = 10.0
"""Dense methods give ``sigmoid(10 cos - 2.5)``; its odds to this power are CLIP's own ``exp(100 cos)``."""


@dataclass(frozen=True, kw_only=True)
class GatedOptions(TagClipOptions):
    """Everything that changes a gated answer; options of the dense method that the tagger has too begin with ``dense_``."""

    gate: Literal["hard", "soft"] = option(
        "hard", "hard cuts the label list to the tags, soft multiplies by their scores", verbs=("segment",)
    )
    segmenter: str | None = option(
        None,
        "the dense method; options of its own may follow a colon, rcs:feedback=true",
        source="the one the folder was trained for, else the default of segment",
        verbs=("segment",),
    )
    sharpness: float = option(
        SHARPNESS,
        "power of the dense odds in the soft gate; smaller lets the tags count more",
        verbs=("segment",),
    )
    dense_profile: Literal["paper", "released", "fixed"] | None = option(
        None, "named switches of the dense method", verbs=("segment",)
    )
    dense_short_side: int | None = option(
        None, "short side for the dense method in pixels", verbs=("segment",)
    )
    window: int | None = option(None, "side of the dense method's windows in pixels", verbs=("segment",))
    stride: int | None = option(
        None, "of the windows in pixels", source="half the window", verbs=("segment",)
    )
    stitch: bool = option(
        False,
        "windows of the dense method are joined before its last block",
        verbs=("segment",),
        given_by="--stitch",
    )
    refine: str = option("none", **REFINE)
    background_rule: bool = option(
        False, "background where no label is sure enough", verbs=("segment",), given_by="--background"
    )
    background_threshold: float | None = option(
        None,
        "background where the best probability is at most this, in [0, 1]; needs background_rule",
        verbs=("segment",),
        given_by="--threshold",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sharpness <= 0:
            raise InputError(f"sharpness: expected a number above 0, got {self.sharpness:g}")
        if self.gate == "soft" and self.refine != "none":
            raise InputError(
                f"refine {self.refine!r} acts on masks behind the hard gate; the soft one multiplies the maps before "
                "them. Take gate=hard, or leave refine out"
            )
        self.dense()  # refuses what the dense method would refuse

    def tagger(self) -> TagClipOptions:
        """The tagger's part."""
        return TagClipOptions(**{field.name: getattr(self, field.name) for field in fields(TagClipOptions)})

    def dense(self) -> DenseOptions:
        """The part of a dense method without a trained part."""
        shared = {field.name for field in fields(DenseOptions)}
        return DenseOptions(**{name: v for name, v in self._own_dense_values().items() if name in shared})

    @property
    def segmenter_name(self) -> str | None:
        """The dense method without its options."""
        return None if self.segmenter is None else self.segmenter.partition(":")[0]

    def dense_values(self) -> dict[str, Any]:
        """What was given for the dense method, by its own names; strings where they were typed after ``segmenter``.

        Raises:
            InputError: for one that was given here and after ``segmenter`` too.
        """
        typed = (self.segmenter or "").partition(":")[2]
        values = split_assignments(
            (part for part in typed.split(",") if part), f"segmenter {self.segmenter_name}:", "window=224"
        )
        own = self._own_dense_values()
        if twice := sorted((own.keys() - {"use_aliases"}) & values.keys()):  # which always has a value
            raise InputError(
                f"segmenter {self.segmenter!r}: {twice[0]} is given as an option of gated too; leave one out"
            )
        return own | values

    def _own_dense_values(self) -> dict[str, Any]:
        own = {
            "profile": self.dense_profile,
            "short_side": self.dense_short_side,
            "window": self.window,
            "stride": self.stride,
            "stitch": self.stitch or None,
            "use_aliases": self.use_aliases,
            "refine": None if self.refine == "none" else self.refine,
            "background_rule": self.background_rule or None,
            "background_threshold": self.background_threshold,
        }
        return {name: value for name, value in own.items() if value is not None}
