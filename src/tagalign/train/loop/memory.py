"""The highest memory of this process since a moment: of its tensors on CUDA, of all it holds on a CPU."""

from pathlib import Path

import torch

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
RESET_PEAK = "5"
"""What Linux takes for starting its high-water mark again (proc(5))."""


class PeakMemory:
    """Watches from when it is made.

    Args:
        device: whose memory.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        try:
            CLEAR.write_text(RESET_PEAK, encoding="ascii")
        except OSError:
            return  # the mark then stands since the start of the process, which is no less

    def highest(self) -> int | None:
        """Bytes; None where the system does not say."""
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        try:
            lines = STATUS.read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        found = [line for line in lines if line.startswith("VmHWM:")]
        return 1024 * int(found[0].split()[1]) if found else None
