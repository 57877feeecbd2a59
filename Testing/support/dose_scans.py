"""Small synthetic scans for the dose tests: an elliptic body in which every organ has a patch."""

from __future__ import annotations

import math

import numpy as np

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.scanner_profile import GENERIC
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine, load_model
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

MODEL = load_model()
# Every organ that the model knows, with its region.
MODELLED = tuple((r.region, organ) for r in MODEL.regions.values() for organ in r.organs)
STEP_MM = 5.0
PIXEL_MM = 5.0
SLICES = 40
EXPOSED = {
    "kvp_kV": 120.0,
    "rotation_time_s": 0.5,
    "pitch": 1.0,
    "age_years": 50.0,
    "phantom_cm": 32,
    "irradiated_range_mm": None,
}


def make(
    *,
    current=300.0,
    ctdivol=9.0,
    slices: int = SLICES,
    first: int = 0,
    half_axes_mm=(160.0, 120.0),
    organs=("liver", "kidney_left", "aorta", "heart_myocardium"),
    organ_slices=(12, 28),
    narrow_below: int = 0,
    **acquisition,
):
    """A scan of `slices` slices; organs lie on slices `organ_slices` of the whole of 40.

    `current` and `ctdivol` are one number or one per slice (None: not known); `first` is the number
    of the first slice in the whole, so that crops keep their anatomy. Below slice `narrow_below`
    organs are half as wide. The first organ lies inside of a small body too.
    """
    n = 80
    y, x = (np.mgrid[:n, :n] - (n - 1) / 2) * PIXEL_MM
    body = (x / half_axes_mm[0]) ** 2 + (y / half_axes_mm[1]) ** 2 <= 1
    inner = (x / (half_axes_mm[0] - 10)) ** 2 + (y / (half_axes_mm[1] - 10)) ** 2 <= 1
    plane = np.where(body, np.where(inner, 1, 2), 0).astype(np.uint8)
    hu = np.where(body, 30, -1000).astype(np.int16)
    hu[body & ~inner] = -50
    labels = np.repeat(plane[None], slices, axis=0)
    atoms = [
        Atom(1, "body_rest", "", "#888888", "test"),
        Atom(2, "skin", "", "#ffccaa", "test"),
    ]
    inside = np.arange(first, first + slices)
    on_organ = (inside >= organ_slices[0]) & (inside < organ_slices[1])
    left, top = (
        max(least, math.ceil(n / 2 - 0.66 * half_mm / PIXEL_MM))
        for least, half_mm in zip((22, 26), half_axes_mm, strict=True)
    )
    for number, organ in enumerate(organs):
        row, column = divmod(number, 6)
        rows = slice(top + 6 * row, top + 4 + 6 * row)
        columns = slice(left + 6 * column, left + 4 + 6 * column)
        labels[on_organ, rows, columns] = number + 3
        labels[inside < narrow_below, rows, columns.start + 2 : columns.stop] = 1
        atoms.append(Atom(number + 3, organ, "", "#aa0000", "test"))
    names = tuple(a.name for a in atoms)
    groups = {name: (name,) for name in names} | {"body": names}
    affine = np.diag([PIXEL_MM, PIXEL_MM, STEP_MM, 1.0])
    affine[2, 3] = first * STEP_MM
    per = [np.broadcast_to(np.array(v, dtype=object), slices) for v in (current, ctdivol)]
    infos = tuple(
        SliceInfo(z_mm=float(k * STEP_MM), tube_current_mA=mA, ctdivol_mGy=ctdi)
        for k, mA, ctdi in zip(inside, *per, strict=True)
    )
    series = CTSeries(
        hu=np.repeat(hu[None], slices, axis=0),
        affine=affine,
        slices=infos,
        acquisition=Acquisition(**{**EXPOSED, **acquisition}),
        identity="test",
    )
    return series, Labelmap(labels, affine, tuple(atoms), groups, "test")


def doses(*, region="auto", **changes):
    """`DoseResult` of `make(**changes)` by the fast engine, and its organs by name."""
    result = estimate(FastEngine(MODEL, region), scan_of(*make(**changes)))
    return result, {organ.organ: organ for organ in result.organs}


def with_hu(hu, organ, **changes):
    """`DoseResult` where `organ` has the HU given."""
    series, labelmap = make(organs=(organ,), **changes)
    series.hu[labelmap.labels == 3] = hu
    return FastEngine(MODEL).estimate(scan_of(series, labelmap))


def scan_of(series, labelmap, scanner=GENERIC) -> Scan:
    """The scan as a dose engine gets it."""
    measured = measure(series, labelmap)
    return Scan.of(series, labelmap, measured, measure_size(series, labelmap, measured), scanner)


def codes(flags) -> set[str]:
    return {flag.code for flag in flags}
