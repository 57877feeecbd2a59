"""A body of boxes with labels, in which every number is known."""

from __future__ import annotations

import numpy as np
from dose_scans import scan_of

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.scanner_profile import GENERIC
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

PIXEL_MM, STEP_MM = 2.0, 5.0
SHAPE = (12, 120, 140)
# Slices, rows and columns of the whole body; everything else lies within.
BODY = (slice(0, 12), slice(30, 90), slice(30, 110))


def box_scan(
    boxes: dict[str, tuple[tuple[slice, slice, slice], float]],
    *,
    body_hu: float | None = 40.0,
    shape: tuple[int, int, int] = SHAPE,
    body: tuple[slice, slice, slice] = BODY,
    spacing_mm: tuple[float, float, float] = (PIXEL_MM, PIXEL_MM, STEP_MM),
    affine: np.ndarray | None = None,
    z_mm: np.ndarray | None = None,
    noise_hu: float = 0.0,
    kind: type = np.int16,
    groups: dict[str, tuple[str, ...]] | None = None,
    paint=None,
    **acquisition,
) -> Scan:
    """A scan of a body with `boxes`: name to where it is and its HU; no body if that is None.

    Without an affine it is that of a supine scan, head first: columns to the left, rows to
    posterior, the middle of the images at the origin. `paint(hu)` may change the HU at the end.
    """
    hu = np.full(shape, -1000.0)
    labels = np.zeros(shape, np.uint8)
    atoms = []
    layers = dict(boxes)
    if body_hu is not None:
        layers = {"body_rest": (body, body_hu), **layers}
    for value, (name, (where, value_hu)) in enumerate(layers.items(), start=1):
        labels[where], hu[where] = value, value_hu
        atoms.append(named_atom(value, name, "test"))
    if noise_hu:
        hu += np.random.default_rng(1).normal(0.0, noise_hu, shape)
    if paint is not None:
        paint(hu)
    hu = np.rint(hu).astype(np.int16) if kind is np.int16 else hu.astype(kind)
    if affine is None:
        affine = supine(shape, spacing_mm)
    if z_mm is None:
        z_mm = (affine @ np.array([[0, 0, k, 1] for k in range(shape[0])]).T)[2]
    stated = {"kvp_kV": 120.0, "age_years": 50.0} | acquisition
    slices = tuple(SliceInfo(z_mm=float(z)) for z in z_mm)
    series = CTSeries(hu, affine, slices, Acquisition(**stated), "boxes")
    names = [atom.name for atom in atoms]
    return scan_of(
        series, Labelmap(labels, affine, tuple(atoms), groups or groups_of(names), "test"), GENERIC
    )


def supine(shape, spacing_mm) -> np.ndarray:
    """The affine of a supine scan whose middle is at the origin."""
    dx, dy, dz = spacing_mm
    affine = np.diag([-dx, -dy, dz, 1.0])
    last = (np.array(shape[::-1]) - 1) / 2
    affine[:3, 3] = -affine[:3, :3] @ last
    return affine
