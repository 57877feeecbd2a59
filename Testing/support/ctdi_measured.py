"""Published measurements in CTDI phantoms, which generic beams are fitted to and tested with."""

from __future__ import annotations

import numpy as np

from CTDoseSegLib.ct.attenuation import hounsfield
from CTDoseSegLib.dosimetry.montecarlo.ctdi import PMMA_G_CM3
from CTDoseSegLib.dosimetry.montecarlo.materials import MATERIALS, index_of

VOLTAGES_KV = (80, 100, 120, 140)
# Anam et al. 2020 (doi 10.3233/XST-200667), Siemens Definition AS, one filter: dose at the centre
# and at the periphery over the weighted dose, by water-equivalent diameter, as read in IndoseCT.
# The rows' voltages were inferred from their order.
_WATER_CM = (16, 18, 32, 36)
_CENTRE_PERIPHERY = {
    140: ((0.980, 0.959, 0.718, 0.626), (1.010, 1.020, 1.141, 1.187)),
    120: ((0.982, 0.959, 0.698, 0.606), (1.009, 1.020, 1.151, 1.197)),
    100: ((0.983, 0.958, 0.668, 0.571), (1.009, 1.021, 1.166, 1.215)),
    80: ((0.967, 0.939, 0.639, 0.542), (1.017, 1.030, 1.180, 1.229)),
}
# CTDIw at 80, 100 and 140 kV over that at 120 kV: scanners of four makers, least and most.
VOLTAGE_RATIO = {80: (0.26, 0.37), 100: (0.58, 0.66), 140: (1.37, 1.62)}
# Exponents of the voltage for CTDI100 at centre and periphery: 40 scanners (OSTI 22649308).
POWERS = {32: (3.2, 2.8), 16: (2.9, 2.4)}


def measured_periphery_over_centre(phantom_cm: int, voltage_kV: int) -> float:
    """At the water-equivalent diameter of the PMMA phantom: 34 and 17 cm at 120 kV."""
    pmma = MATERIALS[index_of("pmma")]
    hu = hounsfield(pmma.mass_fractions, PMMA_G_CM3, voltage_kV)
    water_cm = phantom_cm * (1 + hu / 1000) ** 0.5
    centre, periphery = (
        np.interp(water_cm, _WATER_CM, row) for row in _CENTRE_PERIPHERY[voltage_kV]
    )
    return float(periphery / centre)
