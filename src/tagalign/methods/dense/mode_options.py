"""The options of a dense method in a mode: those of every dense method, then those of the mode."""

from dataclasses import Field, field, fields, make_dataclass
from functools import cache
from typing import Any, get_type_hints

from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import Mode
from tagalign.methods.dense.options import DenseOptions


@cache
def options_in_mode(kind: type[Mode]) -> type[DenseOptions]:
    """One options class for a mode; refuses what either part would refuse.

    Raises:
        ValueError: for an option of the mode that every dense method has too, under another meaning: ``profile`` is about
            canvas and score, so that a mode calls its own ``mode_profile``.
    """
    own = _fields(kind)
    taken = {one.name for one in own} & {one.name for one in fields(DenseOptions)}
    if taken:
        raise ValueError(
            f"{kind.__name__}: every dense method has an option {min(taken)!r}; give it another name"
        )
    if not own:
        return DenseOptions
    hints = get_type_hints(kind)

    def check_both(options: DenseOptions) -> None:
        DenseOptions.__post_init__(options)
        _build(kind, options)

    return make_dataclass(
        f"{kind.__name__}Options",
        [(f.name, hints[f.name], field(default=f.default, metadata=f.metadata)) for f in own],
        bases=(DenseOptions,),
        namespace={
            "__doc__": f"{DenseOptions.__doc__} In the mode {kind.__name__}.",
            "__post_init__": check_both,
        },
        frozen=True,
        kw_only=True,
    )


def _fields(kind: Any) -> tuple[Field[Any], ...]:
    return fields(kind)  # a Protocol cannot say that who fulfils it is a dataclass


def _build(kind: type[Mode], options: DenseOptions) -> Mode:
    # options of a method that stands on a mode (TagAlign) have none of the mode's: its defaults are taken
    values = {one.name: getattr(options, one.name) for one in _fields(kind) if one.name in vars(options)}
    return kind(**values)


def mode_with(name: str, options: DenseOptions) -> str | Mode:
    """A mode with its part of the options; the bare name where the encoder has a mode of its own (GroupViT's)."""
    return _build(DENSE_MODES[name].kind, options) if name in DENSE_MODES else name
