"""Ten corrupted versions of a scan, and contrast agent painted into one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage
from unet_scans import UNKNOWN, Scan, truth_mask

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.phantom.bodies.contrast import HU_PER_MG_ML, iodine_of_body

# Blood and organs by the tissue whose iodine they take up; vessels of a chest are half arteries.
TISSUES = {"heart": "heart_left", "aorta": "aorta", "vessels": "pulmonary_artery"}
TISSUES |= {"liver": "liver", "spleen": "spleen", "pancreas": "pancreas"}
TISSUES |= {"kidney_left": "kidneys", "kidney_right": "kidneys", "thyroid_gland": "thyroid_gland"}
# Phase and tube voltage; at 80 kV iodine has 1.9 times the HU that it has at 120 kV (judgement,
# from the attenuation of iodine at the mean energies).
PAINTED = {"arterial, 120 kV": ("arterial", 1.0), "portal, 120 kV": ("portal", 1.0)}
PAINTED |= {"arterial, 80 kV": ("arterial", 1.9)}
NOT_TISSUE_HU = -150.0
EDGE_MM = 1.0


def painted(scan: Scan, phase: str, factor: float) -> CTSeries:
    """Return a scan with contrast agent in the blood and the organs that are drawn in it.

    Gains are those of the phantom's phases; edges are as wide as partial volume makes them.
    """
    iodine = iodine_of_body(phase)
    gain = np.zeros(scan.series.hu.shape, np.float32)
    for organ, tissue in TISSUES.items():
        gain[truth_mask(scan.drawn, organ)] = factor * HU_PER_MG_ML * iodine[tissue]
    sigma = EDGE_MM / scan.series.spacing_mm[0]
    gain = ndimage.gaussian_filter(gain, (0, sigma, sigma))
    hu = np.where(scan.series.hu > NOT_TISSUE_HU, scan.series.hu + gain, scan.series.hu)
    return as_series(scan.series, hu)


def as_series(series: CTSeries, hu: np.ndarray) -> CTSeries:
    """Return the series with other values."""
    return replace(series, hu=np.clip(np.rint(hu), -1024, 3071).astype(np.int16))


def seen_labels(name: str, altered: CTSeries, labels: np.ndarray) -> np.ndarray:
    """Return the labels of a version: nobody knows what lies outside a truncated image."""
    seen = labels.copy()
    if name == "truncation":
        out = altered.hu == -1024
        seen[out] = np.where(labels[out] > 0, UNKNOWN, 0)
    return seen


def corruptions() -> dict:
    """Name to a function of HU [k, j, i] (int16), labels, pixel size in mm and a generator."""

    def noise(hu, labels, pixel, rng):
        return hu + rng.normal(0, 70, hu.shape)

    def streaks(hu, labels, pixel, rng):
        y, x = np.mgrid[: hu.shape[1], : hu.shape[2]]
        _, cy, cx = (int(np.median(v)) for v in np.nonzero(labels > 2))
        angle = np.arctan2(y - cy - 40, x - cx)
        away = np.hypot(y - cy - 40, x - cx) * pixel
        rays = 500 * np.sin(9 * angle) * np.exp(-away / 80)
        out = hu + rays
        return np.where(away < 8, 3000, out)

    def contrast(hu, labels, pixel, rng):
        blobs = ndimage.gaussian_filter(rng.normal(0, 1, hu.shape), (2, 12, 12))
        bright = (blobs > 1.2 * blobs.std()) & (hu > 0) & (hu < 150)
        return hu + 220 * bright

    def truncation(hu, labels, pixel, rng):
        y, x = np.mgrid[: hu.shape[1], : hu.shape[2]]
        rows, columns = (np.nonzero((labels > 0).any(axis=(0, a)))[0] for a in (2, 1))
        radius = 0.42 * np.ptp(columns)
        seen = np.hypot(y - rows.mean(), x - columns.mean()) < radius
        return np.where(seen, hu, -1024)

    def couch_at_skin(hu, labels, pixel, rng):
        body = (labels > 0) & (labels != 2)
        out = hu.copy()
        for k in range(len(hu)):
            rows = np.nonzero(body[k].any(axis=1))[0]
            if rows.size:
                low = rows.max() - round(2 / pixel)
                slab = out[k, low : low + round(14 / pixel), hu.shape[2] // 6 : -hu.shape[2] // 6]
                there = slab < -200
                slab[there] = 60
        return out

    def second_object(hu, labels, pixel, rng):
        y, x = np.mgrid[: hu.shape[1], : hu.shape[2]]
        columns = np.nonzero((labels > 0).any(axis=(0, 1)))[0]
        near = np.hypot((y - hu.shape[1] / 2) * pixel, (x - columns.min()) * pixel + 30) < 35
        return np.where(near & (hu < -500), 20 + rng.normal(0, 10, hu.shape), hu)

    def thick(hu, labels, pixel, rng):
        count = 4 if len(hu) < 25 else 2
        return ndimage.uniform_filter1d(hu.astype(np.float32), count, axis=0)

    def offset(hu, labels, pixel, rng):
        return np.where(hu > -1000, hu + 80.0, hu)

    def blanket(hu, labels, pixel, rng):
        body = ndimage.binary_closing((labels > 0) & (labels != 2), iterations=2)
        away = np.stack([ndimage.distance_transform_edt(~one) for one in body]) * pixel
        cloth = (away > 6) & (away < 18) & (hu < -500)
        return np.where(cloth, -150 + rng.normal(0, 60, hu.shape), hu)

    def blur(hu, labels, pixel, rng):
        return ndimage.gaussian_filter(hu.astype(np.float32), (0, 3 / pixel, 3 / pixel))

    return {
        f.__name__: f
        for f in (
            *(noise, streaks, contrast, truncation, couch_at_skin),
            *(second_object, thick, offset, blanket, blur),
        )
    }
