"""Whether what a label map calls an organ can be that organ: its HU, its volume and its side.

A label map with the names of another one gives numbers that look like any others. Only what no
adult's organ can be is flagged, so the limits are wide. They are this project's judgement: volumes
up to several times the reference adult's (ICRP Publication 89, table 2.8), for disease; HU from fat
infiltration (below) to iodine at a low energy (above).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..ct.series import CTSeries
from ..flags import Flag, flag, organ_place
from ..segmentation.labelmap import BODY, Labelmap
from .measurements import Measurements

# Less than this is rim, of which the mean says nothing.
_LEAST_ML = 1.0
# The organ's centroid may lie this far on the wrong side of the body's: a body that is bent, cut by
# the field of view, or has a lung or kidney missing.
_WRONG_SIDE_MM = 20.0
# Left and right of a pair are exchanged if they are apart by this.
_EXCHANGED_MM = 5.0
# Points that a centroid is taken from: about this many along each axis.
_SAMPLES, _LEAST_SAMPLES = 64, 8


@dataclass(frozen=True)
class Limits:
    """What an adult's organ can be: mean HU from `low_hu` to `high_hu`, at most `most_ml`."""

    low_hu: float
    high_hu: float
    most_ml: float


_ANY_HU = (-1100.0, 3100.0)
_LUNG_HU = (-1050.0, -100.0)
_BONE_HU = (-200.0, 2500.0)
LIMITS = {
    "liver": Limits(-100, 500, 6000),
    "spleen": Limits(-30, 600, 4000),
    "kidney_left": Limits(-60, 1000, 1500),
    "kidney_right": Limits(-60, 1000, 1500),
    "pancreas": Limits(-130, 500, 500),
    "gallbladder": Limits(-80, 1500, 600),
    "adrenal_gland_left": Limits(-130, 500, 60),
    "adrenal_gland_right": Limits(-130, 500, 60),
    "stomach": Limits(*_ANY_HU, 4500),
    "duodenum": Limits(*_ANY_HU, 500),
    "small_bowel": Limits(*_ANY_HU, 5000),
    "colon": Limits(*_ANY_HU, 7000),
    "esophagus": Limits(-700, 800, 250),
    "trachea": Limits(-1100, -400, 200),
    "thyroid_gland": Limits(-60, 800, 500),
    "lung": Limits(*_LUNG_HU, 12000),
    "lung_left": Limits(*_LUNG_HU, 7000),
    "lung_right": Limits(*_LUNG_HU, 7000),
    "lung_upper_lobe_left": Limits(*_LUNG_HU, 4500),
    "lung_lower_lobe_left": Limits(*_LUNG_HU, 4500),
    "lung_upper_lobe_right": Limits(*_LUNG_HU, 4500),
    "lung_middle_lobe_right": Limits(*_LUNG_HU, 2500),
    "lung_lower_lobe_right": Limits(*_LUNG_HU, 4500),
    "heart": Limits(-60, 1500, 2500),
    "aorta": Limits(-60, 2000, 1500),
    "pulmonary_artery": Limits(-60, 2000, 500),
    "inferior_vena_cava": Limits(-60, 1500, 500),
    "portal_vein_and_splenic_vein": Limits(-60, 1500, 300),
    "urinary_bladder": Limits(-80, 3100, 3000),
    "prostate": Limits(-80, 800, 600),
    "brain": Limits(-60, 300, 2200),
    "spinal_cord": Limits(-130, 500, 250),
}
_BONES = {"vertebrae_": 250.0, "rib_": 150.0, "hip_": 1200.0, "femur_": 2000.0, "scapula_": 500.0}
# Left is where the patient's left is; organs of one side, and those whose name has a side but which
# lie about the middle.
_ONE_SIDE = {"liver": "right", "spleen": "left"}
_MIDDLE = ("heart_", "atrial_", "brachiocephalic_", "iliac_", "common_carotid_")


def implausible_organs(
    series: CTSeries, labelmap: Labelmap, measurements: Measurements
) -> tuple[Flag, ...]:
    """Return a flag for each organ that cannot be what its name says, at the organ's place.

    Parameters
    ----------
    series
        The CT; in values that are flagged not to be HU nothing is judged by them.
    labelmap
        Its organs, on the same grid.
    measurements
        Of this label map on this CT.

    Returns
    -------
    tuple of Flag

    Examples
    --------
    >>> from CTDoseSegLib.measurement.measurements import measure
    >>> from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    >>> from CTDoseSegLib.segmentation.threshold.engine import segment
    >>> series, _ = phantom_series(Phantom(shape=(96, 96, 4), spacing_mm=(4.5, 4.5, 40.0)))
    >>> labelmap = segment(series)
    >>> implausible_organs(series, labelmap, measure(series, labelmap))
    ()
    """
    problems: dict[str, list[str]] = {}
    for organ in measurements.groups:
        if limits := _limits(organ):
            problems[organ] = list(_beyond(limits, organ, series, measurements))
    for organ, problem in _wrong_sides(series, labelmap, measurements):
        problems.setdefault(organ, []).append(problem)
    return tuple(
        flag("not_this_organ", "; ".join(found)).at(organ_place(organ))
        for organ, found in problems.items()
        if found
    )


