"""Which part of the body each slice shows, from the organs that are in it.

Every organ that marks a part is one that a label map may lack: without a network only the lungs
are known. A slice that nothing marks takes its part from its neighbours where these leave one
answer, else its part is not known.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from ..ct.geometry import cell_widths_mm
from ..ct.series import CTSeries
from .measurements import Measurements

# From head to foot.
PARTS = ("head", "neck", "chest", "abdomen", "pelvis")
UNKNOWN = "not known"
# Lungs take up this part of the body in a slice of the chest; less of them at the apex, and at the
# base beside organs of the abdomen.
_CHEST_LUNG_FRACTION = 0.15
_SOME_LUNG_FRACTION = 0.03
# How far beyond the last slice that is known its part of the body goes on.
_REACH_MM = 50.0
_HEAD = ("brain",)
_CHEST = (
    *("heart", "heart_myocardium", "heart_ventricle_left", "pulmonary_artery"),
    *(f"vertebrae_T{n}" for n in range(2, 11)),
)
_PELVIS = ("hip_left", "hip_right", "sacrum", "urinary_bladder", "prostate")
_ABDOMEN = (
    *("liver", "spleen", "kidney_left", "kidney_right", "pancreas", "gallbladder", "duodenum"),
    *("adrenal_gland_left", "adrenal_gland_right", "stomach"),
    *(f"vertebrae_L{n}" for n in range(1, 6)),
)
_NECK = ("thyroid_gland", *(f"vertebrae_C{n}" for n in range(1, 8)))
_BONES = ("vertebrae_", "hip_", "femur_", "humerus_", "skull")
# Words of DICOM's BodyPartExamined (PS3.16, annex L) and their like in other languages.
_WORDS = {
    "head": ("HEAD", "BRAIN", "SKULL", "ORBIT", "SINUS", "KOPF", "SCHADEL", "CABEZA"),
    "neck": ("NECK", "CSPINE", "CERVIC", "HALS", "CUELLO"),
    "chest": ("CHEST", "THORA", "TORAX", "LUNG", "HEART", "CARDIAC", "BREAST", "TRUNK", "BRUST"),
    "abdomen": ("ABD", "LIVER", "PANCREAS", "KIDNEY", "SPLEEN", "TRUNK", "BAUCH"),
    "pelvis": ("PELV", "BLADDER", "PROSTATE", "TRUNK", "BECKEN"),
}


def parts_of_slices(series: CTSeries, measurements: Measurements) -> tuple[str | None, ...]:
    """Return one of `PARTS` for each slice, or None where it is not known, [k].

    In this order: brain; lungs; hip bones, sacrum or bladder; organs of the abdomen; thyroid or
    cervical spine. Between two parts that are known lies their nearer one, or the part between
    them; beyond the last one its part goes on for 50 mm.
    """
    marked = _marked(measurements)
    known = {k: part for k, part in enumerate(marked) if part is not None}
    if not known:
        return marked
    z = series.z_mm
    down = sorted(known, key=lambda k: -z[k])
    depths = [-float(z[k]) for k in down]
    return tuple(
        part if part is not None else _between(z, k, down, depths, known)
        for k, part in enumerate(marked)
    )


def shares(
    parts: tuple[str | None, ...], z_mm: np.ndarray, ctdivol_mGy: np.ndarray
) -> dict[str, float]:
    """Return the share of each part, and of `UNKNOWN`, in the DLP of the images.

    Parameters
    ----------
    parts
        As `parts_of_slices` returns them, [k].
    z_mm
        RAS superior coordinate of each slice centre, [k].
    ctdivol_mGy
        Of each slice, [k]; where one of them is not finite, the shares are those of the length.

    Returns
    -------
    dict
        Part to its share, in the order of `PARTS`; the shares add up to 1.
    """
    weights = cell_widths_mm(z_mm)
    if np.isfinite(ctdivol_mGy).all():
        weights = weights * ctdivol_mGy
    if not weights.sum() > 0:  # slices that lie beside each other, not along the body
        weights = np.ones(len(parts))
    names = np.array([part or UNKNOWN for part in parts])
    share_of = {
        name: float(weights[names == name].sum() / weights.sum()) for name in (*PARTS, UNKNOWN)
    }
    return {name: share for name, share in share_of.items() if share > 0}


def knows_bones(measurements: Measurements) -> bool:
    """Return whether the label map has single bones: whoever drew it knows the whole body."""
    return any(name.startswith(_BONES) for name in measurements.names)


def named_parts(body_part: str | None) -> tuple[str, ...]:
    """Return the parts that the scanner's body part names, in the order of `PARTS`."""
    text = "".join(c for c in (body_part or "").upper() if c.isalpha())
    return tuple(part for part in PARTS if any(word in text for word in _WORDS[part]))


def _marked(measurements: Measurements) -> tuple[str | None, ...]:
    slices = len(measurements.counts)

    def present(names: tuple[str, ...]) -> np.ndarray:
        in_slice = np.zeros(slices, bool)
        for name in names:
            if name in measurements.groups:
                in_slice |= measurements.of(name).count > 0
        return in_slice

    abdomen = present(_ABDOMEN)
    if {"lung", "body"} <= measurements.groups.keys():
        body = np.maximum(measurements.of("body").count, 1)
        lung = measurements.of("lung").count / body
        chest = (lung >= _CHEST_LUNG_FRACTION) | ((lung >= _SOME_LUNG_FRACTION) & ~abdomen)
    else:
        chest = present(_CHEST)
    cases = {
        "head": present(_HEAD),
        "chest": chest,
        "pelvis": present(_PELVIS),
        "abdomen": abdomen,
        "neck": present(_NECK),
    }
    return tuple(
        next((part for part, where in cases.items() if where[k]), None) for k in range(slices)
    )


def _between(
    z: np.ndarray, k: int, down: list[int], depths: list[float], known: dict[int, str]
) -> str | None:
    """Return the part of slice `k`, which nothing marks.

    `down` are the slices whose part is known, from head to foot, and `depths` their -z.
    """
    at = bisect_left(depths, -float(z[k]))  # so many lie above it
    if 0 < at < len(down):
        upper, lower = down[at - 1], down[at]
        first, last = PARTS.index(known[upper]), PARTS.index(known[lower])
        if last - first in (0, 1):
            return known[upper if z[upper] - z[k] < z[k] - z[lower] else lower]
        return PARTS[first + 1] if last - first == 2 else None
    nearest = down[at - 1] if at else down[0]
    return known[nearest] if abs(z[nearest] - z[k]) <= _REACH_MM else None
