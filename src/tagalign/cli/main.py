"""``tagalign VERB ...``: a table of verbs, flags made from one dataclass per verb, and the exit codes.

0 done; 2 the user can mend it (one line, no traceback); 1 a fault of ours; 130 stopped by Ctrl-C.
Only the verb's own module is imported, so ``--help`` stays fast.
"""

import importlib
import io
import json
import os
import re
import sys
import typing
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tagalign.cli.shared.ctrl_c import heard_enough, heard_everywhere
from tagalign.cli.shared.general_flags import CONFIG, take_flag, take_threads
from tagalign.cli.shared.streams import NOBODY_READS, leave_stdout, open_streams
from tagalign.cli.verbs.table import VERBS
from tagalign.cli.verbs.train.trainers import training_module
from tagalign.cores import settle_threads
from tagalign.errors import InputError, TagalignError, UnknownNameError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def program() -> int:
    """The command ``tagalign``: `main`, after which the process only closes; Ctrl-C there would print a traceback."""
    try:
        return main()
    finally:
        heard_enough()


def main(argv: list[str] | None = None) -> int:
    """Run a verb and return the exit code."""
    open_streams()
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0
    if args[0] in {"-V", "--version"}:
        from tagalign import __version__

        print(f"tagalign {__version__}")
        return 0
    if args[0] == "--print-completion":
        return _guarded(args[0], args[1:])
    # the tokenizer's warning about forks would end up in the user's terminal
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # "Loading weights" in every log
    return _guarded(args[0], args[1:])


def _guarded(verb: str, args: list[str]) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a label that the stream cannot hold is written as an escape and ends no run
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with heard_everywhere():
            return _answered(verb, args)
    except KeyboardInterrupt:
        heard_enough()
        print(f"tagalign {verb}: stopped; files that are there are whole", file=sys.stderr)
        return 130


