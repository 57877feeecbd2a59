"""How much memory and time a run of TotalSegmentator will take here: an estimate, before it starts.

The formula counts the arrays that TotalSegmentator 2.18 and nnU-Net 2.6 hold at their peak; the
constants were measured on this project's stand-in weights (`Testing/Benchmarks`), whose number of
labels is the real one but whose layers are smaller, so that what the real layers need is added.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...ct.series import CTSeries
from .plan import Plan, TaskRun

WORKING_MM = {"full": 1.5, "fast": 3.0, "fastest": 6.0}
# Torch and nnU-Net in the worker and its two helpers, and the real network with its activations.
LIBRARIES_BYTES = 1.5e9
NETWORK_BYTES = 1.8e9
# A volume on its own grid: as float64 (twice) and as labels, float64 when they are resampled back.
INPUT_BYTES_PER_VOXEL = 26
# On the working grid, for each label: logits in half, probabilities in single precision, twice.
LOGIT_BYTES = 10
PATCH_VOXELS = 128**3
# Seconds for one patch of 128 x 128 x 128 on one processor core, measured on this project's machine
# with a network of nnU-Net's usual size (6 stages of 32 to 320 features) and random weights.
PATCH_S = 25.0
# Labels of the network of a part, where the package does not state them.
LABELS = {"full": 26, "fast": 117, "fastest": 117}


@dataclass(frozen=True)
class Need:
    """What a run will take.

    Attributes
    ----------
    memory_bytes
        Peak, of all processes together; on a GPU half of it or so is on the GPU.
    cpu_seconds
        On this machine's processor; a GPU takes a small part of it.
    """

    memory_bytes: float
    cpu_seconds: float


def estimate(plan: Plan, series: CTSeries) -> Need:
    """Return what a plan takes for a series on this machine.

    Parameters
    ----------
    plan
        The tasks.
    series
        The CT.

    Returns
    -------
    Need
    """
    voxels = series.hu.size
    size_mm = np.array(series.hu.shape[::-1]) * series.spacing_mm
    peak, patches = 0.0, 0.0
    for run in plan.runs:
        working = math.prod(np.maximum(1, size_mm / WORKING_MM[run.quality]))
        labels, networks = _networks(run)
        peak = max(peak, working * (labels + 1) * LOGIT_BYTES)
        step = 0.8 if run.task == "total" else 0.5
        per_network = max(1.0, working / (PATCH_VOXELS * step**3))
        patches += networks * per_network
    memory = LIBRARIES_BYTES + NETWORK_BYTES + INPUT_BYTES_PER_VOXEL * voxels + peak
    return Need(memory, patches * PATCH_S / max(1, os.cpu_count() or 1))


def available_memory() -> int | None:
    """Return the memory in bytes that new processes can have; None where it is not known."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


def _networks(run: TaskRun) -> tuple[int, int]:
    """Return the most labels that one of a run's networks has, and how many networks run."""
    if not run.weights:
        return LABELS[run.quality], 4 if run.quality == "full" else 1
    return max(w.labels for w in run.weights), len(run.weights)
