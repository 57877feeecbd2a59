"""Organ doses of images that lack a part of the body, against a run of the whole body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from simulated_bodies import Simulated, Subject

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.doses import OrganDose
from CTDoseSegLib.dosimetry.montecarlo.organs import organ_doses
from CTDoseSegLib.dosimetry.montecarlo.patient import Patient
from CTDoseSegLib.dosimetry.montecarlo.simulation import Settings, simulate_scan
from CTDoseSegLib.measurement.ctdi_per_mas import K90
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.tasks.progress import Progress

SHORT_MM = 40.0
OUTLINE = 0.15
ENDS, FIELD = "40 mm short at both ends", "15 % of the outline outside"
CUTS = (ENDS, FIELD)
LEAST_ML = 20.0
NOT_ORGANS = ("body", "couch", "headrest", "connective_tissue", "air_sinuses")
PARTS_OF_ORGANS = ("_cortex", "_spongiosa", "_medullary", "_wall", "_contents", "_vessels")

Part = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Compared:
    """An organ of images that are cut.

    Attributes
    ----------
    organ
        Its name.
    off
        Dose by the cut images over the true one, less 1.
    held
        Whether the 90 % interval holds the true dose.
    held_alone
        The same of an interval of nothing but what differs between both runs: the photons, and the
        component of missing anatomy. CTDIvol and the beam are the same in both.
    """

    organ: str
    off: float
    held: bool
    held_alone: bool


def compared_with_whole(
    subject: Subject, images: tuple[CTSeries, Labelmap], cut: str, relative_se: float
) -> list[Compared]:
    """Return every organ over 20 ml of the cut images beside the same part of it in a whole run.

    The irradiated range is that of the whole body's images, and known.
    """
    series = images[0]
    step = abs(series.affine[2, 2])
    z = series.z_mm
    range_mm = (float(z.min() - step / 2), float(z.max() + step / 2))
    whole = Simulated(subject, images, range_mm=range_mm)
    part = _ends(series) if cut == ENDS else _field(subject, images, range_mm)
    cropped = Simulated(subject, images, range_mm=range_mm, part=part)
    true = _doses(whole, _scoring(whole.patient, cropped), relative_se)
    found = _doses(cropped, cropped.patient, relative_se)
    return [
        _compared(dose, true[name])
        for name, dose in found.items()
        if name in true and dose.dose_mGy and true[name].dose_mGy and _counts(dose)
    ]


def _counts(organ: OrganDose) -> bool:
    return (
        (organ.volume_ml or 0.0) >= LEAST_ML
        and organ.organ not in NOT_ORGANS
        and not any(part in organ.organ for part in PARTS_OF_ORGANS)
    )


def _compared(organ: OrganDose, true: OrganDose) -> Compared:
    ratio = organ.dose_mGy / true.dose_mGy
    missing = organ.budget["missing_anatomy"]
    alone = np.hypot(missing, np.hypot(organ.budget["statistics"], true.budget["statistics"]))
    return Compared(
        organ=organ.organ,
        off=ratio - 1,
        held=bool(organ.total_low_mGy <= true.dose_mGy <= organ.total_high_mGy),
        held_alone=bool(abs(np.log(ratio)) <= K90 * alone),
    )


def _doses(body: Simulated, patient: Patient, relative_se: float) -> dict[str, OrganDose]:
    settings = Settings(relative_se, 2.0, 20_000_000, "generic body", 1, None, dose_map=False)
    run = simulate_scan(body.scan, settings, {}, Progress(), patient)
    return {one.organ: one for one in organ_doses(run.run)}


def _scoring(patient: Patient, cropped: Simulated) -> Patient:
    """Return the whole patient, scored only where the cropped images show it."""
    series, voxels = cropped.scan.series, patient.voxels
    region = np.zeros_like(voxels.region)
    size = np.array(series.hu.shape[::-1])
    ends = np.array([[-0.5, -0.5, -0.5, 1.0], [*(size - 0.5), 1.0]]) @ series.affine.T
    ends = np.sort(ends[:, :3] * (-1.0, -1.0, 1.0), axis=0)  # to the left and to posterior
    inside = [
        (middles > ends[0, axis]) & (middles < ends[1, axis])
        for axis, middles in enumerate(
            voxels.corner_mm[axis] + (np.arange(count) + 0.5) * voxels.spacing_mm[axis]
            for axis, count in enumerate(voxels.material.shape[::-1])
        )
    ]
    seen = inside[2][:, None, None] & inside[1][:, None] & inside[0]
    region[seen] = voxels.region[seen]
    voxels = replace(voxels, region=region)
    mass_g = patient.scores.of_regions(voxels.region_mass_g())
    return replace(patient, voxels=voxels, mass_g=mass_g)


def _ends(series: CTSeries) -> Part:
    slices = round(SHORT_MM / abs(series.affine[2, 2]))
    return slice(slices, len(series.hu) - slices), slice(None), slice(None)


def _field(
    subject: Subject, images: tuple[CTSeries, Labelmap], range_mm: tuple[float, float]
) -> Part:
    """Return the columns that cut both sides until the mean outline is cut by `OUTLINE`."""
    columns = images[0].hu.shape[2]
    low, high = 0, columns // 3
    while low < high:
        part = _columns(columns, (low + high) // 2)
        size = Simulated(subject, images, range_mm=range_mm, part=part).scan.size
        if np.nanmean(size.truncated_fraction) < OUTLINE:
            low = (low + high) // 2 + 1
        else:
            high = (low + high) // 2
    return _columns(columns, low)


def _columns(columns: int, off: int) -> Part:
    return slice(None), slice(None), slice(off, columns - off)
