"""Whose pickles are opened without a question, and how the others are refused."""

from pathlib import Path
from typing import NoReturn

from tagalign.backbones.models import find_model
from tagalign.errors import ModelError


def may_open_pickle(repo: str | None, *, allow_pickle: bool) -> bool:
    """Whether a pickle is opened: of a repository of the table, or where the user said so.

    It is read without being run all the same; the question is asked because a reader of ours can have faults too.
    """
    return allow_pickle or (repo is not None and find_model(repo) is not None)


def refuse_pickle(name: str, path: Path, repo: str | None) -> NoReturn:
    """The refusal, which names the flag.

    Raises:
        ModelError: always.
    """
    whose = "is not in our table of published models" if repo else "lies in a folder"
    raise ModelError(
        f"{name}: has its weights as a pickle alone ({path.name}), and {whose}; if you trust where it comes from, open it "
        "with --allow-pickle (in Python: allow_pickle=True). It is read without being run, and kept as safetensors"
    )
