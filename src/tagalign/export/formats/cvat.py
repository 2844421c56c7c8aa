"""CVAT for images, as ``tagalign export cvat`` asks for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.export.format import RunResults, Written, check_area
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class Cvat:
    """See ``export.cvat``."""

    out: Path = option(Path("annotations.xml"), "The XML file.")
    form: Literal["masks", "polygons"] = option(
        "masks", "`masks` are exact; `polygons` are easier to correct by hand."
    )
    min_area: int = option(0, "Leave out smaller regions, in pixels.")

    def __post_init__(self) -> None:
        check_area(self.min_area)

    def write(self, results: RunResults) -> Written:
        """See ``Format``."""
        from tagalign.export.cvat import write_cvat

        names = results.names()
        return Written(
            write_cvat(self.out, results.images(), names, form=self.form, min_area=self.min_area), "image"
        )


FORMATS.add(
    "cvat",
    FormatEntry(
        kind=Cvat,
        summary="CVAT for images 1.1.",
        example="cvat masks/ --photos photos/ --out annotations.xml",
    ),
)
