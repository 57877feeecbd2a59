"""How the dose model's coefficients come to be: `ctdoseseg train-dose`.

Rows of every organ are matched to their patients (`arrays`), rows near the simulation's ends are
left out, and ln(label / (K * mA)) is fitted by a robust, bounded least squares for each organ and
region. A patient counts as much as another, however many slices the organ has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..dosimetry.dose_model import (
    TERMS,
    Kernel,
    OrganModel,
    RegionModel,
    Span,
    air_terms,
    design,
    smooth,
    spread,
)
from ..errors import InputError
from .arrays import BACKBONE, Patient, RegionArrays

# Fixed beforehand: the fall-off outside the irradiated range in a 32 cm water phantom, 0.48 of the
# plateau at the edge, 0.19 at 25 mm, 0.11 at 50 mm and 0.06 at 75 mm outside (a quick Monte Carlo
# simulation); this gives 0.50, 0.18, 0.10 and 0.06.
KERNEL: Kernel = ((0.55, 12.0), (0.45, 60.0))
# CTDIvol (32 cm phantom, mGy) per effective mAs at 120 kV that makes the training scans' organ
# doses about their SSDE.
CTDIVOL_PER_MAS = {"chest": 0.061, "abdomen": 0.068}
NOT_PREDICTED = {
    "lung_trachea_bronchia": "a tenth of its training labels are 0 mGy, dose scored in air",
    "trachea": "the published airway labels are dose scored in air",
    "urinary_bladder": "two thirds of its training rows are not bladder",
    "thyroid_gland": "it has no training rows",
    "spinal_cord": "it has no training rows",
    "heart": "only its chambers and the myocardium were trained on; give a label map of those",
}
SUSPECT = ("stomach", "gallbladder")
# Below these HU the label of an organ falls, to 0.3 for lung of -900 HU, alike in all lobes, as if
# its air had been scored as nearly no dose. Dose to tissue does not fall with lung density.
_LUNG_KNOTS_HU = (-830.0, -865.0)
_GAS_KNOTS_HU = (-300.0,)
_GAS_ORGANS = ("colon", "small_bowel", "stomach", "esophagus")
# A patient whose organs all lie further off than this belongs to the hidden minority of the
# abdomen arrays: a factor of his own is taken out before the coefficients are fitted.
_HIDDEN_FACTOR_LOG = 0.12
_ROUNDS = 4
_REWEIGHTINGS = 12
_RIDGE = 1e-3
_HUBER = 1.345
# Labels are rounded to 0.1 mGy, the smallest to 0.
_LABEL_FLOOR_MGY = 0.05


@dataclass(frozen=True)
class Sample:
    """The rows of one organ of one patient that are fitted or scored, foot to head, [n].

    `wed_mm` and `tube_current_mA` are smoothed along the body; `z_mm` and `keep` tell all of the
    organ's slices and which of them are interior.
    """

    patient: int
    z_mm: np.ndarray
    keep: np.ndarray
    tube_current_mA: np.ndarray
    wed_mm: np.ndarray
    hu: np.ndarray
    sd: np.ndarray
    dose_mGy: np.ndarray


def samples_of(patients: tuple[Patient, ...], organ: str) -> list[Sample]:
    """Samples of one organ, of the patients that have interior rows of it."""
    out = []
    for number, patient in enumerate(patients):
        rows = patient.organs.get(organ)
        if rows is not None and patient.interior[rows.slices].any():
            out.append(sample_of(number, patient, organ))
    return out


def sample_of(number: int, patient: Patient, organ: str) -> Sample:
    """Sample of one organ of one patient."""
    rows = patient.organs[organ]
    current = spread(patient.z_mm, KERNEL) @ patient.tube_current_mA
    wed = smooth(patient.z_mm, patient.wed_mm, KERNEL)
    return Sample(
        patient=number,
        z_mm=patient.z_mm[rows.slices],
        keep=patient.interior[rows.slices],
        tube_current_mA=current[rows.slices],
        wed_mm=wed[rows.slices],
        hu=rows.hu,
        sd=rows.sd,
        dose_mGy=rows.dose_mGy,
    )


def fit_region(
    region: str,
    samples: Mapping[str, list[Sample]],
    left_out: Mapping[str, int],
    quantiles: Mapping[str, float],
) -> RegionModel:
    """Fit all organs of a region.

    Parameters
    ----------
    samples
        Organ to the samples to fit.
    left_out
        Organ to the number of its rows that are not among them.
    quantiles
        Organ to its conformal quantile, which is kept beside the coefficients.

    Raises
    ------
    InputError
        If an organ has fewer than five patients.
    """
    for organ, found in samples.items():
        if len(found) < 5:
            raise InputError(
                f"{organ} ({region}) has interior rows of {len(found)} patients only; the dose "
                "model needs at least 5."
            )
    frames = {organ: _Frame(organ, found) for organ, found in samples.items()}
    factors: dict[int, float] = {}
    solutions: dict[str, np.ndarray] = {}
    for _ in range(_ROUNDS):
        offsets: dict[int, list[float]] = {}
        for organ, frame in frames.items():
            shift = np.array([factors.get(p, 0.0) for p in frame.patient])
            solutions[organ] = frame.solve(frame.target - shift)
            if organ not in SUSPECT:
                rest = frame.target - frame.matrix @ solutions[organ]
                for patient, mean in frame.by_patient(rest).items():
                    offsets.setdefault(patient, []).append(mean)
        medians = {patient: float(np.median(values)) for patient, values in offsets.items()}
        factors = {p: m for p, m in medians.items() if abs(m) > _HIDDEN_FACTOR_LOG}
    organs = {
        organ: frame.model(region, solutions[organ], left_out[organ], quantiles.get(organ, np.inf))
        for organ, frame in frames.items()
    }
    return RegionModel(region, KERNEL, CTDIVOL_PER_MAS[region], organs)


def organs_to_fit(arrays: RegionArrays) -> tuple[str, ...]:
    """Organs of the arrays that get a model."""
    return tuple(organ for organ in arrays.organs if organ not in NOT_PREDICTED)


def air_knots(organ: str) -> tuple[float, ...]:
    """Below which HU the organ's labels show air scored as nearly no dose."""
    if organ.startswith("lung") and organ != "lung_vessels":
        return _LUNG_KNOTS_HU
    return _GAS_KNOTS_HU if organ in _GAS_ORGANS else ()


