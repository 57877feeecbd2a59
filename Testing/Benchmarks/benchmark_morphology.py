"""How much faster discs and balls change masks than scipy's morphology does, in the same run.

Prints processor milliseconds of both for 16 slices on the coarse grid of the threshold engine, and
for the points that anatomy is checked on; targets are the ratios to scipy.

    python Testing/Benchmarks/benchmark_morphology.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2] / "CTDoseSeg"))

from CTDoseSegLib.segmentation.morphology import (
    ball_rows,
    dilated_by,
    eroded_by_disc,
    opened_by_disc,
)
from CTDoseSegLib.segmentation.working_grid import disc

DISC_TARGET, BALL_TARGET = 3.0, 10.0
SPACING_MM, BALL_MM = (4.0, 3.2, 3.2), 4.0


def milliseconds(work: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Return the least processor time of some calls, and what they return."""
    made, times = work(), []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(1000 * (time.process_time() - start))
    return min(times), made


def main() -> int:
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.normal(size=(150, 160, 160)).astype(np.float32), 3)
    points = noise > 0
    slices = points[:16]
    pairs: list[tuple[str, float, Callable, Callable]] = []
    for radius in (1, 2, 5):
        element = disc(radius)
        pairs.append(
            (
                f"erosion by a disc of {radius}",
                DISC_TARGET,
                lambda n=radius: eroded_by_disc(slices, n),
                lambda e=element: ndimage.binary_erosion(slices, e),
            )
        )
        pairs.append(
            (
                f"opening by a disc of {radius}",
                DISC_TARGET,
                lambda n=radius: opened_by_disc(slices, n),
                lambda e=element: ndimage.binary_opening(slices, e),
            )
        )
    pairs.append(
        (
            f"dilation by a ball of {BALL_MM:g} mm",
            BALL_TARGET,
            lambda: dilated_by(points, ball_rows(BALL_MM, SPACING_MM)),
            lambda: ndimage.distance_transform_edt(~points, sampling=SPACING_MM) <= BALL_MM,
        )
    )
    failed = False
    for name, target, ours, scipys in pairs:
        (own, mask), (theirs, wanted) = milliseconds(ours, 7), milliseconds(scipys, 3)
        met = np.array_equal(mask, wanted) and theirs >= target * own
        failed |= not met
        print(f"{name:30} {own:7.2f} ms, scipy {theirs:7.2f} ms: {theirs / own:5.1f} times faster")
    print(f"targets: {DISC_TARGET:g} and {BALL_TARGET:g} times, with equal masks")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
