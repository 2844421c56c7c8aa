"""Functions through ``torch.compile``: what is compiled is kept between runs; a machine that cannot hears it in one line."""

import importlib.util
import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import torch

from tagalign.cache_folder import default_cache_dir
from tagalign.errors import InputError

KEPT_IN = "TORCHINDUCTOR_CACHE_DIR"
"""Where PyTorch keeps what it compiled; what the user has set stays."""

P = ParamSpec("P")
T = TypeVar("T")


def compiled(function: Callable[P, T], device: torch.device) -> Callable[P, T]:
    """The function, compiled at its first call; later runs find the result in the user's cache folder.

    Answers differ from the plain function's by rounding: sums are taken in another order.

    Args:
        function: of tensors.
        device: that it runs on.

    Raises:
        InputError: where the device has no compiler.
    """
    prepare_compiler(device)
    return torch.compile(function)


def prepare_compiler(device: torch.device) -> None:
    """Say where compiled code is kept, and refuse what would fail in the middle of a run.

    Raises:
        InputError: naming what is missing and what to do.
    """
    if missing := missing_compiler(device):
        raise InputError(f"compiling needs {missing}; install it, or leave compile out")
    if _is_pytorchs_own(os.environ.get(KEPT_IN)):
        os.environ[KEPT_IN] = str(default_cache_dir() / "compiled")


def _is_pytorchs_own(folder: str | None) -> bool:
    """Nobody chose it: PyTorch writes its default into the environment at the first trace, of an export to ONNX too.

    That folder is temporary, so what was compiled would be gone after the next start of the machine.
    """
    if folder is None:
        return True
    path = Path(folder)
    return path.parent == Path(tempfile.gettempdir()) and path.name.startswith("torchinductor_")


def missing_compiler(device: torch.device) -> str:
    """What PyTorch would compile with and this machine lacks; empty where nothing is missing."""
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "Triton, which comes with PyTorch for CUDA on Linux"
    named = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(shlex.split(named)[0]) is None:  # CXX may name options too
        return f"a C++ compiler ({named!r} is not there; CXX names another)"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "the headers of Python (Python.h; on Debian the package python3-dev)"
    return ""