def _answered(verb: str, args: list[str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _one_line_warning
            code = _run(verb, args)
            sys.stdout.flush()  # or what is left there fails where nobody can say it
            return code
    except TagalignError as error:
        print(f"tagalign {verb}: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has seen enough; what was begun is not done
        leave_stdout()
        print(
            f"tagalign {verb}: stopped, nobody reads the output; files that are there are whole",
            file=sys.stderr,
        )
        return NOBODY_READS
    except UnicodeEncodeError as error:
        if (names := sys.getfilesystemencoding()) == "utf-8":
            raise  # every name can be written: a fault of ours
        letters = ascii(error.object[error.start : error.end])
        print(
            f"tagalign {verb}: names of files are {names} here, without {letters}; set PYTHONUTF8=1",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise  # nothing the system said: a fault of ours, with its traceback
        where = error.filename or "the system"
        print(f"tagalign {verb}: {_one_line(f'{where}: {error.strerror or error}')}", file=sys.stderr)
        return 2


def _one_line(text: str) -> str:
    """Without marks that the name of a file or a value in it may hold: they would break the line or paint the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", " ".join(text.splitlines()))


def _run(verb: str, args: list[str]) -> int:
    if verb == "--print-completion":
        from tagalign.cli.shared.completion import completion

        print(completion(args[0] if args else "", VERBS))
        return 0
    if verb not in VERBS:
        raise UnknownNameError("verb", verb, VERBS)
    threads, args = take_threads(args)
    settle_threads(threads)  # before a verb's module loads torch
    name = VERBS[verb][0]
    if verb == "train":  # each method has flags of its own, so the method is read before the flags
        name, args = training_module(args)
    from tagalign.cli.shared.help import settings_kind

    module = importlib.import_module(name)
    run: Callable[[Any], int] = module.run
    kind = settings_kind(run)
    if (asked := help_asked(kind, args, verb=verb)) is not None:
        print(asked)
        return 0
    from tagalign.backbones.hub.once import asked_once  # late: the list of verbs does not need it

    with asked_once():  # flags and loader both ask what a model is
        return run(parse_settings(kind, args, verb=verb))


def help_asked(kind: Any, args: list[str], *, verb: str) -> str | None:
    """The help page that the arguments ask for; None where they ask for none."""
    from tagalign.cli.shared.help import page, subcommands

    if not {"-h", "--help"} & set(args):
        return None
    members = subcommands(kind)
    if members and args[0] in members:
        return page(members[args[0]], f"{verb} {args[0]}")
    return page(kind, verb)


def parse_settings(kind: Any, args: list[str], *, verb: str) -> Any:
    """Flags to a settings dataclass; ``--config FILE`` gives the values that no flag sets.

    Raises:
        InputError: for a value that the dataclass refuses, or a config file that does not fit.
    """
    import tyro  # late: the table of verbs does not need it

    from tagalign.cli.shared.help import subcommands
    from tagalign.cli.shared.refusals import one_line_refusals

    config, args = take_flag(args, CONFIG, "a file: a settings.json that a run of this verb wrote")
    members = subcommands(kind)
    if members and args and not args[0].startswith("-") and args[0] not in members:
        raise UnknownNameError(f"kind of {verb}", args[0], members)
    options = {}
    if config is not None:
        # of several kinds the word says which one the file is about
        chosen = members.get(args[0]) if members and args else kind
        if chosen is None or (members and chosen is kind):
            raise InputError(f"--config {config}: say the kind of {verb} first: {', '.join(members)}")
        options = {"default": _from_config(chosen, Path(config))}
    try:
        with one_line_refusals(members.values() or (kind,)):
            return tyro.cli(kind, args=args, prog=f"tagalign {verb}", **options)
    except ValueError as error:
        if isinstance(error, TagalignError):
            raise
        raise InputError(str(error)) from error


def _from_config(kind: Any, path: Path) -> Any:
    import dataclasses  # late: the table of verbs does not need it

    from tagalign.cli.shared.help import choices_of
    from tagalign.cli.shared.renamed import former_names

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"--config {path}: no such file") from error
    except (ValueError, OSError) as error:
        raise InputError(f"--config {path}: expected a JSON file, got something else ({error})") from error
    values = values.get("settings", values) if isinstance(values, dict) else None
    if not isinstance(values, dict):
        raise InputError(f"--config {path}: expected an object with the fields of the verb")
    renamed = former_names(kind)
    values = {renamed.get(name, name): value for name, value in values.items()}
    fields = {field.name for field in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    offered = {
        name: choices_of(hint) for name, hint in typing.get_type_hints(kind, include_extras=True).items()
    }
    try:
        return kind(
            **{
                name: _restored(name, value, hints[name], offered[name])
                for name, value in values.items()
                if name in fields
            }
        )
    except TypeError as error:
        raise InputError(f"--config {path}: {error}") from error


def _restored(name: str, value: Any, hint: Any, choices: list[str]) -> Any:
    """JSON has neither paths nor tuples; and a choice was not checked by anyone yet."""
    if choices and isinstance(value, str) and value not in choices:
        raise UnknownNameError(name.replace("_", " "), value, choices)
    kinds = typing.get_args(hint) or (hint,)
    if isinstance(value, str) and Path in kinds:
        return Path(value)
    if isinstance(value, list):
        inner = Path if Path in kinds else str
        return tuple(inner(v) if isinstance(v, str) else v for v in value)
    return value


def _one_line_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _overview() -> str:
    width = max(map(len, VERBS))
    rows = "\n".join(f"  {verb:<{width}}  {text}" for verb, (_, text) in VERBS.items())
    return f"""usage: tagalign VERB [flags]      (tagalign VERB --help shows its flags)

Tags, masks, referring masks, captions and search from image-caption pairs, open-vocabulary.

{rows}

shell completion: tagalign --print-completion bash|zsh|fish
example: tagalign segment photo.jpg --labels "dog,grass,sky" --model openai/clip-vit-base-patch16 --out masks
"""


if __name__ == "__main__":
    sys.exit(program())
