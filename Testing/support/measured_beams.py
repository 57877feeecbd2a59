"""CTDI as a physicist would measure it, made from a known beam with noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CTDoseSegLib.dosimetry.montecarlo.beams import BeamModel
from CTDoseSegLib.dosimetry.montecarlo.commission import HVL_SD, IdealReadings
from CTDoseSegLib.dosimetry.montecarlo.measured_ctdi import MeasuredCTDI, MeasuredFilter, Reading
from CTDoseSegLib.dosimetry.montecarlo.spectra import filtration_of

VOLTAGES_KV = (80.0, 100.0, 120.0, 140.0)


def readings_of(
    model: BeamModel,
    *,
    seed: int = 0,
    noise: float = 0.03,
    voltages_kV: tuple[float, ...] = VOLTAGES_KV,
    phantoms_cm: tuple[int, ...] = (32, 16),
) -> tuple[Reading, ...]:
    """Centre, periphery and air at each voltage, HVL at 120 kV; output off by 15 and 5 %."""
    rng = np.random.default_rng(seed)
    aluminium_mm = filtration_of(120, model.hvl_mm)
    readings = []
    for kV in voltages_kV:
        output = 1.15 * np.exp(0.05 * rng.standard_normal())
        empty = [Reading(kV, q, cm, 1.0) for cm in phantoms_cm for q in ("centre", "periphery")]
        ideal = IdealReadings(model, kV, aluminium_mm)
        for reading in (*empty, Reading(kV, "in_air", None, 1.0)):
            value = ideal.of(reading) * output * np.exp(noise * rng.standard_normal())
            readings.append(replace(reading, value=float(value)))
    hvl_mm = model.hvl_mm * np.exp(HVL_SD * min(1.0, noise / 0.03) * rng.standard_normal())
    return (*readings, Reading(120.0, "hvl", None, float(hvl_mm)))


def measured_on(model: BeamModel, readings: tuple[Reading, ...]) -> MeasuredCTDI:
    """One filter of a scanner."""
    one = MeasuredFilter("body", model.phantom_cm, readings)
    return MeasuredCTDI("SIEMENS", "SOMATOM X", (one,), model.focus_isocentre_mm)


def as_json(measured: MeasuredCTDI) -> dict:
    """The file that holds the same."""
    keys = {"hvl": "hvl_mm"}
    return {
        "manufacturer": measured.manufacturer,
        "model": measured.model,
        "focus_isocentre_mm": measured.focus_isocentre_mm,
        "filters": [
            {
                "name": one.name,
                "phantom_cm": one.phantom_cm,
                "measurements": [
                    {
                        "voltage_kV": r.voltage_kV,
                        keys.get(r.quantity, f"{r.quantity}_mGy_per_100mAs"): r.value,
                        **({} if r.phantom_cm is None else {"phantom_cm": r.phantom_cm}),
                    }
                    for r in one.readings
                ],
            }
            for one in measured.filters
        ],
    }
