"""Bodies of known age, sex and size, ready to be simulated, and doses per CTDIvol of any scan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history
from CTDoseSegLib.dosimetry.montecarlo.exposure import Exposure
from CTDoseSegLib.dosimetry.montecarlo.patient import Patient, patient_of
from CTDoseSegLib.dosimetry.montecarlo.response import Response, path_of
from CTDoseSegLib.dosimetry.montecarlo.simulation import _marrow_shares
from CTDoseSegLib.dosimetry.montecarlo.tally import MEDIUM, Tally
from CTDoseSegLib.dosimetry.montecarlo.tally import RED_MARROW as MARROW_DETECTOR
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

MOST_HISTORIES = 20_000_000
# Half of the usual overranging of helical scans, 30 to 70 mm.
OVERRANGING_MM = 25.0
RED_MARROW = "red marrow"


@dataclass(frozen=True)
class Subject:
    """A scan of a body; `body` and `scanned` hold what else of the body and of the phantom."""

    name: str
    age_y: float
    sex: str
    bmi: float | None = None
    height_cm: float | None = None
    region: str = "trunk"
    pixels: int = 128
    slice_mm: float = 8.0
    body: Mapping[str, Any] = field(default_factory=dict)
    scanned: Mapping[str, Any] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        return Person.of(self.age_y, self.sex, bmi=self.bmi, height_cm=self.height_cm)

    def images(self, folder: Path) -> tuple[CTSeries, Labelmap]:
        """Return the images and labels; made once for a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{hashlib.sha256(repr(self).encode()).hexdigest()[:16]}.npz"
        if not file.exists():
            body = Body(person=self.person, **{"variation": 0.0, **self.body})
            more = {"pixels": self.pixels, "slice_mm": self.slice_mm, **self.scanned}
            series, truth = phantom_series(Phantom.of_body(body, self.region, **more))
            about = json.dumps({"names": dict(truth.names), "groups": dict(truth.groups)})
            arrays = {"hu": series.hu, "labels": truth.labels, "affine": truth.affine}
            np.savez_compressed(file, about=np.array(about), **arrays)
        with np.load(file, allow_pickle=False) as stored:
            hu, labels, affine = (stored[name] for name in ("hu", "labels", "affine"))
            about = json.loads(str(stored["about"]))
        z_mm = affine[2, 3] + affine[2, 2] * np.arange(len(hu))
        slices = tuple(SliceInfo(z_mm=float(z)) for z in z_mm)
        atoms = tuple(Atom(n, name, "", "#888888", "truth") for name, n in about["names"].items())
        groups = {name: tuple(members) for name, members in about["groups"].items()}
        labelmap = Labelmap(labels, affine, atoms, groups, "truth")
        return CTSeries(hu, affine, slices, Acquisition(), self.name), labelmap


