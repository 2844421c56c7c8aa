"""Label Studio tasks and the setting of their project, as ``tagalign export label-studio`` asks for them."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.export.format import RunResults, Written
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class LabelStudio:
    """See ``export.label_studio``."""

    out: Path = option(
        Path("tasks.json"), "The tasks; the project's setting is written beside them as NAME.xml."
    )
    image_url: str = option(
        "", "Put before every file name; the names are percent-encoded, as addresses want it."
    )

    def write(self, results: RunResults) -> Written:
        """See ``Format``."""
        from tagalign.atomic import atomic_write, sweep
        from tagalign.export.label_studio import labelling_config, write_label_studio

        count = write_label_studio(self.out, results.images(), image_url=self.image_url)
        page = self.out.with_suffix(".xml")
        sweep(page.parent, [page.name])
        with atomic_write(page) as temp:
            temp.write_text(labelling_config(results.names()), encoding="utf-8")
        asked = "" if self.image_url else "; a server finds photos by --image-url"
        return Written(count, "task", f"the setting of their project is {page}{asked}")


FORMATS.add(
    "label-studio",
    FormatEntry(
        kind=LabelStudio,
        summary="Label Studio tasks with masks or tags as predictions, and the setting of their project.",
        example='label-studio masks/ --image-url "/data/local-files/?d=" --out tasks.json',
    ),
)
