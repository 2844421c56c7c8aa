"""Values of flags that several verbs read: a shard, a text, a number."""

from collections.abc import Mapping

from tagalign.errors import InputError


def parse_shard(shard: str) -> tuple[int, int]:
    """``i/n`` with 0 <= i < n.

    Raises:
        InputError: for anything else.
    """
    index, _, count = shard.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise InputError(f"--shard must be i/n with 0 <= i < n, e.g. 0/4, got {shard!r}")
    return int(index), int(count)


def check_least(settings: object, least: Mapping[str, int | float]) -> None:
    """Refuse numbers that are too small, before anything heavy is imported; flags that were not given are no numbers.

    Args:
        settings: of a verb.
        least: the smallest value of each field.

    Raises:
        InputError: naming the flag and its value.
    """
    for name, smallest in least.items():
        value = getattr(settings, name)
        if value is not None and not value >= smallest:  # nan is at least nothing
            raise InputError(f"--{name.replace('_', '-')} must be at least {smallest:g}, got {value:g}")


def check_text(flag: str, text: str | None) -> None:
    """Refuse words that are no text: what a shell of another encoding passes on.

    Raises:
        InputError: naming the flag.
    """
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        shown = (text or "").encode("utf-8", "backslashreplace").decode()
        raise InputError(f"{flag} {shown!r}: expected UTF-8 text; give it in UTF-8, or in a file") from error
