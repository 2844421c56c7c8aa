"""What a device can multiply at most: stated by its maker, or measured with one large product where nothing is known."""

import time

import torch

STATED_TFLOPS = {
    "B200": 2250.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H200": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "A10": 125.0,
}
"""Dense bfloat16, from NVIDIA's data sheets (SXM where a name does not say otherwise); the first name that fits counts."""


def stated_tflops(name: str) -> float | None:
    """Of a device by its name; None where the table does not know it."""
    words = name.replace("-", " ").split()
    return next((peak for key, peak in STATED_TFLOPS.items() if set(key.split()) <= set(words)), None)


def measured_tflops(device: torch.device, *, side: int, repeats: int = 5) -> float:
    """The best of some products of two square bfloat16 matrices."""
    a = torch.randn(side, side, device=device).to(torch.bfloat16)
    best = float("inf")
    for _ in range(repeats + 1):
        wait(device)
        start = time.perf_counter()
        a @ a
        wait(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / 1e12


def peak_of(device: torch.device, *, side: int) -> dict[str, object]:
    """Peak in TFLOP/s, and where it is from."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    stated = stated_tflops(name)
    if stated is not None:
        return {"device": name, "peak_tflops": stated, "peak_from": "stated"}
    peak = measured_tflops(device, side=side)
    return {"device": name, "peak_tflops": round(peak, 3), "peak_from": "measured"}


def wait(device: torch.device) -> None:
    """Until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
