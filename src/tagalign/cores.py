"""How many cores a process may use, how its threads wait, how processes that read begin and end: decided once."""

import atexit
import math
import os
import sys
from pathlib import Path
from typing import Literal

from tagalign.errors import InputError

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")

ProcessStart = Literal["fork", "spawn"]

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""What GNU's, LLVM's and Intel's OpenMP call waiting without spinning."""


def settle_threads(asked: int | None = None) -> None:
    """Settle how many threads compute and how they wait; to be called before torch is loaded.

    The threads of an operation meet at its end. As delivered, one that is early spins, which costs nothing where every
    thread has a core of its own; beside other work the one it waits for is the one that has no core, and both lose.
    A value that the user has set in the environment stays; ``asked`` goes before ``OMP_NUM_THREADS``.

    Args:
        asked: threads, at least 1; None for ``OMP_NUM_THREADS``, without that for `usable_cores`.

    Raises:
        InputError: for fewer than 1.
    """
    if asked is not None and asked < 1:
        raise InputError(f"--threads must be at least 1, got {asked}")
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)
    if asked is not None:
        os.environ["MKL_DYNAMIC"] = "FALSE"  # else MKL, and torch after it, take no more than there are cores
    elif "OMP_NUM_THREADS" not in os.environ:
        asked = usable_cores()
    if asked is not None:
        os.environ["OMP_NUM_THREADS"] = str(asked)
        if "torch" in sys.modules:  # has read the environment already
            sys.modules["torch"].set_num_threads(asked)


def threads_now() -> int:
    """Threads of one operation, as the environment says it: ``OMP_NUM_THREADS`` (its first number), else `usable_cores`."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdigit() and int(first) else usable_cores()


def share_of_threads(processes: int) -> int:
    """Threads of each of so many processes that compute side by side: an equal share of `threads_now`, at least 1."""
    return max(1, threads_now() // processes)


def usable_cores() -> int:
    """Cores this process may use: those it is bound to, and no more than its container's share of time, rounded up."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, math.ceil(min(share_of_time(), bound))))


def worker_start() -> ProcessStart:
    """How processes begin that read training data: forked on Linux, where they share large tables; anew elsewhere.

    macOS has fork too, and its system libraries break in forked processes; Windows has none.
    """
    return "fork" if sys.platform == "linux" else "spawn"


def end_at_once(_number: int) -> None:
    """Let a process that reads end as a forked one does; the ``worker_init_fn`` of every ``DataLoader``.

    One that began anew would take Python down first, while the thread that sends its last batch may still be inside
    torch: the whole process is aborted then, and training ends with "DataLoader worker is killed by signal".
    """
    atexit.register(os._exit, 0)  # called before all that were registered earlier, so in place of them


def share_of_time(own: Path = OWN_CGROUPS, root: Path = CGROUPS) -> float:
    """The cores' worth of time that control groups leave to this process; infinite without a limit or off Linux.

    A limit of any group above holds too, so the smallest counts.

    Args:
        own: file that names the groups of this process, lines of ``number:controllers:path``.
        root: where groups are mounted: of version 2 with ``cpu.max``, of version 1 with ``cpu/cpu.cfs_quota_us``.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    limits = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            limits += [_limit(folder / "cpu.max") for folder in _upwards(root, path)]
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                limits += [_limit(folder / "cpu.cfs_quota_us") for folder in _upwards(root / name, path)]
    return min(limits)


def _upwards(root: Path, path: str) -> list[Path]:
    inner = Path(path.strip("/"))
    # inside a container the group's own path may not be mounted, and its files stand at the root
    return [root / inner, *(root / parent for parent in inner.parents), root]


def _limit(file: Path) -> float:
    """``quota / period`` of a group; infinite where the file is missing, says ``max`` or -1."""
    try:
        quota, *period = file.read_text(encoding="utf-8").split()
        if not period:
            period = file.with_name("cpu.cfs_period_us").read_text(encoding="utf-8").split()
        used, of = float(quota), float(period[0])
    except (OSError, ValueError, IndexError):
        return math.inf
    return used / of if used > 0 and of > 0 else math.inf