def _limits(organ: str) -> Limits | None:
    for prefix, most_ml in _BONES.items():
        if organ.startswith(prefix):
            return Limits(*_BONE_HU, most_ml)
    return LIMITS.get(organ)


def _beyond(
    limits: Limits, organ: str, series: CTSeries, measurements: Measurements
) -> Iterator[str]:
    volume_ml = measurements.volume_ml(organ, series.spacing_mm[2])
    if volume_ml < _LEAST_ML:
        return
    if not series.not_hu:
        columns = measurements.columns(organ)
        mean = measurements.sums[:, columns].sum() / measurements.counts[:, columns].sum()
        if not limits.low_hu <= mean <= limits.high_hu:
            yield f"mean {mean:.0f} HU ({limits.low_hu:.0f} to {limits.high_hu:.0f} is possible)"
    if series.regular and volume_ml > limits.most_ml:
        yield f"{volume_ml:.0f} ml (up to {limits.most_ml:.0f} ml is possible)"


def _wrong_sides(
    series: CTSeries, labelmap: Labelmap, measurements: Measurements
) -> Iterator[tuple[str, str]]:
    """Yield organs on the wrong side of the body, and what is wrong."""
    sides = {organ: side for organ in measurements.groups if (side := _side(organ))}
    if not sides or BODY not in labelmap.groups:
        return
    centroids = _Centroids(series, labelmap)
    offsets = {
        organ: offset
        for organ in sides
        if (offset := centroids.right_of_body_mm(organ)) is not None
    }
    for organ, offset in offsets.items():
        other = _other_side(organ)
        # How far it lies on the side that is not its own.
        wrong = offset if sides[organ] == "left" else -offset
        lies = "right" if sides[organ] == "left" else "left"
        if other in offsets:
            apart = offset - offsets[other] if sides[organ] == "left" else offsets[other] - offset
            if apart > _EXCHANGED_MM:
                yield organ, f"it lies {apart:.0f} mm to the patient's {lies} of {other}"
                continue
        if wrong > _WRONG_SIDE_MM:
            yield organ, f"it lies in the patient's {lies} half, {wrong:.0f} mm from the middle"


def _side(organ: str) -> str:
    if organ.startswith(_MIDDLE):
        return ""
    words = organ.split("_")
    return next((side for side in ("left", "right") if side in words), _ONE_SIDE.get(organ, ""))


def _other_side(organ: str) -> str:
    words = {"left": "right", "right": "left"}
    return "_".join(words.get(word, word) for word in organ.split("_"))


class _Centroids:
    """Where labels lie from right to left, from samples of the volume.

    The one pass of `measure` keeps no positions; this reads some 64 points an axis.
    """

    def __init__(self, series: CTSeries, labelmap: Labelmap) -> None:
        slices, rows, columns = labelmap.labels.shape
        down, across = max(1, rows // _SAMPLES), max(1, columns // _SAMPLES)
        j, i = np.mgrid[0:rows:down, 0:columns:across]
        # RAS x, which grows to the patient's right, of each sample.
        step_i, step_j, step_k, start = series.affine[0]
        in_plane = (step_i * i + step_j * j + start).ravel()
        top = max(atom.value for atom in labelmap.atoms) + 1
        self._labelmap = labelmap
        self._count = np.zeros((slices, top))
        self._sum = np.zeros((slices, top))
        for k in range(0, slices, max(1, slices // _SAMPLES)):
            values = labelmap.labels[k, ::down, ::across].ravel()
            count = np.bincount(values, minlength=top)
            self._count[k] = count
            self._sum[k] = np.bincount(values, in_plane, top) + step_k * k * count

    def right_of_body_mm(self, organ: str) -> float | None:
        """Return how far the organ's centroid lies to the right of the body's; None if unknown.

        The body's is that of the organ's slices, each weighted by the organ in it.
        """
        values = list(self._labelmap.values(organ))
        count = self._count[:, values].sum(axis=1)
        if count.sum() < _LEAST_SAMPLES:
            return None
        body = list(self._labelmap.values(BODY))
        occupied = count > 0
        body_x = (
            self._sum[:, body].sum(axis=1)[occupied] / self._count[:, body].sum(axis=1)[occupied]
        )
        own_x = self._sum[:, values].sum(axis=1)[occupied]
        return float((own_x - count[occupied] * body_x).sum() / count.sum())
