"""Options of the dense methods: CLIP's modes, GroupViT, and TagAlign on top of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.errors import InputError
from tagalign.methods.refinements import REFINE
from tagalign.methods.tagger_options import ALIASES, LOOK, THRESHOLD
from tagalign.methods.thresholds import Threshold
from tagalign.option_fields import check_count, check_share, option

ProfileName = Literal["paper", "released", "fixed"]

_SIGMOID = "TagAlign, arXiv:2312.14149, Eq. 7 and supplement"


@dataclass(frozen=True, kw_only=True)
class DenseOptions:
    """Everything that changes an answer of a dense method."""

    profile: ProfileName = option("paper", "named switches: windows, order of sigmoid and upsampling, prompt")
    short_side: int | None = option(
        None,
        "short side of the model's input in pixels",
        source="448 for encoders of 224 pixels, as the papers",
    )
    window: int | None = option(
        None,
        "side of the sliding windows in pixels",
        source="the profile: none, or the canvas's or the encoder's side",
    )
    stride: int | None = option(None, "of the windows in pixels; needs windows", source="half the window")
    use_aliases: bool = option(True, ALIASES, verbs=("tag", "segment"))
    threshold: Threshold = option(
        Threshold(kind="relative", value=0.5),
        source="TagCLIP, arXiv:2312.12828, implementation details",
        verbs=("tag",),
        **THRESHOLD,
    )
    look: Path | None = option(None, verbs=("tag", "search"), **LOOK)
    refine: str = option("none", **REFINE)
    background_rule: bool = option(
        False,
        "background where no label is sure enough, or where a background word fits better",
        verbs=("segment",),
        given_by="--background",
    )
    background_threshold: float | None = option(
        None,
        "background where the best probability is at most this, in [0, 1]; needs background_rule",
        source="TagAlign's release: 0.4; the paper names no number",
        verbs=("segment",),
        given_by="--threshold",
    )
    sigmoid_scale: float = option(
        10.0, "w of probability = sigmoid(w cosine + b), above 0", source=_SIGMOID, verbs=("segment", "refer")
    )
    sigmoid_bias: float = option(-2.5, "b of the same", source=_SIGMOID, verbs=("segment", "refer"))
    phrase_threshold: float = option(
        0.6,
        "the region of a phrase is where its map, scaled to [0, 1], is above this",
        source="validation scenes of the tiny world; no protocol was released",
        verbs=("refer",),
        given_by="--threshold",
    )
    phrase_templates: tuple[str, ...] = option(
        ("a photo of {}",),
        "prompts of a phrase; their embeddings are averaged",
        verbs=("refer",),
        given_by="--templates",
    )
    neutral: str = option(
        "a thing", "what a phrase must fit better than", source="ours: docs/LOG.md", verbs=("refer",)
    )

    def __post_init__(self) -> None:
        for name in ("short_side", "window", "stride"):
            check_count(name, getattr(self, name))
        check_share("background_threshold", self.background_threshold)
        check_share("phrase_threshold", self.phrase_threshold)
        if self.background_threshold is not None and not self.background_rule:
            raise InputError(
                f"background_threshold {self.background_threshold:g} acts through the background rule, which is off; "
                "add background_rule=True (--background)"
            )
        if self.sigmoid_scale <= 0:
            raise InputError(f"sigmoid_scale: expected a number above 0, got {self.sigmoid_scale:g}")
        if not self.phrase_templates or any("{}" not in one for one in self.phrase_templates):
            raise InputError(
                f"phrase_templates: each needs a {{}} to put the phrase into, got {list(self.phrase_templates)}"
            )


@dataclass(frozen=True, kw_only=True)
class ModeOptions(DenseOptions):
    """Options of a dense method over a transformer of ours: how its windows and its positions reach the blocks."""

    stitch: bool = option(
        False,
        "windows are joined before the last block, which then sees the whole image; without a window those of the "
        "encoder's native size, every half of it, on at least 1.5 times that",
        source="OV-Stitcher published no code: our reading",
        given_by="--stitch",
    )
    positions: Literal["own", "offset"] | None = option(
        None,
        "how position embeddings are resized: the encoder's own way, or with DINO's offset as CLIP copies do",
        source="offset in profile released of scclip, pearl and rcs, else own",
    )


@dataclass(frozen=True, kw_only=True)
class TagAlignOptions(ModeOptions):
    """Options of a trained projector: those of the dense methods, and how much of the frozen map is mixed in."""

    profile: ProfileName | None = option(None, "named switches", source="the one it was trained with")  # type: ignore[assignment]
    mode: str | None = option(
        None, "dense mode whose patches the projector reads", source="the one it was trained on"
    )
    clip_weight: float | None = option(
        None,
        "weight of the frozen head's map beside the trained one, in [0, 1]",
        source="0.3 in the release, 0 in the paper",
        verbs=("segment", "refer"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("clip_weight", self.clip_weight)
