"""Flags that every verb understands; they are read before its own."""

from collections.abc import Sequence

from tagalign.errors import InputError

CONFIG, THREADS = "--config", "--threads"

GENERAL_FLAGS = {
    f"{CONFIG} FILE": "A settings.json of an earlier run of this verb: values for all flags that are not given.",
    f"{THREADS} N": "Threads that compute together; by default the cores that this process may use, or OMP_NUM_THREADS.",
}
"""As typed, and what the help pages say."""


def take_flag(args: Sequence[str], flag: str, what: str = "a value") -> tuple[str | None, list[str]]:
    """The value of a flag, None where it is not given, and the arguments without it.

    Args:
        args: arguments.
        flag: ``--name``, typed as ``--name VALUE`` or ``--name=VALUE``.
        what: it needs, for the message.

    Raises:
        InputError: if the flag stands last.
    """
    for i, arg in enumerate(args):
        if arg == flag:
            if i + 1 == len(args):
                raise InputError(f"{flag} needs {what}")
            return args[i + 1], [*args[:i], *args[i + 2 :]]
        if arg.startswith(f"{flag}="):
            return arg.removeprefix(f"{flag}="), [*args[:i], *args[i + 1 :]]
    return None, list(args)


def take_threads(args: Sequence[str]) -> tuple[int | None, list[str]]:
    """The value of ``--threads`` and the other arguments.

    Raises:
        InputError: if it is no whole number of at least 1.
    """
    text, rest = take_flag(args, THREADS, "a number of threads")
    if text is None:
        return None, rest
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"{THREADS} must be a whole number of at least 1, got {text!r}")
    return int(text), rest
