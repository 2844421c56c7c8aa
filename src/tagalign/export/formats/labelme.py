"""labelme and X-AnyLabeling, as ``tagalign export labelme`` asks for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.export.format import RunResults, Written, check_area
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class Labelme:
    """See ``export.labelme``."""

    out: Path = option(Path("labelme"), "The folder of the files; that of the photos does as well.")
    form: Literal["polygons", "masks"] = option(
        "polygons", "`polygons` are read by both tools; `masks` are exact, and read by labelme alone."
    )
    min_area: int = option(0, "Leave out smaller regions, in pixels.")

    def __post_init__(self) -> None:
        check_area(self.min_area)

    def write(self, results: RunResults) -> Written:
        """See ``Format``."""
        from tagalign.export.labelme import write_labelme

        photos = results.photos()
        count = write_labelme(
            self.out, results.images(), form=self.form, min_area=self.min_area, photos=photos
        )
        return Written(count, "file", f"to see them: labelme {photos or 'PHOTOS'} --output {self.out}")


FORMATS.add(
    "labelme",
    FormatEntry(
        kind=Labelme,
        summary="labelme and X-AnyLabeling: NAME.json for every photo.",
        example="labelme masks/ --photos photos/ --out photos/",
    ),
)
