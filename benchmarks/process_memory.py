"""A command's seconds, of the clock and of the processor, and the highest memory of all its processes (Linux)."""

import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took.

    Attributes:
        seconds: of the clock.
        processor_s: of all cores together, its children's included: the number to compare on a busy machine.
        memory_gb: peak of resident memory, summed over the command and its children; pages that they share count for each.
    """

    seconds: float
    processor_s: float
    memory_gb: float


def run_measured(command: list[str], *, every_s: float = 0.2) -> Cost:
    """Runs a command to its end.

    Raises:
        RuntimeError: if the command fails.
    """
    start, before, peak = time.perf_counter(), _processor_seconds(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, sum(map(_resident, _family(process.pid))))
        time.sleep(every_s)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}\n{process.stderr.read()}")
    return Cost(seconds=seconds, processor_s=_processor_seconds() - before, memory_gb=peak / 1e9)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def status_bytes(field: str) -> int:
    """A field of this process's own status, ``VmRSS`` or the highest so far, ``VmHWM``, in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


def _family(pid: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * 4096
