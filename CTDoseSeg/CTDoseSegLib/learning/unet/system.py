"""What a training runs on, in a line."""

from __future__ import annotations

import platform

from ...segmentation.totalsegmentator.need import available_memory


def system_line(device: str) -> str:
    """Return processor or graphics card, and memory, for torch's name of a device."""
    import torch

    memory = _memory()
    if device == "cuda":
        free, total = torch.cuda.mem_get_info()
        card = f"{torch.cuda.get_device_name()}, {_gb(total)} ({_gb(free)} free)"
        return f"Trains on the graphics card {card}; {memory}."
    if device == "mps":
        return f"Trains on the graphics of this Mac; {memory}."
    return (
        f"Trains on the processor ({_processor()}, {torch.get_num_threads()} threads), no graphics "
        f"card was found; {memory}."
    )


def _memory() -> str:
    free = available_memory()
    return "memory not known" if free is None else f"{_gb(free)} of memory available"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [row.split(":", 1)[1].strip() for row in file if row.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
