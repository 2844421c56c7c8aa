"""How each packaged encoder was trained: phases, each a frozen set of named switches."""

from dataclasses import dataclass
from typing import Literal

PatchHead = Literal["mean", "found"]
"""What the second image head reads: the mean of the patches, or those that a text finds."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a training.

    Attributes:
        first: number of its first step.
        steps: number of the step to stop before.
        scenes: drawn beside those of one object; see `draw.py`.
        fresh: whether the optimiser starts anew (and warms up) instead of going on from the phase before.
        batch: pictures of a step, all processes together.
        lr: learning rate of AdamW.
        cooling: last steps, over which the learning rate falls in a straight line.
        keep: patches of 100 that a step sees.
        whole: last steps, which see all patches.
        patch_head: the second image head; None: the class token alone is trained, as CLIP was.
        head_weight: of its loss.
        mosaic: whether two pictures are glued together, each part with a text of its own.
        stay_whole: share of pictures that a mosaic leaves whole.
        near: weight of the share of attention that patches give to the class token and to far patches.
        workers: processes of one thread each; the data order depends on it.
        seed: of weights, batches and patches.
    """

    first: int = 0
    steps: int
    scenes: Literal["roomy", "dense"] = "dense"
    fresh: bool = False
    batch: int = 192
    lr: float = 1.2e-3
    cooling: int = 0
    keep: int = 40
    whole: int = 0
    patch_head: PatchHead | None = None
    head_weight: float = 0.5
    mosaic: bool = False
    stay_whole: float = 0.3
    near: float = 0.0
    workers: int = 2
    seed: int = 0


PLANS: dict[str, tuple[Phase, ...]] = {
    # Made local on purpose: mosaics, near attention, and a head that reads patches.
    "tiny": (
        Phase(steps=2000, scenes="roomy", fresh=True, patch_head="mean"),
        Phase(first=2000, steps=3800, fresh=True, cooling=1200, whole=300, patch_head="found"),
        Phase(first=3800, steps=4500, patch_head="found", head_weight=1.0, mosaic=True, workers=1),
        Phase(
            first=4500, steps=5500, cooling=600, patch_head="found", head_weight=1.0, mosaic=True, near=3.0,
            workers=1,
        ),
    ),
    # Captions and the class token alone.
    "tiny-plain": (
        Phase(steps=2500, scenes="roomy", fresh=True, keep=25),
        Phase(first=2500, steps=6000, cooling=1800, keep=25, whole=150),
    ),
}  # fmt: skip
"""Name of a packaged encoder to its phases."""
