"""Reading a pickle that may hold lists, dicts, tuples, strings and numbers, and nothing that could run."""

import io
import pickle  # the reader below refuses every class and function
from pathlib import Path
from typing import Any

from tagalign.errors import DataError

MAX_BYTES = 500_000_000  # RefCOCO's files have under 20 MB


class _PlainUnpickler(pickle.Unpickler):
    """Builds built-in containers only: any global, and so any call, is refused before it happens."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}, which could run code")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside the file")


def read_plain_pickle(path: Path) -> Any:
    """The content of a pickle of plain values.

    Raises:
        DataError: if the file is missing, too large, damaged, or names a class or a function.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path}: {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
        # latin1: the official files were written by Python 2
        return _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing") from error
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything; nothing in it has run
        raise DataError(
            f"{path}: refused; expected a pickle of lists, dicts, strings and numbers ({error})"
        ) from error
