"""``tagalign export``: one word chooses what is written."""

from typing import Annotated, Any, Union

import tyro

from tagalign.cli.verbs.export.hub import Hub, send
from tagalign.cli.verbs.export.onnx import Onnx, write_onnx
from tagalign.cli.verbs.export.results import settings_of, write_results
from tagalign.export.formats import FORMATS


def kinds() -> Any:
    """One settings class per format, and those of models; made when a command line is read, as formats can be registered."""
    return Union[(*map(settings_of, FORMATS), Onnx, Hub)]


ExportSettings = Annotated[Any, tyro.conf.arg(constructor_factory=kinds)]


def run(settings: ExportSettings) -> int:
    """Write one format."""
    if isinstance(settings, Hub):
        return send(settings)
    if isinstance(settings, Onnx):
        return write_onnx(settings)
    return write_results(settings)
