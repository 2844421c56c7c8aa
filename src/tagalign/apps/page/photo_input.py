"""A place to drop a photo, which leaves opening it to us, so that a broken file gets our words."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from tagalign.errors import TagalignError
from tagalign.tasks.photos.keys import printable

P = ParamSpec("P")
R = TypeVar("R")


def photo_input(**options: Any) -> gr.Image:
    """An image component that gives the path of the file as it came.

    Gradio would open the file itself and show its own error. A subclass with another ``preprocess`` is not drawn by
    its browser side (gradio 6.31), so the one of the instance is replaced.
    """
    photo = gr.Image(
        type="filepath", image_mode=None, sources=["upload", "clipboard"], buttons=["fullscreen"], **options
    )
    vars(photo)["preprocess"] = lambda payload: None if payload is None else payload.path
    return photo


def told(function: Callable[P, R]) -> Callable[P, R]:
    """Errors that a person can mend become a message on the page."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TagalignError as error:
            # a name that is no text cannot be sent to a browser
            raise gr.Error(printable(str(error)), print_exception=False, duration=None) from None

    return guarded
