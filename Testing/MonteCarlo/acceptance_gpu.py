"""Whether the kernel for GPUs gives what the processor's gives, and how fast it is.

    pip install -e .[montecarlo-gpu]
    python Testing/MonteCarlo/acceptance_gpu.py [--device gpu] [--histories 1e6]

The trunk of `ctdoseseg phantom` (seed 0), 120 kV, generic body beam. `--device warp-cpu` runs the
same kernel on Warp's processor device (one thread), where there is no GPU.

- The same seed: every organ over 20 ml within 0.01 %, and the sum of each batch's map within 0.1 %.
- Another seed: organs within three standard errors.
- Photons a second by the clock, and those of numba with `--threads` threads; compilation apart.
- Cancel: the longest that one look at the listener waits for the next, 1 s at most.

Ends with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("CTDoseSeg", "Testing/support", "Testing/MonteCarlo")]

from acceptance_engine import Trunk, drawn  # noqa: E402
from targets import Reached, targets_table  # noqa: E402

from CTDoseSegLib.dosimetry.montecarlo.tally import Tally  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

SAME_SEED, SAME_MAP, SIGMAS, CANCEL_S = 1e-4, 1e-3, 3.0, 1.0


class Looks(Progress):
    """Notes when the simulation looks whether it was cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def check_cancelled(self) -> None:
        self.times.append(time.monotonic())


def timed(
    trunk: Trunk, histories: float, progress: Progress, **options: object
) -> tuple[Tally, float]:
    """The tally and the photons a second by the clock."""
    trunk.run(100, **options)  # compiles
    started = time.monotonic()
    tally = trunk.run(histories, progress=progress, **options)
    return tally, tally.total_histories / (time.monotonic() - started)


def figures(trunk: Trunk, device: str, histories: float, threads: int) -> list[Reached]:
    looks = Looks()
    numba, numba_rate = timed(trunk, histories, Progress(), with_map=True, threads=threads)
    warp, warp_rate = timed(trunk, histories, looks, with_map=True, device=device)
    (dose, se), (same, _) = trunk.doses(numba), trunk.doses(warp)
    other, other_se = trunk.doses(trunk.run(histories, device=device, seed=2))
    sigmas = np.abs(other - dose) / np.hypot(se, other_se)
    maps = [tally.map_keV.sum(axis=(2, 3, 4)) for tally in (warp, numba)]
    gaps = np.diff(looks.times)
    many = len(dose) * 0.0027  # beyond three standard errors by chance
    return [
        Reached("same seed, organs: apart", np.abs(same / dose - 1).max(), SAME_SEED, True, 7),
        Reached("batches' maps: apart", np.abs(maps[0] / maps[1] - 1).max(), SAME_MAP, True, 7),
        Reached(
            "another seed: organs beyond 3 standard errors",
            float((sigmas > SIGMAS).sum()),
            float(np.ceil(many)),
            True,
            0,
            f"of {len(dose)}; rms {np.sqrt(np.mean(sigmas**2)):.2f}",
        ),
        Reached("between two looks for a cancel, s", float(gaps.max()), CANCEL_S, True, 2),
        Reached(f"photons a second, {device}", warp_rate, digits=0),
        Reached(f"photons a second, numba, {threads} threads", numba_rate, digits=0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--histories", type=float, default=1e6)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    reached = figures(Trunk(*drawn()), args.device, args.histories, args.threads)
    print(*targets_table(reached), sep="\n")
    sys.exit(any(one.met is False for one in reached))


if __name__ == "__main__":
    main()
