"""How a tar ends: ``tarfile`` takes a cut or damaged header, and the end of the first of two tars, for the end."""

import os
from typing import IO

_BLOCK = 512
_PIECE = 1 << 20


def bad_end(file: IO[bytes], offset: int) -> str | None:
    """Why something of a tar is lost; None where it ends as it should, with blocks of zeros.

    Args:
        file: the tar.
        offset: where ``tarfile`` stopped.
    """
    size = file.seek(0, os.SEEK_END)
    where = f"after {min(offset, size):,} of {size:,} bytes"
    file.seek(min(offset, size))
    block = file.read(_BLOCK)
    if len(block) < _BLOCK or block.strip(b"\0"):
        return f"the tar is cut or damaged {where}"
    for piece in iter(lambda: file.read(_PIECE), b""):
        if piece.strip(b"\0"):
            return (
                f"another tar begins behind the end of the first, {where} (join them with tar --concatenate)"
            )
    return None
