"""PEARL's text-aware propagation as a refinement, on top of any mode that has cosines of names."""

from dataclasses import dataclass, replace
from typing import Literal

from tagalign.errors import InputError
from tagalign.ops.propagation import GRID, RULES, propagate, text_relation
from tagalign.ops.refine import REFINEMENTS, RefinementEntry
from tagalign.ops.refinement import LabelMaps, RefinementInput
from tagalign.option_fields import check_count, option


@dataclass(frozen=True, kw_only=True)
class Tlp:
    """``propagate`` on the cosines of every name, aliases each by itself; the best name of each label counts afterwards.

    Profile ``fixed`` works at the working size, the two others at the size of the photo, as published.
    """

    profile: Literal["paper", "released", "fixed"] = option(
        "fixed",
        "released: names by themselves, 25 steps towards the solution; fixed: all pairs of names, the solution; paper: "
        "also edges that do not end at 1, and trust without the scale of 40",
        source="ours: see docs/methods/dense.md",
    )
    grid: int = option(
        GRID, "cells a side that are solved", source="PEARL; 224 for ADE20K and Cityscapes in its release"
    )

    def __post_init__(self) -> None:
        check_count("grid", self.grid)

    def __call__(self, scene: RefinementInput) -> LabelMaps:
        """See ``Refinement``."""
        if scene.names is None:
            raise InputError("refine 'tlp' reads the cosine of every name, which this method has not")
        size = scene.work_size if self.profile == "fixed" else scene.size
        maps = scene.names.cosines(size)
        rule = replace(RULES[self.profile], grid=self.grid)
        picture = scene.names.picture(size).to(maps)
        return scene.names.label_maps(propagate(maps, picture, text_relation(scene.names.text), rule))


REFINEMENTS.add(
    "tlp",
    RefinementEntry(
        kind=Tlp,
        summary="cosines flow along the edges of the photo and between names that are alike",
        source="PEARL, arXiv:2603.21528, text-aware Laplacian propagation",
        needs_names=True,
    ),
)
