"""Which blocks of an encoder, said so that it holds at any depth: by number, from the end, or by share of the depth."""

from collections.abc import Sequence
from dataclasses import dataclass

from tagalign.errors import InputError

FORMS = "block numbers such as 8,9,10 or -1, or a range such as -8:, 4:11 or 2/3:-1"


@dataclass(frozen=True)
class LayerRange:
    """Blocks of an encoder, in ascending order, each once.

    Commas join numbers and ranges. A number is a block counted from 0, or from the end where it is negative. A range
    ``START:END`` begins at START and ends before END, as a slice of Python; either may be left out, be a number, or be a
    share ``p/q`` of the depth L, which is block ``floor(p L / q)``: rounded down, so that a short encoder keeps a block
    more. A range with a share is never empty: where nothing lies between its ends it is the block before END, or block 0.

    >>> LayerRange("1/3:").at(12), LayerRange("2/3:-1").at(24)
    ((4, 5, 6, 7, 8, 9, 10, 11), (16, 17, 18, 19, 20, 21, 22))

    Attributes:
        text: as people type it.
    """

    text: str

    def __post_init__(self) -> None:
        self._read(12)  # refuses what no encoder could have; the depth is of no importance

    def __str__(self) -> str:
        return self.text

    def at(self, depth: int) -> tuple[int, ...]:
        """The blocks of an encoder of so many; a range that goes beyond its ends stops there.

        Raises:
            InputError: for a single number that the encoder does not have, or where no block is left.
        """
        blocks = self._read(depth)
        if wrong := sorted(i for i in blocks if not 0 <= i < depth):
            raise InputError(f"expected some of 0 to {depth - 1}, got {wrong} in {self.text!r}")
        if not blocks:
            raise InputError(f"expected some of 0 to {depth - 1}, {self.text!r} leaves none of them")
        return tuple(sorted(blocks))

    def _read(self, depth: int) -> set[int]:
        blocks: set[int] = set()
        for part in self.text.split(","):
            start, colon, end = part.partition(":")
            try:
                if colon:
                    blocks.update(_between(start, end, depth))
                else:
                    number = int(part)
                    blocks.add(number + depth if number < 0 else number)
            except (ValueError, ZeroDivisionError):
                raise InputError(f"layers: expected {FORMS}, got {self.text!r}") from None
        return blocks


def _between(start: str, end: str, depth: int) -> Sequence[int]:
    first, stop, _ = slice(_place(start, depth), _place(end, depth)).indices(depth)
    if first >= stop and ("/" in start or "/" in end):
        return [max(stop - 1, 0)]
    return range(first, stop)


def _place(text: str, depth: int) -> int | None:
    """One end of a range; None where it is left open."""
    if not text.strip():
        return None
    share, slash, whole = text.partition("/")
    # whole numbers all the way: 2 / 3 * 12 is 8.0 only by luck
    return int(share) * depth // int(whole) if slash else int(text)


def as_layers(value: "LayerRange | str | int | Sequence[int]") -> LayerRange:
    """Layers from what people give: text as in ``LayerRange``, one block, or several.

    >>> str(as_layers((8, 9, 10)))
    '8,9,10'

    Raises:
        InputError: if it is none of these.
    """
    if isinstance(value, LayerRange):
        return value
    if isinstance(value, str):
        return LayerRange(value.strip())
    numbers = [value] if isinstance(value, int) else value
    if isinstance(value, bool) or not isinstance(numbers, list | tuple | range):
        raise InputError(f"layers: expected {FORMS}, got {value!r}")
    if not numbers or any(isinstance(one, bool) or not isinstance(one, int) for one in numbers):
        raise InputError(f"layers: expected {FORMS}, got {value!r}")
    return LayerRange(",".join(map(str, numbers)))
