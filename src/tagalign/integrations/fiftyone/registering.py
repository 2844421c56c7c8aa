"""The models of the library by name in FiftyOne's zoo."""

import shutil
from pathlib import Path

from tagalign.errors import MissingExtraError

ZOO = Path(__file__).parent / "zoo"
"""A source of models as FiftyOne reads one: ``manifest.json``, and a module that downloads and loads."""


def register() -> Path:
    """Make ``tagalign`` and ``tagalign-tiny`` known to ``foz.load_zoo_model``; again after an update of the library.

    It copies two small files below ``fo.config.model_zoo_dir``. Where the project lies on a git host,
    ``foz.register_zoo_model_source(URL)`` does the same.

    Returns:
        The folder that was written.

    Raises:
        MissingExtraError: without FiftyOne.
    """
    try:
        import fiftyone as fo
    except ImportError as error:
        raise MissingExtraError("tagalign.integrations.fiftyone", "fiftyone", "fiftyone") from error
    folder = Path(fo.config.model_zoo_dir) / "tagalign"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("__init__.py", "manifest.json"):
        shutil.copyfile(ZOO / name, folder / name)
    return folder
