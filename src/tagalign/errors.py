"""What can go wrong, and who can mend it.

    TagalignError            anything the user can mend; the command line prints one line and exits with 2
    ├── InputError           a value, name or flag that cannot be used (also a ValueError)
    │   └── UnknownNameError a name that is not in a table; the message lists the known ones and the nearest
    ├── ImageError           a file that cannot be read as an image
    │   └── MissingImageError a file that is not there
    ├── DataError            a caption file, shard, mask or annotation that cannot be used
    ├── ModelError           a model folder or checkpoint that cannot be used
    │   ├── MissingPartError a method whose trained part is not there
    │   └── NotFiniteError   an encoder that yields NaN or infinity
    ├── ServerError          a remote server that answers wrongly or not at all
    └── MissingExtraError    an optional dependency is not installed (also an ImportError)

Any other exception is a fault of ours: the command line exits with 1.
"""

from collections.abc import Iterable, Sequence


def first_names(names: Sequence[str], most: int) -> str:
    """The first names of a list and the number of the others, for messages: ``a, b and 3 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


class TagalignError(Exception):
    """Base of all errors that the user can mend."""


class InputError(TagalignError, ValueError):
    """A value, name or flag that cannot be used."""


class UnknownNameError(InputError):
    """A name that is not in a table of ours."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        import difflib  # late: every command imports this module, few have a name to guess

        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        super().__init__(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}")


class ImageError(TagalignError):
    """A file that cannot be read as an image.

    Attributes:
        reason: what counters of left-out images call it.
    """

    reason = "image damaged"


class MissingImageError(ImageError):
    """An image file that is not there."""

    reason = "image missing"


class DataError(TagalignError):
    """A caption file, shard, mask or annotation that cannot be used."""


class ModelError(TagalignError):
    """A model folder or checkpoint that cannot be used."""


class MissingPartError(ModelError):
    """A method whose trained part is not there."""


class NotFiniteError(ModelError):
    """An encoder or a head that yields NaN or infinity.

    Attributes:
        by_weights: whether its weights are broken, so that no other input will do better.
    """

    def __init__(self, message: str, *, by_weights: bool = False) -> None:
        super().__init__(message)
        self.by_weights = by_weights


class ServerError(TagalignError):
    """A remote server that answers wrongly or not at all."""


class MissingExtraError(TagalignError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, purpose: str, package: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'tagalign[{extra}]'")