class Simulated:
    """A subject, or a part of its images, that can be simulated."""

    def __init__(
        self,
        subject: Subject,
        images: tuple[CTSeries, Labelmap],
        *,
        phantom_cm: int = 32,
        voltage_kV: float = 120.0,
        range_mm: tuple[float, float] | None = None,
        part: tuple[slice, slice, slice] = (slice(None),) * 3,
    ) -> None:
        series, labelmap = images
        first = [one.start or 0 for one in part]
        affine = series.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.array(first[::-1], float)
        acquisition = Acquisition(
            kvp_kV=voltage_kV,
            ctdivol_mGy=1.0,
            phantom_cm=phantom_cm,
            total_collimation_mm=20.0,
            age_years=subject.age_y,
            sex=subject.sex[0].upper(),
            irradiated_range_mm=range_mm,
            isocentre_mm=tuple(_middle(series)),
            sources={"irradiated_range_mm": "user"} if range_mm else {},
        )
        series = replace(
            series,
            hu=series.hu[part],
            affine=affine,
            slices=series.slices[part[0]],
            acquisition=acquisition,
        )
        labelmap = replace(labelmap, labels=labelmap.labels[part], affine=affine)
        measured = measure(series, labelmap)
        size = measure_size(series, labelmap, measured)
        self.subject = subject
        self.scan = Scan.of(series, labelmap, measured, size)

    @cached_property
    def patient(self) -> Patient:
        return patient_of(self.scan)

    def extent_mm(self, organ: str) -> tuple[float, float]:
        """Return the lowest and highest slice that show an organ."""
        z = self.scan.series.z_mm[self.scan.organs[organ].count > 0]
        return float(z.min()), float(z.max())

    def exposure(
        self, low_mm: float, high_mm: float, phantom_cm: int = 32, beyond_mm: float = OVERRANGING_MM
    ) -> Exposure:
        """Return a scan of 1 mGy between these images, overranging added."""
        z = self.scan.series.z_mm
        path = (low_mm - beyond_mm, high_mm + beyond_mm)
        return Exposure(np.sort(z), np.ones(len(z)), path, 0.0, phantom_cm, 20.0)

    def size_mm(self, exposure: Exposure) -> tuple[float, float]:
        """Return mean effective and water-equivalent diameter of the images in a scan."""
        z, size = self.scan.series.z_mm, self.scan.size
        inside = (z >= exposure.range_mm[0]) & (z <= exposure.range_mm[1])
        effective = np.sqrt(4 / np.pi * size.body_area_mm2[inside])
        return float(effective.mean()), float(np.nanmean(size.wed_mm[inside]))

    def doses(
        self,
        exposures: Mapping[str, Exposure],
        organs: Mapping[str, tuple[str, ...]],
        *,
        voltage_kV: float = 120.0,
        beam_name: str = "generic body",
        relative_se: float = 0.02,
        collimation_mm: float = 20.0,
    ) -> dict[tuple[str, str], tuple[float, float]]:
        """Return the dose for 1 mGy of CTDIvol, with its relative error, by scan and organ.

        Parameters
        ----------
        exposures
            Name of each scan to its path; all from one run.
        organs
            Name of each scan to the scores that count; a name may be `RED_MARROW`.
        """
        beam = beam_of(beam_name, voltage_kV, collimation_mm=collimation_mm)
        phantom_cm = {one.phantom_cm for one in exposures.values()}.pop()
        kerma, kerma_se = ctdi_weighted_per_history(beam, phantom_cm)
        ends = [one.range_mm for one in exposures.values()]
        union = replace(
            next(iter(exposures.values())),
            range_mm=(min(low for low, _ in ends), max(high for _, high in ends)),
        )
        path = path_of(union)
        patient = self.patient

        def result(tally: Tally) -> dict[tuple[str, str], tuple[float, float]]:
            response = Response(tally, path, patient.mass_g, kerma, kerma_se / kerma)
            found = {}
            for scan, exposure in exposures.items():
                for organ in organs[scan]:
                    found[scan, organ] = _dose(patient, response, exposure, organ)
            return found

        tally = simulate(
            patient.voxels,
            beam,
            path,
            patient.scores,
            histories=MOST_HISTORIES,
            until=lambda tally: max(se for _, se in result(tally).values()) <= relative_se,
        )
        return result(tally)


def _dose(
    patient: Patient, response: Response, exposure: Exposure, organ: str
) -> tuple[float, float]:
    names = patient.scores.names
    if organ != RED_MARROW:
        dose, error = response.doses(exposure, MEDIUM)
        score = names.index(organ)
        return float(dose[score]), float(error[score])
    dose, error = response.doses(exposure, MARROW_DETECTOR)
    share = {name: part for name, part in _marrow_shares(patient).items() if name in names}
    total = sum(share.values())
    where = [names.index(name) for name in share]
    parts = dose[where] * np.array(list(share.values())) / total
    error = np.where(np.isfinite(error[where]), error[where], 0.0)
    return float(parts.sum()), float(np.linalg.norm(parts * error) / parts.sum())


def _middle(series: CTSeries) -> np.ndarray:
    """Return x and y (RAS) of the middle of the images."""
    last = np.array([*(np.array(series.hu.shape[::-1]) - 1) / 2, 1.0])
    return (series.affine @ last)[:2]
