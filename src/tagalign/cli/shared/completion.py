"""``tagalign --print-completion SHELL``: the whole command line, verbs and flags, for a shell to complete."""

import contextlib
import importlib
import io
import typing
from collections.abc import Mapping
from typing import Annotated, Any

from tagalign.cli.shared.help import settings_kind
from tagalign.errors import UnknownNameError

SHELLS = ("bash", "zsh", "fish")


def completion(shell: str, verbs: Mapping[str, tuple[str, str]]) -> str:
    """A script that the shell reads, e.g. ``source <(tagalign --print-completion bash)``.

    Args:
        shell: one of ``SHELLS``.
        verbs: verb to module and one line of help.

    Raises:
        UnknownNameError: for another shell.
    """
    if shell not in SHELLS:
        raise UnknownNameError("shell", shell, SHELLS)
    import tyro  # late: the table of verbs does not need it

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        tyro.cli(_everything(verbs), prog="tagalign", args=["--tyro-print-completion", shell])
    return out.getvalue()


def _everything(verbs: Mapping[str, tuple[str, str]]) -> Any:
    """One type for all verbs, which tyro makes subcommands of."""
    from tyro.conf import subcommand

    kinds = []
    for verb, (module, text) in verbs.items():
        run = importlib.import_module(module).run
        kind = settings_kind(run)
        kinds.append(Annotated[kind, subcommand(name=verb, description=text)])
    return typing.Union[tuple(kinds)]  # noqa: UP007 - made of a list
