"""Fit a beam to CTDI that was measured: half-value layer, bowtie filter and its thickness.

Unknown are the filtration of the central ray, which of the published bowtie filters has the shape
of this one, and the factor on its thickness; besides, one factor for all doses (the tube's output)
and one for each voltage, as generators and timers err by some per cent. Least squares of the
logarithms, each reading with its own standard deviation, find them for every shape, and the shape
with the least sum is taken. Wide priors keep what was not measured near what scanners have.

A reading that the others contradict is found by its studentized residual (R. D. Cook and
S. Weisberg, Residuals and Influence in Regression, 1982): how far it is from what the fit would
expect without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ...ct.scanner_profile import MeasuredBeam
from ...errors import AcquisitionError
from ...tasks.progress import Progress
from .beams import REFERENCE_COLLIMATION_MM, REFERENCE_KV, BeamModel, behind, measured_model
from .bowties import table
from .ctdi import CTDI, ctdi_in_air_per_history, ctdi_of
from .measured_ctdi import CENTRE, HVL, IN_AIR, MeasuredCTDI, MeasuredFilter, Reading
from .spectra import air_kerma_uGy, filtration_of, half_value_layer_mm, spectrum

# Of an HVL's reading, of the output between voltages, of the tube's output.
HVL_SD, VOLTAGE_SD, OUTPUT_SD = 0.02, 0.05, 0.5
# Half-value layer at 120 kV of CT scanners, and ln of the factor on the thickness of a filter.
PRIOR_HVL_MM, PRIOR_LOG_SCALE = (7.7, 0.6), (0.0, 0.5)
# A reading this many standard deviations from what the others expect contradicts them: one in
# some thousand sets of measurements has such a reading by chance.
CONTRADICTS = 4.0
_STEPS, _DONE = 30, 1e-5
# Which of filtration and scale are moved to see what changes.
_MOVES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
# Other shapes that fit nearly as well: their chi squared is less than this above the best.
_NEARLY = 4.0
_MOST_ALTERNATIVES = 4
_LOG_LOWEST, _LOG_HIGHEST = np.log([0.5, 0.1]), np.log([60.0, 6.0])


@dataclass(frozen=True)
class Residual:
    """A reading beside the fit.

    Attributes
    ----------
    reading
        As measured.
    fitted
        What the fitted beam gives.
    studentized
        Distance from what the fit expects without this reading, in standard deviations of it.
    """

    reading: Reading
    fitted: float
    studentized: float

    @property
    def percent(self) -> float:
        """By how much the reading is above the fit."""
        return 100.0 * (self.reading.value / self.fitted - 1.0)


@dataclass(frozen=True)
class FittedBeam:
    """A beam that fits measurements.

    Attributes
    ----------
    beam
        For the scanner profile.
    residuals
        One for each reading.
    chi_squared, degrees_of_freedom
        Of the readings and priors.
    """

    beam: MeasuredBeam
    residuals: tuple[Residual, ...]
    chi_squared: float
    degrees_of_freedom: int

    @property
    def model(self) -> BeamModel:
        """As the engine takes it."""
        return measured_model(self.beam)


def commission(
    measured: MeasuredCTDI,
    *,
    bowties: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> tuple[FittedBeam, ...]:
    """Fit the beam of each filter that was measured.

    Parameters
    ----------
    measured
        On one scanner.
    bowties
        Names of the published filters whose shapes are tried; None: all.
    progress
        Takes progress; may cancel.

    Returns
    -------
    tuple of FittedBeam
        In the order of the filters.

    Raises
    ------
    AcquisitionError
        If readings contradict each other; the sentence names them.
    """
    names = tuple(table().bowties if bowties is None else bowties)
    progress = progress or Progress()
    fits = []
    for number, one in enumerate(measured.filters):
        progress.update(number / len(measured.filters), f"fitting the filter {one.name}")
        fits.append(_commissioned(one, measured, names, progress))
    progress.update(1.0, "fitted")
    return tuple(fits)


def _commissioned(
    one: MeasuredFilter, measured: MeasuredCTDI, bowties: Sequence[str], progress: Progress
) -> FittedBeam:
    readings, contradictions = list(one.readings), []
    while True:
        fits = []
        for name in bowties:
            fits.append(_Fit(readings, measured, name).run())
            progress.check_cancelled()
        fits.sort(key=lambda fit: fit.cost)
        distance = np.abs(fits[0].studentized())
        worst = int(distance.argmax())
        if distance[worst] < CONTRADICTS or len(readings) == 1:
            break
        contradictions.append(readings.pop(worst))
    if contradictions:
        raise AcquisitionError(_contradiction(one.name, contradictions, fits[0]))
    return _fitted(one, measured, fits)


def _contradiction(name: str, readings: Sequence[Reading], fit: _Fit) -> str:
    parts = [
        f"{reading.words} is {reading.value:g} {reading.unit} where the other measurements expect "
        f"{expected:.3g}"
        for reading, expected in zip(readings, fit.expected(readings), strict=True)
    ]
    return (
        f"Measurements of the filter {name} contradict each other: {'; '.join(parts)}. "
        "Measure again, or leave out what is wrong."
    )


def _fitted(one: MeasuredFilter, measured: MeasuredCTDI, fits: Sequence[_Fit]) -> FittedBeam:
    fit = fits[0]
    residuals = tuple(
        Residual(reading, value, float(distance))
        for reading, value, distance in zip(
            fit.readings, fit.expected(fit.readings), fit.studentized(), strict=True
        )
    )
    hvl_mm, slope = _hvl_at_120_kV(float(fit.values[0]))
    others = [other for other in fits[1:] if other.cost < fit.cost + _NEARLY]
    beam = MeasuredBeam(
        name=one.name,
        phantom_cm=one.phantom_cm,
        bowtie=fit.model.bowtie,
        bowtie_scale=_scale(fit),
        hvl_mm=round(hvl_mm, 3),
        hvl_sd_mm=round(float(slope * np.sqrt(fit.covariance()[0, 0])), 3),
        focus_isocentre_mm=measured.focus_isocentre_mm,
        alternatives={o.model.bowtie: _scale(o) for o in others[:_MOST_ALTERNATIVES]},
    )
    # Filtration, scale and output are free; the output of each voltage has its prior.
    return FittedBeam(beam, residuals, float(fit.cost), max(len(fit.readings) - 3, 0))


def _scale(fit: _Fit) -> float:
    return round(float(np.exp(fit.values[1])), 3)


class _Fit:
    """Gauss and Newton's steps for one shape of bowtie filter.

    The unknowns are ln(filtration), ln(scale), ln(output), and ln(output) of each voltage beyond
    that. Rows are readings, then priors, each over its standard deviation; doses are linear in all
    outputs, so that only two columns of the matrix need the beam anew.
    """

    def __init__(self, readings: Sequence[Reading], measured: MeasuredCTDI, bowtie: str) -> None:
        self.readings = tuple(readings)
        self.voltages = sorted({reading.voltage_kV for reading in readings})
        self.model = BeamModel(
            "commissioned", bowtie, 7.7, 32, focus_isocentre_mm=measured.focus_isocentre_mm
        )
        self.sd = np.array([_sd(reading, measured.relative_sd) for reading in readings])
        self.values = np.zeros(3 + len(self.voltages))
        self.values[0] = _usual_log_mm()
        self.cost, self.rows, self.jacobian = np.inf, np.empty(0), np.empty(0)

    def run(self) -> _Fit:
        """Find the unknowns."""
        self._look(self.values)
        for _ in range(_STEPS):
            step = np.linalg.lstsq(self.jacobian, -self.rows, rcond=None)[0]
            before, cost = self.values, self.cost
            for factor in (1.0, 0.5, 0.25, 0.1):
                values = before + factor * step
                values[:2] = np.clip(values[:2], _LOG_LOWEST, _LOG_HIGHEST)
                self._look(values)
                if self.cost <= cost + 1e-9:
                    break
            if np.abs(self.values - before).max() < _DONE:
                break
        return self

    def expected(self, readings: Sequence[Reading]) -> list[float]:
        """Return what the fit gives for readings, also for others than those fitted."""
        logs = self._logs(self.values[:2], readings) + self._outputs(readings) @ self.values[2:]
        return [float(np.exp(log)) for log in logs]

    def covariance(self) -> np.ndarray:
        """Return that of the unknowns."""
        return np.linalg.pinv(self.jacobian.T @ self.jacobian)

    def studentized(self) -> np.ndarray:
        """Return each reading's distance from what the fit expects without it."""
        hat = np.einsum("ij,jk,ik->i", self.jacobian, self.covariance(), self.jacobian)
        free = 1.0 - hat
        # A row that alone determines an unknown contradicts nothing.
        distance = np.where(free > 1e-3, self.rows / np.sqrt(np.maximum(free, 1e-3)), 0.0)
        return -distance[: len(self.readings)]

    def _look(self, values: np.ndarray) -> None:
        """Take values, with the rows and the matrix that belong to them."""
        step = 1e-3
        shapes = [self._logs(values[:2] + step * moved, self.readings) for moved in _MOVES]
        outputs = self._outputs(self.readings)
        measured = np.log([reading.value for reading in self.readings])
        of_readings = (shapes[0] + outputs @ values[2:] - measured) / self.sd
        by_shape = [(moved - shapes[0]) / step for moved in shapes[1:]]
        jacobian = np.column_stack((*by_shape, outputs)) / self.sd[:, None]
        priors, slopes = self._priors(values)
        self.values = values
        self.rows = np.concatenate((of_readings, priors))
        self.jacobian = np.vstack((jacobian, slopes))
        self.cost = float(self.rows @ self.rows)

    def _priors(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the priors' rows and their part of the matrix."""
        hvl_mm, slope = _hvl_at_120_kV(float(values[0]))
        sd = np.array([PRIOR_HVL_MM[1], PRIOR_LOG_SCALE[1], OUTPUT_SD, *self.voltages])
        sd[3:] = VOLTAGE_SD
        away = values - np.array([0.0, PRIOR_LOG_SCALE[0], *np.zeros(len(values) - 2)])
        away[0] = hvl_mm - PRIOR_HVL_MM[0]
        slopes = np.eye(len(values))
        slopes[0, 0] = slope
        return away / sd, slopes / sd[:, None]

    def _outputs(self, readings: Sequence[Reading]) -> np.ndarray:
        """Return by which outputs a reading is multiplied, [reading, output]."""
        dose = np.array([reading.quantity != HVL for reading in readings])
        voltage = np.array([reading.voltage_kV for reading in readings])
        own = voltage[:, None] == np.array(self.voltages)
        return np.column_stack((dose, own & dose[:, None])).astype(float)

    def _logs(self, log_shape: np.ndarray, readings: Sequence[Reading]) -> np.ndarray:
        """Return ln of what readings would be of an ideal tube, [reading]."""
        central_mm, scale = np.exp(log_shape)
        model = replace(self.model, bowtie_scale=float(scale))
        logs = np.empty(len(readings))
        for voltage in {reading.voltage_kV for reading in readings}:
            here = [n for n, reading in enumerate(readings) if reading.voltage_kV == voltage]
            ideal = IdealReadings(model, voltage, float(central_mm))
            logs[here] = [np.log(ideal.of(readings[n])) for n in here]
        return logs


class IdealReadings:
    """What a beam gives with the output of an ideal tube, at one voltage.

    Parameters
    ----------
    model
        Its half-value layer does not count.
    voltage_kV
        60 to 150.
    central_mm
        Filtration of the central ray in mm of aluminium.
    """

    def __init__(self, model: BeamModel, voltage_kV: float, central_mm: float) -> None:
        self._spectrum = spectrum(voltage_kV, central_mm)
        self._beam = behind(model, voltage_kV, central_mm, REFERENCE_COLLIMATION_MM)
        # Per mAs at 1 m in uGy; 100 mAs and mGy make a tenth.
        by_distance = (1000.0 / model.focus_isocentre_mm) ** 2
        self._in_air = air_kerma_uGy(*self._spectrum) / 10.0 * by_distance
        self._scale = self._in_air / ctdi_in_air_per_history(self._beam)
        self._ctdi: dict[int, CTDI] = {}

    def of(self, reading: Reading) -> float:
        """Return what a reading would be; its own value does not count."""
        if reading.quantity == HVL:
            return half_value_layer_mm(*self._spectrum)
        if reading.quantity == IN_AIR or reading.phantom_cm is None:
            return self._in_air
        if reading.phantom_cm not in self._ctdi:
            self._ctdi[reading.phantom_cm] = ctdi_of(self._beam, reading.phantom_cm)
        ctdi = self._ctdi[reading.phantom_cm]
        return self._scale * (ctdi.centre if reading.quantity == CENTRE else ctdi.periphery)


def _sd(reading: Reading, relative_sd: float) -> float:
    return HVL_SD if reading.quantity == HVL else relative_sd


@lru_cache(maxsize=1)
def _usual_log_mm() -> float:
    """Return ln of the filtration of the prior."""
    return float(np.log(filtration_of(REFERENCE_KV, PRIOR_HVL_MM[0])))


def _hvl_at_120_kV(log_mm: float) -> tuple[float, float]:
    """Return the half-value layer of a filtration, and its slope over ln(filtration)."""
    step = 1e-3
    low, high = (
        half_value_layer_mm(*spectrum(REFERENCE_KV, float(np.exp(log))))
        for log in (log_mm, log_mm + step)
    )
    return low, (high - low) / step
