"""Organ by organ and patient by patient, what the dose model is fitted to and scored on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...dosimetry.beam import EVERYWHERE
from ...dosimetry.fast.kernel import Kernel, convolution_matrix, smooth
from ...dosimetry.fast.model import NARROW, WIDE
from .arrays import Patient

# K of the tube current. Several pairs of lengths from 12 to 80 mm fit within half a per cent of
# each other; shorter ones are clearly worse in the chest. Outside an irradiated range the wide one
# falls to 0.50, 0.27, 0.16 and 0.09 of the plateau at 0, 25, 50 and 75 mm, the narrow one to 0.50,
# 0.18, 0.07 and 0.02 (a quick Monte Carlo simulation of a 32 cm water phantom: 0.48, 0.19, 0.11
# and 0.06): what is fitted holds the width of the beam and the lung's low density as well.
KERNELS: Mapping[str, Kernel] = {
    WIDE: ((0.5, 30.0), (0.5, 60.0)),
    NARROW: ((1.0, 25.0),),
}
# The size that shadows an organ is that of its own slices and of those that scatter comes from.
SIZE_KERNELS: tuple[Kernel, Kernel] = (((0.55, 12.0), (0.45, 60.0)), ((1.0, 100.0),))
# The chest's simulated beam starts inside the images: labels pass half of the plateau here.
BEAM_INSET_MM = {"chest": 41.0, "abdomen": 0.0}
CROP_MARGIN_MM = 10.0


@dataclass(frozen=True)
class Features:
    """What the model sees of an organ's slices, [n].

    Attributes
    ----------
    current_mA
        Tube current convolved along the body, by the kernel's name.
    sizes_mm
        Water equivalent diameter, smoothed over a short and over a long way, [n, 2].
    """

    current_mA: Mapping[str, np.ndarray]
    sizes_mm: np.ndarray


@dataclass(frozen=True)
class Sample:
    """The rows of one organ of one patient, foot to head, [n].

    Attributes
    ----------
    patient
        Number of the patient in the region's arrays.
    keep
        True on interior rows, which are fitted and scored.
    whole, cropped
        Features in the whole scan, and in the scan cropped to the organ +- 10 mm, the irradiated
        range not known.
    in_beam_mA
        Tube current convolved within the simulated beam, as where the range is known.
    """

    patient: int
    keep: np.ndarray
    whole: Features
    cropped: Features
    in_beam_mA: Mapping[str, np.ndarray]
    hu: np.ndarray
    dose_mGy: np.ndarray


def samples_of(
    region: str, patients: tuple[Patient, ...], *, all_rows: bool = False
) -> dict[str, list[Sample]]:
    """Return each organ's samples, of patients with interior rows (any, if `all_rows`)."""
    out: dict[str, list[Sample]] = {}
    for number, patient in enumerate(patients):
        scan = _Scan(region, patient)
        for organ, rows in patient.organs.items():
            if all_rows or patient.interior[rows.slices].any():
                out.setdefault(organ, []).append(scan.sample(number, organ))
    return dict(sorted(out.items()))


class _Scan:
    """One patient's tube current and size, convolved along the body."""

    def __init__(self, region: str, patient: Patient) -> None:
        self.patient = patient
        z = patient.z_mm
        self.beam = (float(z[0]), float(z[-1]) - BEAM_INSET_MM[region])
        self.whole = _features(patient, np.ones(len(z), bool))
        self.in_beam = _convolved(patient, np.ones(len(z), bool), self.beam)

    def sample(self, number: int, organ: str) -> Sample:
        patient, rows = self.patient, self.patient.organs[organ]
        z = patient.z_mm[rows.slices]
        inside = (patient.z_mm >= z.min() - CROP_MARGIN_MM) & (
            patient.z_mm <= z.max() + CROP_MARGIN_MM
        )
        cropped = self.whole if inside.all() else _features(patient, inside)
        first = 0 if inside.all() else int(np.argmax(inside))
        return Sample(
            patient=number,
            keep=patient.interior[rows.slices],
            whole=_at(self.whole, rows.slices),
            cropped=_at(cropped, rows.slices - first),
            in_beam_mA={name: v[rows.slices] for name, v in self.in_beam.items()},
            hu=rows.hu,
            dose_mGy=rows.dose_mGy,
        )


def _convolved(
    patient: Patient, inside: np.ndarray, beam: tuple[float, float] = EVERYWHERE
) -> dict[str, np.ndarray]:
    z, current = patient.z_mm[inside], patient.tube_current_mA[inside]
    return {name: convolution_matrix(z, kernel, beam) @ current for name, kernel in KERNELS.items()}


def _features(patient: Patient, inside: np.ndarray) -> Features:
    z, wed = patient.z_mm[inside], patient.wed_mm[inside]
    sizes = np.column_stack([smooth(z, wed, kernel) for kernel in SIZE_KERNELS])
    return Features(_convolved(patient, inside), sizes)


def _at(features: Features, slices: np.ndarray) -> Features:
    current = {name: values[slices] for name, values in features.current_mA.items()}
    return Features(current, features.sizes_mm[slices])
