"""The random state of a process as storable values; a resumed run continues the same stream of numbers."""

import random
from typing import Any

import numpy as np
import torch

_NUMPY_LEGACY = "MT19937"


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices) of this process."""
    seed_host(seed)
    torch.manual_seed(seed)


def seed_host(seed: int) -> None:
    """Seed Python and NumPy of this process; what torch has drawn so far stays drawn."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (the global state is what libraries use)


def random_state() -> dict[str, Any]:
    """State of the global generators of Python, NumPy, torch and every CUDA device."""
    _, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "python": random.getstate(),
        "numpy": [
            torch.from_numpy(np.array(keys, dtype=np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ],
        "torch": torch.get_rng_state(),
        "cuda": cuda,
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back what ``random_state`` gave; states of devices that are not there are left out."""
    random.setstate(state["python"])
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((_NUMPY_LEGACY, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
