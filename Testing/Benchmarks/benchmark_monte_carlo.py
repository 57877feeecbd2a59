"""CPU time of a simulation against the number of photons and the size of the voxels.

Simulates the trunk of `ctdoseseg phantom` (seed 0) at 120 kV. CPU seconds of the process, the
compilation and the preparation of the patient apart; ratios are to 10^6 photons in voxels of 4 mm
in the same run, which makes them comparable between machines.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("CTDoseSeg", "Testing/support", "Testing/MonteCarlo")]

from acceptance_engine import BEAM, drawn  # noqa: E402
from targets import table  # noqa: E402

from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.exposure import exposure_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.patient import Patient, patient_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.response import path_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.scan import Scan  # noqa: E402
from CTDoseSegLib.measurement.measurements import measure  # noqa: E402
from CTDoseSegLib.measurement.size import measure_size  # noqa: E402

BASELINE, BASELINE_MM = 1_000_000, 4.0
HISTORIES = (100_000, 300_000, BASELINE, 3_000_000)
VOXELS_MM = (2.0, 3.0, BASELINE_MM, 6.0)
AT_VOXELS = 300_000


class Trunk:
    """The phantom's trunk and its exposure."""

    def __init__(self) -> None:
        series, labelmap = drawn()
        measured = measure(series, labelmap)
        self.scan = Scan.of(series, labelmap, measured, measure_size(series, labelmap, measured))
        self.exposure = exposure_of(self.scan)
        self.beam = beam_of(BEAM, 120.0, collimation_mm=self.exposure.collimation_mm)

    def cpu_seconds(self, patient: Patient, histories: int) -> float:
        """Simulate, and return the CPU seconds of all threads."""
        start = time.process_time()
        path = path_of(self.exposure)
        simulate(patient.voxels, self.beam, path, patient.scores, histories=histories)
        return time.process_time() - start


def main() -> None:
    trunk = Trunk()
    patients = {mm: patient_of(trunk.scan, voxel_mm=mm) for mm in VOXELS_MM}
    standard = patients[BASELINE_MM]
    trunk.cpu_seconds(standard, 1000)  # compiles, or reads what was compiled
    baseline = trunk.cpu_seconds(standard, BASELINE)
    cases = [(BASELINE_MM, n) for n in HISTORIES] + [(mm, AT_VOXELS) for mm in VOXELS_MM]
    rows = []
    for mm, histories in cases:
        shape = patients[mm].voxels.material.shape
        same = (mm, histories) == (BASELINE_MM, BASELINE)
        seconds = baseline if same else trunk.cpu_seconds(patients[mm], histories)
        size = " x ".join(f"{edge:.1f}" for edge in patients[mm].voxels.spacing_mm)
        count = " x ".join(map(str, shape[::-1]))
        rate = histories / seconds
        cells = (f"{histories:.1e}", size, count, f"{seconds:.2f}", f"{seconds / baseline:.3f}")
        rows.append((*cells, f"{rate / (BASELINE / baseline):.2f}"))
    heads = ("photons", "voxels, mm", "number", "CPU s", "time ratio", "ratio of photons a CPU s")
    print(*table(heads, rows), sep="\n")


if __name__ == "__main__":
    main()
