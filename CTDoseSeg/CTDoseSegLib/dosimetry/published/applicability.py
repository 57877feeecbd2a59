"""Whether the published models hold for a patient and an exposure.

They were trained on adult trunks of one scanner and one protocol (Tzanis & Damilakis, European
Radiology 2024).
"""

from __future__ import annotations

from ...ct.acquisition import Acquisition
from ...flags import Flag, flag
from ..applicability import at_the_edge_of_the_trunk, is_child, is_limb, names_head

TRAINING_KVP = 120.0
# With a pitch of 1.
ROTATION_TIME_S = 0.5
SAME_PROTOCOL = 0.05


def scan_flags(acquisition: Acquisition) -> tuple[Flag, ...]:
    """Return what stands against doses of a patient and an exposure, and what makes them doubtful.

    Nothing on CTDIvol or mAs: the networks ask for the tube current, organ by organ.
    """
    return (*_patient_flags(acquisition), *_exposure_flags(acquisition))


def _patient_flags(acquisition: Acquisition) -> list[Flag]:
    flags = []
    if acquisition.age_years is None:
        effect = "an adult is assumed; the published models are for adults"
        flags.append(flag("age_unknown", consequence=effect))
    elif is_child(acquisition):
        flags.append(flag("published_child"))
    if acquisition.pregnant:
        flags.append(flag("pregnancy"))
    part = acquisition.body_part
    if names_head(part) or is_limb(part):
        flags.append(flag("published_not_trunk", str(part)))
    elif at_the_edge_of_the_trunk(part):
        flags.append(flag("published_edge_of_trunk", str(part)))
    return flags


def _exposure_flags(acquisition: Acquisition) -> list[Flag]:
    flags = []
    voltage = acquisition.kvp_kV
    if voltage is None:
        effect = "the published models were trained at 120 kV"
        flags.append(flag("tube_voltage_unknown", consequence=effect))
    elif abs(voltage - TRAINING_KVP) > 0.5:
        flags.append(flag("published_tube_voltage", f"{voltage:g} kV"))
    if acquisition.contrast:
        flags.append(flag("contrast"))
    if acquisition.irradiated_range_mm is None:
        flags.append(flag("dose_range_unknown"))
    stated = {
        "two tubes": acquisition.dual_source,
        "a tin filter": acquisition.tin_filter,
        "ECG gating": acquisition.ecg_gated,
    }
    if any(stated.values()):
        listed = ", ".join(name for name, is_so in stated.items() if is_so)
        flags.append(flag("published_exposure", listed))
    differences = [
        f"{value:g} {unit}" if value is not None else f"{unit} not known"
        for value, usual, unit in (
            (acquisition.rotation_time_s, ROTATION_TIME_S, "s per rotation"),
            (acquisition.pitch, 1.0, "pitch"),
        )
        if value is None or abs(value / usual - 1) > SAME_PROTOCOL
    ]
    if differences:
        flags.append(flag("published_protocol", ", ".join(differences)))
    return flags
