"""How the process keeps memory between two batches: as long as it answers, it will want the same again in a moment."""

import ctypes
import platform

KEPT_BYTES = 256 * 2**20
"""Freed memory at the end of a heap that stays the process's own; more goes back to the system."""
LARGEST_BLOCK_BYTES = 32 * 2**20
"""Blocks from here on are asked from the system one by one; glibc takes no higher bound."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> bool:
    """Lets glibc's malloc hold what a batch frees, for the next one, instead of handing it back to the system.

    As delivered it hands back whatever lies free at the end of a heap beyond twice the largest block it has seen. The
    activations of a batch of the tiny model are just above that: each request then took up to 580 pages anew from the
    kernel, 1.5 of its 13 milliseconds of processor. The process stays as large as its largest batch made it.

    Returns:
        Whether it was set; False for another C library, which has rules of its own.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    # either of them alone ends the automatic rule for both, and blocks of 128 kB would all come from the system
    kept = libc.mallopt(_MMAP_THRESHOLD, LARGEST_BLOCK_BYTES), libc.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
    return kept == (1, 1)
