"""Fit the generic beams to published CTDI, and show how they do where they were not fitted.

    python Testing/Tables/fit_generic_beams.py

For the body and for the head: the factor on the thickness of the bowtie filter by which periphery
over centre at 120 kV is as measured in the phantom that goes with the filter, for the profile that
`models/montecarlo/bowties.json` names and for every other one. The profile there is the one that
needs the least change. Write the factor into that file and its SHA-256 into `beams.json` by hand.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from ctdi_measured import (  # noqa: E402
    POWERS,
    VOLTAGE_RATIO,
    VOLTAGES_KV,
    measured_periphery_over_centre,
)

from CTDoseSegLib.dosimetry.montecarlo.beams import (  # noqa: E402
    GENERIC_BODY,
    GENERIC_HEAD,
    BeamModel,
    model_of,
)
from CTDoseSegLib.dosimetry.montecarlo.bowties import table  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi_output import ctdi_per_100mAs  # noqa: E402


def fitted(model: BeamModel) -> BeamModel | None:
    """Return the model with the factor that fits, None where no factor does."""
    target = measured_periphery_over_centre(model.phantom_cm, 120)

    def surplus(scale: float) -> float:
        beam = replace(model, bowtie_scale=scale).beam(120)
        return ctdi_of(beam, model.phantom_cm).periphery_over_centre - target

    try:
        return replace(model, bowtie_scale=float(brentq(surplus, 0.2, 4.0, xtol=1e-4)))
    except ValueError:
        return None


def show(model: BeamModel) -> None:
    """Print what was not fitted: the other voltages, and how doses grow with the voltage."""
    phantom_cm = model.phantom_cm
    doses = []
    for kV in VOLTAGES_KV:
        shown = ctdi_of(model.beam(kV), phantom_cm).periphery_over_centre
        measured = measured_periphery_over_centre(phantom_cm, kV)
        doses.append(ctdi_per_100mAs(model, kV, phantom_cm))
        role = "fitted" if kV == 120 else "tested"
        print(
            f"  {kV} kV, {phantom_cm} cm: periphery/centre {shown:.3f}, measured {measured:.3f} "
            f"({100 * (shown / measured - 1):+.1f} %, {role}); "
            f"CTDIw {doses[-1].weighted:.2f} mGy/100 mAs"
        )
    ratios = {kV: d.weighted / doses[2].weighted for kV, d in zip(VOLTAGES_KV, doses, strict=True)}
    print("  CTDIw over that at 120 kV:", {kV: round(r, 3) for kV, r in ratios.items()})
    print("  on scanners:", VOLTAGE_RATIO)
    logs = np.log([(d.centre, d.periphery) for d in doses])
    centre, periphery = np.polyfit(np.log(VOLTAGES_KV), logs, 1)[0]
    print(
        f"  powers of the voltage: centre {centre:.2f} ({POWERS[phantom_cm][0]} on scanners), "
        f"periphery {periphery:.2f} ({POWERS[phantom_cm][1]})"
    )


def main() -> int:
    for name in (GENERIC_BODY, GENERIC_HEAD):
        shipped = model_of(name)
        fit = fitted(shipped)
        print(f"{name}: {shipped.bowtie} x {shipped.bowtie_scale}, fit {fit and fit.bowtie_scale}")
        show(shipped)
        for bowtie in table().bowties:
            fit = fitted(replace(shipped, bowtie=bowtie))
            print(f"  with {bowtie}: {'no factor' if fit is None else f'{fit.bowtie_scale:.3f}'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
