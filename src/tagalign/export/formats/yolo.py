"""YOLO segmentation, as ``tagalign export yolo`` asks for it."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.export.format import RunResults, Written, check_area
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class Yolo:
    """See ``export.yolo``."""

    out: Path = option(Path("dataset"), "The folder of the data set.")
    min_area: int = option(0, "Leave out smaller regions, in pixels.")

    def __post_init__(self) -> None:
        check_area(self.min_area)

    def write(self, results: RunResults) -> Written:
        """See ``Format``."""
        from tagalign.export.yolo import write_yolo

        count = write_yolo(self.out, results.images(), min_area=self.min_area)
        return Written(count, "label file", f"put the photos into {self.out / 'images'}")


FORMATS.add(
    "yolo",
    FormatEntry(
        kind=Yolo,
        summary="YOLO segmentation: labels/NAME.txt and data.yaml; put the photos into images/ beside them.",
        example="yolo masks/ --photos photos/ --out dataset",
    ),
)
