"""The options of a dense method in a mode: those of every dense method, then those of the mode."""

from dataclasses import Field, field, fields, make_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from tagalign.backbones.modes import DENSE_MODES
from tagalign.methods.dense.options import DenseOptions, ModeOptions

if TYPE_CHECKING:
    from tagalign.backbones.protocols import Mode


@cache
def options_in_mode(kind: "type[Mode]") -> type[ModeOptions]:
    """One options class for a mode; refuses what either part would refuse.

    Raises:
        ValueError: for an option of the mode that every dense method has too, under another meaning. ``profile`` is no
            such name: a mode with profiles of its own takes the place of TagAlign's, and canvas and score follow it.
    """
    own = _fields(kind)
    taken = {one.name for one in own} & {one.name for one in fields(ModeOptions)} - {"profile"}
    if taken:
        raise ValueError(
            f"{kind.__name__}: every dense method has an option {min(taken)!r}; give it another name"
        )
    if not own:
        return ModeOptions
    hints = get_type_hints(kind)

    def check_both(options: ModeOptions) -> None:
        ModeOptions.__post_init__(options)
        _build(kind, options)

    return make_dataclass(
        f"{kind.__name__}Options",
        [(f.name, hints[f.name], field(default=f.default, metadata=f.metadata)) for f in own],
        bases=(ModeOptions,),
        namespace={
            "__doc__": f"{ModeOptions.__doc__} In the mode {kind.__name__}.",
            "__post_init__": check_both,
        },
        frozen=True,
        kw_only=True,
    )


def options_of_mode(name: str) -> type[ModeOptions]:
    """The options class of a mode by name; that of every dense method where the encoder has a mode of its own."""
    return options_in_mode(DENSE_MODES[name].kind) if name in DENSE_MODES else ModeOptions


def settled_by(mode: "str | Mode", options: DenseOptions) -> dict[str, Any]:
    """Options of the mode with the values that its profile gave them, where the options are of that mode."""
    if isinstance(mode, str) or not isinstance(options, options_in_mode(type(mode))):
        return {}
    return {one.name: getattr(mode, one.name) for one in _fields(type(mode)) if one.name != "profile"}


def has_own_profile(name: str) -> bool:
    """Whether a mode has profiles of its own, after which canvas and score go too."""
    return name in DENSE_MODES and any(one.name == "profile" for one in _fields(DENSE_MODES[name].kind))


def _fields(kind: Any) -> tuple[Field[Any], ...]:
    return fields(kind)  # a Protocol cannot say that who fulfils it is a dataclass


def _build(kind: "type[Mode]", options: DenseOptions) -> "Mode":
    # options of a method that stands on a mode (TagAlign) have none of the mode's: its defaults are taken
    if not isinstance(options, options_in_mode(kind)):
        return kind()
    return kind(**{one.name: getattr(options, one.name) for one in _fields(kind)})


def mode_with(name: str, options: DenseOptions) -> "str | Mode":
    """A mode with its part of the options; the bare name where the encoder has a mode of its own (GroupViT's)."""
    return _build(DENSE_MODES[name].kind, options) if name in DENSE_MODES else name
