"""Refinements by name and options, as ``--refine`` and ``refine=`` give them: ``crf``, ``pamr:steps=3``.

Nothing here imports torch until a refinement is opened.
"""

from typing import TYPE_CHECKING, Any

from tagalign.errors import InputError
from tagalign.methods.options import build_options, name_and_options
from tagalign.ops.refine import REFINEMENTS

if TYPE_CHECKING:
    from tagalign.ops.refinement import Refinement

NONE = "none"


def refinement_names() -> tuple[str, ...]:
    """What ``refine`` takes."""
    return (NONE, *REFINEMENTS)


REFINE: dict[str, Any] = {
    "text": "label maps follow the colours of the photo",
    "verbs": ("segment",),
    "given_by": "--refine",
    "choices": refinement_names,
}
"""What ``option`` is told of it where label maps are refined."""


def open_refinement(text: str, *, without_names: str | None = None) -> "Refinement | None":
    """A refinement with its options.

    Args:
        text: ``none``, a name, or ``NAME:option=value,option=value``.
        without_names: the method that has no cosines of names; None where there are some.

    Returns:
        None for ``none``.

    Raises:
        InputError: for an unknown name or option, or one that the method cannot serve.
    """
    name, values = name_and_options(text)
    if name == NONE:
        return None
    entry = REFINEMENTS.find(name)
    if entry.needs_names and without_names is not None:
        raise InputError(
            f"refine {name!r} reads the cosine of every name with every pixel, which method {without_names!r} has not; "
            "take a dense method"
        )
    return build_options(entry.kind, values, owner=f"refine {name!r}")
