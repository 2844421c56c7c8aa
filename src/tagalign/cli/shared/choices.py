"""What flags offer a choice of, as types: help pages, completion and refusals are made from them.

A table that can be imported for nothing is read here. The names of others stand here a second time, and a test compares them
with their tables: no settings module imports torch, because ``--help`` would take seconds.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import tyro

from tagalign.backbones.modes import DENSE_MODES
from tagalign.methods.refinements import refinement_names
from tagalign.methods.table import METHODS
from tagalign.ops.tag_losses import TAG_LOSSES


def _one_of(names: Iterable[str]) -> Any:
    return Literal[tuple(names)]


# read when a command line is, because methods, modes, refinements and losses can be registered
MethodName = Annotated[str | None, tyro.conf.arg(constructor_factory=lambda: _one_of(METHODS) | None)]
RefinementChoice = Annotated[
    str | None, tyro.conf.arg(constructor_factory=lambda: _one_of(refinement_names()) | None)
]
TagLossChoice = Annotated[str | None, tyro.conf.arg(constructor_factory=lambda: _one_of(TAG_LOSSES) | None)]
DenseMode = Annotated[str, tyro.conf.arg(constructor_factory=lambda: _one_of(DENSE_MODES))]

DeviceChoice = Literal["auto", "cpu", "cuda"]
EngineChoice = Literal["local", "ray"]
PrecisionChoice = Literal["auto", "fp32", "bf16"]
Profile = Literal["paper", "released", "fixed"]

Templates = Literal["1", "1-dot", "7", "15", "80", "85", "clip-es"]
BackgroundWords = Literal["none", "voc", "coco"]
TagKind = Literal["object", "attribute", "scene", "action"]
Wording = Literal["plain", "clean", "aliases", "both"]
"""``both`` is a wish of ``tagalign evaluate``: plain and aliases, one after the other."""
Protocol = Literal["plain", "groupvit-448", "sclip-336", "clip-es", "zegclip-512"]
Order = Literal["auto", "errors", "entropy", "margin", "disagreement"]
"""Of photos to look at; ``auto`` takes the first that the results have."""
Task = Literal[
    "segmentation", "tagging", "referring", "captions", "questions", "boxes", "retrieval", "caption-tags"
]
"""The kinds of benchmarks; ``retrieval`` is asked of benchmarks of captions, ``caption-tags`` of those of tags."""
