"""``tagalign export FORMAT``: masks and tags of a run, in any format of ``export.formats``."""

import dataclasses
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.output import counted
from tagalign.export.formats import FORMATS

if TYPE_CHECKING:
    from tagalign.export import records


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResultFlags:
    """Flags about the results."""

    results: Annotated[Path, tyro.conf.Positional]
    """Folder that `tagalign segment` or `tagalign tag` wrote."""
    photos: Path | None = None
    """Folder of the photos; file names become relative to it."""

    format_name: typing.ClassVar[str]

    def images(self) -> Iterator["records.Annotated"]:
        """What the folder holds."""
        from tagalign.export.results import read_results

        return progress(read_results(self.results, photos=self.photos), "exporting")

    def names(self) -> tuple[str, ...]:
        """Labels of the run."""
        from tagalign.tasks.photos.result_labels import result_names

        return result_names(self.results)

    def photo_folder(self) -> Path | None:
        """What the names of the images are relative to; None where it is not on this machine."""
        from tagalign.export.photos import run_root

        root = run_root(self.results)
        here = self.photos or (Path(root) if root else None)
        return here if here is not None and here.is_dir() else None


def settings_of(name: str) -> type[ResultFlags]:
    """The settings class of a format: what it declares, then what all share."""
    entry = FORMATS[name]
    hints = typing.get_type_hints(entry.kind)
    fields = [
        (
            field.name,
            hints[field.name],
            dataclasses.field(default=field.default, metadata=dict(field.metadata)),
        )
        for field in dataclasses.fields(entry.kind)  # type: ignore[arg-type]
    ]
    made: Any = dataclasses.make_dataclass(
        "".join(part.capitalize() for part in name.split("-")),
        fields,
        bases=(ResultFlags,),
        namespace={
            "__doc__": f"{entry.summary}\n\nExample: tagalign export {entry.example}",
            "format_name": name,
        },
        frozen=True,
        kw_only=True,
    )
    return typing.cast("type[ResultFlags]", made)


def write_results(settings: ResultFlags) -> int:
    """Write one format, and say how much that was."""
    from tagalign.export.format import RunResults

    settings.names()  # what is no folder of results is said before torch is imported
    kind: Any = FORMATS[settings.format_name].kind
    chosen = {field.name: getattr(settings, field.name) for field in dataclasses.fields(kind)}
    written = kind(**chosen).write(
        RunResults(images=settings.images, names=settings.names, photos=settings.photo_folder)
    )
    then = f"; {written.then}" if written.then else ""
    print(f"{counted(written.count, written.what)} written to {chosen['out']}{then}", file=sys.stderr)
    return 0