class _Frame:
    """The rows of one organ as a system of equations, which is solved anew in every round."""

    def __init__(self, organ: str, samples: list[Sample]) -> None:
        self.organ = organ
        self.samples = samples
        kept = np.concatenate([s.keep for s in samples])
        hu = np.concatenate([s.hu for s in samples])[kept]
        wed = np.concatenate([s.wed_mm for s in samples])[kept]
        current = np.concatenate([s.tube_current_mA for s in samples])[kept]
        dose = np.concatenate([s.dose_mGy for s in samples])[kept]
        self.training = {
            "hu": _percentiles(hu),
            "wed_mm": _percentiles(wed),
            "tube_current_mA": _percentiles(current),
        }
        self.knots = air_knots(organ)
        lowest = max((self.training["hu"].low, *self.knots[:1]))
        self.hu_cap = Span(lowest, max(self.training["hu"].high, lowest + 1.0))
        self.wed_cap = Span(float(wed.min()), float(wed.max()))
        extents = [np.ptp(s.z_mm) for s in samples]
        self.short_extent = 0.0 if organ == BACKBONE else float(np.quantile(extents, 0.1))
        columns = [
            design(s.z_mm, s.wed_mm, s.hu, self.hu_cap, self.wed_cap, self.short_extent)[s.keep]
            for s in samples
        ]
        base = np.concatenate(columns)
        if organ == BACKBONE:
            # The skin's position within its own extent is the position within the images.
            base[:, [TERMS.index("position"), TERMS.index("position_squared")]] = 0.0
        self.matrix = np.hstack((base, air_terms(hu, self.knots, self.training["hu"].low)))
        self.target = np.log(np.maximum(dose, _LABEL_FLOOR_MGY) / current)
        self.patient = np.concatenate([np.full(s.keep.sum(), s.patient) for s in samples])
        self._codes = np.unique(self.patient, return_inverse=True)[1]
        self._rows = np.bincount(self._codes)

    def by_patient(self, values: np.ndarray) -> dict[int, float]:
        """Mean of the rows' values for each patient."""
        return dict(
            zip(np.unique(self.patient).tolist(), self._means(values).tolist(), strict=True)
        )

    def _means(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._codes, values) / self._rows

    def solve(self, target: np.ndarray) -> np.ndarray:
        """Bounded least squares, reweighted after Huber for patients and rows."""
        from scipy.optimize import lsq_linear

        width = self.matrix.shape[1]
        upper = np.full(width, np.inf)
        upper[TERMS.index("wed")] = 0.0
        ridge = np.sqrt(_RIDGE * len(target)) * np.eye(width)
        ridge[0] = 0.0
        equal = 1.0 / self._rows[self._codes]
        equal /= equal.mean()
        weight, solution = equal, np.zeros(width)
        for _ in range(_REWEIGHTINGS):
            root = np.sqrt(weight)
            solution = lsq_linear(
                np.vstack((self.matrix * root[:, None], ridge)),
                np.concatenate((target * root, np.zeros(width))),
                bounds=(-np.inf, upper),
            ).x
            rest = target - self.matrix @ solution
            mean = self._means(rest)
            within = rest - mean[self._codes]
            weight = equal * _huber(mean)[self._codes] * _huber(within)
        return solution

    def model(
        self, region: str, solution: np.ndarray, left_out: int, quantile: float
    ) -> OrganModel:
        values = np.round(solution, 9).tolist()
        return OrganModel(
            organ=self.organ,
            region=region,
            coefficients=dict(zip(TERMS, values, strict=False)),
            hu_cap=self.hu_cap,
            wed_cap_mm=self.wed_cap,
            short_extent_mm=self.short_extent,
            training=self.training,
            model_log_q90=float(quantile),
            air_label=dict(zip(self.knots, values[len(TERMS) :], strict=True)),
            warn=self.organ in SUSPECT,
            counts={
                "patients": len(self.samples),
                "rows": len(self.target),
                "rows_left_out": int(left_out),
            },
        )


def _percentiles(values: np.ndarray) -> Span:
    low, high = np.quantile(values, (0.01, 0.99))
    return Span(float(low), float(high))


def _huber(rest: np.ndarray) -> np.ndarray:
    """Huber weights, the scale from the median absolute value."""
    scale = max(1.4826 * float(np.median(np.abs(rest))), 0.01)
    return 1.0 / np.maximum(1.0, np.abs(rest) / (_HUBER * scale))
