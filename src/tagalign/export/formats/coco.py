"""COCO annotations, as ``tagalign export coco`` asks for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.export.format import RunResults, Written, check_area
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class Coco:
    """See ``export.coco``."""

    out: Path = option(Path("annotations.json"), "The JSON file.")
    form: Literal["rle", "polygons"] = option(
        "rle", "`rle` is exact; `polygons` stay within 2 % of the area."
    )
    stuff: bool = option(
        False, "One annotation per label and image, as COCO-Stuff has them; else one per connected part."
    )
    min_area: int = option(0, "Leave out smaller regions, in pixels.")

    def __post_init__(self) -> None:
        check_area(self.min_area)

    def write(self, results: RunResults) -> Written:
        """See ``Format``."""
        from tagalign.export.coco import write_coco

        count = write_coco(
            self.out, results.images(), form=self.form, split=not self.stuff, min_area=self.min_area
        )
        return Written(count, "annotation")


FORMATS.add(
    "coco",
    FormatEntry(
        kind=Coco,
        summary="COCO annotations that pycocotools reads.",
        example="coco masks/ --photos photos/ --out annotations.json",
    ),
)
