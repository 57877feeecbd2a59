"""The scans that the organ dose models of this package were trained on.

One scanner and one protocol (Tzanis & Damilakis, European Radiology 2024); the fast law was fitted
to the doses of the same simulations as the published networks.
"""

from __future__ import annotations

TRAINING_KVP = 120.0
# With a pitch of 1; it turns effective mAs into the tube current that the models know.
ROTATION_TIME_S = 0.5


def other_voltage(kvp_kV: float) -> bool:
    """Return True where a tube voltage is not that of the training scans."""
    return abs(kvp_kV - TRAINING_KVP) > 0.5
