"""Tags as a table, as ``tagalign export table`` asks for it."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.errors import InputError
from tagalign.export.format import RunResults, Written
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class TagFile:
    """See ``export.tables``."""

    out: Path = option(Path("tags.csv"), "A .csv or .parquet file.")

    def __post_init__(self) -> None:
        if self.out.suffix not in {".csv", ".parquet"}:
            raise InputError(f"--out must end in .csv or .parquet, got {self.out}")

    def write(self, results: RunResults) -> Written:
        """See ``Format``."""
        from tagalign.export.tables import write_tags_csv, write_tags_parquet

        if self.out.suffix == ".csv":
            return Written(write_tags_csv(self.out, results.images()), "line")
        return Written(write_tags_parquet(self.out, results.images()), "row")


FORMATS.add(
    "table",
    FormatEntry(
        kind=TagFile,
        summary="Tags as a table: CSV (one line per tag) or Parquet (one row per image), by the ending of --out.",
        example="table tags/ --out tags.csv",
    ),
)
