"""What FiftyOne calls of a source of models; it runs as a copy below the zoo's folder, beside its ``manifest.json``."""

import json
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import InputError
from tagalign.json_text import json_text

MODELS = {"tagalign": "auto", "tagalign-tiny": "tiny"}
"""Names in the zoo, and what ``tagalign.load`` opens; any other is the parameter ``model`` of loading."""


def download_model(model_name: str, model_path: str) -> None:
    """Fetch the weights into the cache that all of tagalign shares, and note here which they are.

    Raises:
        InputError: for a name that is not in the manifest.
    """
    from tagalign.methods.load import load_method

    if model_name not in MODELS:
        raise InputError(f"unknown model {model_name!r}; the zoo of tagalign has {', '.join(MODELS)}")
    load_method(MODELS[model_name], device="cpu")
    with atomic_write(Path(model_path)) as temp:
        temp.write_text(json_text({"model": MODELS[model_name]}) + "\n", encoding="utf-8")


def load_model(model_name: str, model_path: str, **kwargs: Any) -> Any:
    """The model.

    Args:
        model_name: in the zoo.
        model_path: what ``download_model`` wrote.
        kwargs: fields of ``FiftyOneSettings``, as a person gave them to ``foz.load_zoo_model``.

    Raises:
        InputError: for a parameter that there is not, or a value that cannot be used.
    """
    from tagalign.integrations.fiftyone.model import FiftyOneSettings
    from tagalign.methods.options import option_names, unknown_option

    for name in kwargs.keys() - set(option_names(FiftyOneSettings)):
        raise unknown_option(name, option_names(FiftyOneSettings), f"zoo model {model_name!r}")
    noted = json.loads(Path(model_path).read_text(encoding="utf-8"))
    return FiftyOneSettings(**({"model": noted["model"]} | kwargs)).open()
