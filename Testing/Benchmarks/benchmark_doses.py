"""How fast 20 organ doses of a scan of 300 slices are predicted: both scaling bases, intervals.

    python Testing/Benchmarks/benchmark_doses.py

The baseline of the same run is the pass that measures the same scan at 512 x 512. Two cases: the
irradiated range unknown, and known (then every organ's budget moves the ends of the range).

Target: 20 ms for the 20 organs; less than the pass over the volume.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from benchmark_measurements import seconds

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.fast.engine import FastEngine, load_model
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

SLICES, ORGANS, STEP_MM, PIXEL_MM = 300, 20, 2.0, 0.8
TARGET_S = 0.020


def make_scan(names: list[str]) -> tuple[CTSeries, Labelmap]:
    """A trunk of 512 x 512 x 300 with one rod for each organ, over a part of its length."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:512, :512]
    body = ((x - 256) / 210) ** 2 + ((y - 256) / 145) ** 2 < 1
    plain = np.where(body, 30, -1000).astype(np.int16)
    hu = np.empty((SLICES, 512, 512), np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    turns = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    for k in range(SLICES):
        hu[k] = plain + rng.integers(-30, 31, plain.shape)
        labels[k][body] = 1
        for n, turn in enumerate(turns):
            if 8 * n <= k < 8 * n + 140:
                near = (x - 256 - 120 * np.cos(turn)) ** 2 + (y - 256 - 80 * np.sin(turn)) ** 2
                labels[k][near < 12**2] = n + 2
    slices = tuple(
        SliceInfo(z_mm=STEP_MM * k, tube_current_mA=180.0 + 60 * np.sin(k / 25))
        for k in range(SLICES)
    )
    known = Acquisition(
        kvp_kV=120.0,
        rotation_time_s=0.5,
        pitch=1.0,
        ctdivol_mGy=8.0,
        phantom_cm=32,
        total_collimation_mm=40.0,
    )
    affine = np.diag([PIXEL_MM, PIXEL_MM, STEP_MM, 1.0])
    atoms = [Atom(1, "body_rest", "", "#dddddd", "benchmark")]
    atoms += [Atom(n, name, "", "#ffffff", "benchmark") for n, name in enumerate(names, start=2)]
    groups = {name: (name,) for name in names} | {"body": tuple(atom.name for atom in atoms)}
    return (
        CTSeries(hu, affine, slices, known, "benchmark"),
        Labelmap(labels, affine, tuple(atoms), groups, "benchmark"),
    )


def main() -> int:
    model = load_model()
    engine = FastEngine(model)
    names = [name for region in ("chest", "abdomen") for name in model.regions[region].organs]
    names = names[:ORGANS]
    series, labelmap = make_scan(names)
    measuring, measured = seconds(lambda: measure(series, labelmap), 3)
    size = measure_size(series, labelmap, measured)
    ends = (series.z_mm[0] - 10.0, series.z_mm[-1] + 10.0)
    irradiated = replace(series.acquisition, irradiated_range_mm=ends)
    print(f"{SLICES} slices, {ORGANS} organs, numpy {np.__version__}")
    print(f"one pass over the volume     {1000 * measuring:7.1f} ms (best of 3)")
    reached = True
    for title, ct in (
        ("range not known", series),
        ("range known", replace(series, acquisition=irradiated)),
    ):
        spent, result = seconds(
            lambda ct=ct: engine.estimate(Scan.of(ct, labelmap, measured, size)), 20
        )
        given = sum(organ.dose_mGy is not None for organ in result.organs)
        print(
            f"organ doses, {title:<15} {1000 * spent:7.1f} ms (best of 20, {given} doses)   "
            f"doses / pass {spent / measuring:.3f}"
        )
        reached &= given >= ORGANS and spent < TARGET_S
    print("target reached" if reached else "TARGET MISSED")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
