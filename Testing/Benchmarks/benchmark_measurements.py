"""How fast one pass measures 512 x 512 x 291 voxels with ten organs.

    python Testing/Benchmarks/benchmark_measurements.py

Three things are timed in one run, on the same arrays:

- the pass of `CTDoseSegLib.measurement.measurements.measure`;
- the floor: one sum over the CT and one over the label map, in int64;
- the arithmetic of the published processing notebook, vectorised no further: the CT and one mask
  for each organ as float64 volumes, the mask turned to NaN outside the organ, the product of the
  two, then mean and SD without NaN slice by slice, and for the body also area and WED. The volume
  as float64 and the masks as 0 and 1 are made before the clock starts (the notebook gets them from
  its image files, whose loading is left out); all slices are timed, nothing is scaled.

Targets: at least 60 times faster than the notebook, at most 6 times the floor.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

SHAPE = (291, 512, 512)
ORGANS = 10
AFFINE = np.diag([0.8, 0.8, 1.5, 1.0])


def make_volume() -> tuple[np.ndarray, np.ndarray]:
    """Noisy elliptic body in noisy air with nine round organs and a metal rod; body is label 1."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    labels = np.zeros(SHAPE, np.uint8)
    hu = np.empty(SHAPE, np.int16)
    for k in range(SHAPE[0]):
        wide = 190 + 25 * np.sin(k / 40)
        body = ((x - 256) / wide) ** 2 + ((y - 256) / (0.7 * wide)) ** 2 < 1
        labels[k][body] = 1
        plain = np.where(body, 40.0, -1000.0)
        for organ in range(ORGANS - 1):
            cx = 256 + 120 * np.cos(0.7 * organ + k / 90)
            cy = 256 + 80 * np.sin(0.7 * organ + k / 90)
            inside = (x - cx) ** 2 + (y - cy) ** 2 < 30**2
            labels[k][inside] = organ + 2
            plain[inside] = 20.0 * organ - 60.0
        plain[250:256, 250:256] = 2900.0
        noisy = plain + rng.normal(0, 20, plain.shape)
        hu[k] = noisy.round().clip(-1024, 3071).astype(np.int16)
    return hu, labels


def make_inputs(hu: np.ndarray, labels: np.ndarray) -> tuple[CTSeries, Labelmap]:
    atoms = tuple(Atom(v, f"organ{v}", "", "#ffffff", "benchmark") for v in range(1, ORGANS + 1))
    groups = {atom.name: (atom.name,) for atom in atoms}
    groups["body"] = tuple(groups)
    slices = tuple(SliceInfo(z_mm=1.5 * k) for k in range(SHAPE[0]))
    series = CTSeries(hu, AFFINE, slices, Acquisition(), "benchmark")
    return series, Labelmap(labels, AFFINE, atoms, groups, "benchmark")


def notebook(hu: np.ndarray, mask: np.ndarray, pixel_area_mm2: float | None) -> np.ndarray:
    """Mean, SD (and with an area, WED) of every slice, by products with a mask of NaN."""
    holes = mask.copy()
    holes[holes != 1] = np.nan
    masked = hu * holes
    rows = np.full((hu.shape[0], 3), np.nan)
    for k in range(hu.shape[0]):
        if np.all(np.isnan(masked[k])):
            continue
        rows[k, :2] = np.nanmean(masked[k]), np.nanstd(masked[k])
        if pixel_area_mm2 is not None:
            area = np.count_nonzero(mask[k]) * pixel_area_mm2
            rows[k, 2] = 2 * np.sqrt((np.nanmean(masked[k]) / 1000 + 1) * area / np.pi)
    return rows


def seconds(task, repeats: int) -> tuple[float, object]:
    """Best time of `repeats`, and the last result."""
    best, result = np.inf, None
    for _ in range(repeats):
        start = time.perf_counter()
        result = task()
        best = min(best, time.perf_counter() - start)
    return best, result


def main() -> int:
    hu, labels = make_volume()
    series, labelmap = make_inputs(hu, labels)
    floor, _ = seconds(lambda: hu.sum(dtype=np.int64) + labels.sum(dtype=np.int64), 5)
    ours, measured = seconds(lambda: measure(series, labelmap), 5)

    volume = hu.astype(np.float64)
    theirs, worst = 0.0, 0.0
    for organ in ["body", *measured.names[1:]]:  # the body and nine organs: ten masks
        mask = labelmap.mask(organ).astype(np.float64)
        area = series.pixel_area_mm2 if organ == "body" else None
        spent, rows = seconds(lambda m=mask, a=area: notebook(volume, m, a), 1)
        theirs += spent
        group = measured.of(organ)
        both = np.stack([group.mean_hu, group.sd_hu], axis=1)
        worst = max(worst, float(np.abs(both / rows[:, :2] - 1).max()))

    print(f"volume {SHAPE[2]} x {SHAPE[1]} x {SHAPE[0]}, {ORGANS} organs, numpy {np.__version__}")
    print(f"one pass            {ours:8.3f} s (best of 5)")
    print(f"two plain sums      {floor:8.3f} s (best of 5)   pass / sums {ours / floor:6.2f}")
    print(f"notebook's loop     {theirs:8.3f} s (once)        loop / pass {theirs / ours:6.1f}")
    print(f"largest relative difference of mean and SD {worst:.1e}")
    reached = theirs / ours >= 60 and ours / floor <= 6 and worst < 1e-5
    print("targets reached" if reached else "TARGETS MISSED")
    return 0 if reached else 1


if __name__ == "__main__":
    warnings.simplefilter("error")
    raise SystemExit(main())
