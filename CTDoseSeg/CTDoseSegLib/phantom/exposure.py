"""How a phantom is scanned: tube current, CTDIvol, table and irradiated range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .bodies.person import Person
    from .phantom import Phantom

ADULT_Y = 18.0
KVP_KV = 120.0  # of phantoms without a body, whose HU are of this voltage
ROTATION_TIME_S = 0.5
PITCH = 0.95
TOTAL_COLLIMATION_MM = 38.4
SINGLE_COLLIMATION_MM = 0.6
# CTDIw per mAs (mGy/mAs): 32 cm body phantom, 16 cm head phantom.
_NCTDIW = {"body": 0.068, "head": 0.14}
# CTDIw goes as this power of the voltage: 3.2 in the centre and 2.8 at the rim of the body
# phantom, 40 scanners (OSTI 22649308).
_KVP_POWER = 2.9
# A helical scan starts before and ends after the images, at each end by half a collimation.
OVERRANGE_MM = 19.2
TUBE_CURRENT_LIMITS_MA = (80.0, 600.0)
# Of bodies: what generators go down to, and a tube's power (kW), which is 600 mA at 120 kV.
LEAST_TUBE_CURRENT_MA = 10.0
TUBE_POWER_KW = 72.0
# Tube current (mA) at 120 kV at a water-equivalent diameter (mm). CTDIvol of children is then 80 to
# 105 % (chest), 40 to 60 % (abdomen) and 45 to 60 % (head) of the European diagnostic reference
# levels, which are the 75th percentile of practice (European Commission, Radiation Protection 185,
# 2018): chest, 32 cm phantom, 1.4, 1.8, 2.7, 3.7 and 5.4 mGy from 0, 5, 15, 30 and 50 kg; abdomen
# 3.5, 5.4, 7.3 and 13 mGy from 5 kg; head, 16 cm phantom, 24, 28, 40 and 50 mGy from 0, 1/4, 1 and
# 6 years.
TUBE_CURRENT_AT_MM = {"body": (240.0, 300.0), "head": (400.0, 170.0)}
# Localizer: tube current, and mm along z that are in the beam and that the table goes in a second.
LOCALIZER_MA = 35.0
LOCALIZER_COLLIMATION_MM = 3.6
LOCALIZER_SPEED_MM_S = 100.0
# Bolus tracking of bodies: rotations at one place, with a current of its own.
BOLUS_MA = 20.0
BOLUS_ROTATIONS = 10
# Phantoms without a body state the same two events whatever was scanned.
_SAME_LOCALIZER_MGY = 0.12
_SAME_BOLUS_MA, _SAME_BOLUS_MGY = 40.0, 4.5
# Zero of the table's scale against the phantom's own: SliceLocation has no anatomical meaning.
TABLE_ZERO_MM = 411.5


@dataclass(frozen=True)
class Event:
    """An irradiation event without images: its tube current and CTDIvol."""

    tube_current_mA: float
    ctdivol_mGy: float


@dataclass(frozen=True)
class PhantomExposure:
    """How the phantom was scanned; arrays [k].

    `irradiated_range_mm` is (low, high) in RAS z, `table_mm` the SliceLocation of each slice;
    without contrast agent there is no `bolus_tracking`.
    """

    tube_current_mA: np.ndarray
    ctdivol_mGy: np.ndarray
    table_mm: np.ndarray
    z_mm: np.ndarray
    irradiated_range_mm: tuple[float, float]
    phantom_cm: int
    localizer: Event
    bolus_tracking: Event | None
    kvp_kV: float = KVP_KV

    @property
    def nctdiw_mGy_per_mAs(self) -> float:
        """CTDIw per mAs in the CTDI phantom, at the tube voltage."""
        return _nctdiw("head" if self.phantom_cm == 16 else "body", self.kvp_kV)

    @property
    def imaged_range_mm(self) -> tuple[float, float]:
        """Outer edges of the end slices, RAS z: the irradiated range without the overranging."""
        low, high = self.irradiated_range_mm
        return low + OVERRANGE_MM, high - OVERRANGE_MM


def exposure(phantom: Phantom, wed_mm: np.ndarray) -> PhantomExposure:
    """Return a tube current that follows the exact WED, and the CTDIvol that goes with it.

    The current follows exp(mu WED / 2): half of what constant noise would need, as scanners'
    modulations do; averaged over the collimation, because a tube cannot follow a single slice. A
    body gets the CTDIvol of 120 kV at any voltage: at one noise, dose to children is the same at
    80, 100 and 120 kV (PMID 26740475); in adults it rises by a third from 120 to 80 kV, which is
    left out.

    Parameters
    ----------
    phantom
        Its grid, variant and position.
    wed_mm
        Exact water-equivalent diameter of each slice, [k].

    Returns
    -------
    PhantomExposure
    """
    kind = "head" if phantom.variant == "head" else "body"
    kvp = KVP_KV if phantom.body is None else phantom.body.kvp
    reference_mA, reference_mm = TUBE_CURRENT_AT_MM[kind]
    if phantom.body is None:
        limits = TUBE_CURRENT_LIMITS_MA
    else:
        reference_mA *= _nctdiw(kind, KVP_KV) / _nctdiw(kind, kvp)
        limits = (LEAST_TUBE_CURRENT_MA, 1000 * TUBE_POWER_KW / kvp)
    wanted = reference_mA * np.exp(0.5 * 0.02 * (np.maximum(wed_mm, 60.0) - reference_mm))
    width = max(1, round(TOTAL_COLLIMATION_MM / phantom.spacing_mm[2])) // 2 * 2 + 1
    padded = np.pad(wanted, width // 2, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    current = np.rint(np.clip(smooth, *limits))
    rows, columns, slices = phantom.shape
    centre = [(columns - 1) / 2, (rows - 1) / 2, 0, 1]
    z = phantom.affine[2, 2] * np.arange(slices) + phantom.affine[2] @ np.array(centre)
    # Half of what a voxel, and an oblique slice, extends along z.
    half = float(np.abs(phantom.affine[2, :3]) @ np.array([columns - 1, rows - 1, 1]) / 2)
    ctdivol = _nctdiw(kind, kvp) * current * ROTATION_TIME_S / PITCH
    localizer, bolus_tracking = _events_without_images(phantom, _nctdiw(kind, kvp))
    into_gantry = -1.0 if phantom.position.startswith("HF") else 1.0
    return PhantomExposure(
        tube_current_mA=current,
        ctdivol_mGy=np.round(ctdivol, 3),
        table_mm=TABLE_ZERO_MM + into_gantry * z,
        z_mm=z,
        irradiated_range_mm=(
            float(z.min() - half - OVERRANGE_MM),
            float(z.max() + half + OVERRANGE_MM),
        ),
        phantom_cm=16 if kind == "head" else 32,
        localizer=localizer,
        bolus_tracking=bolus_tracking,
        kvp_kV=kvp,
    )


def usual_kvp(person: Person, region: str) -> float:
    """Return the tube voltage that a part of a person is usually scanned with, kV.

    Children get 80 kV below 15 kg and 100 kV below 50 kg, in weight groups of Radiation Protection
    185; 80 kV are too few for a skull. Others get 120 kV.

    Parameters
    ----------
    person
        Age and weight count.
    region
        One of `bodies.regions.REGIONS`.
    """
    if person.age_y >= ADULT_Y or person.weight_kg >= 50:
        return KVP_KV
    return 80.0 if person.weight_kg < 15 and region not in ("head", "head_neck") else 100.0


def _events_without_images(phantom: Phantom, nctdiw: float) -> tuple[Event, Event | None]:
    """Return localizer and bolus tracking, at `nctdiw` mGy/mAs."""
    if phantom.body is None:
        return (
            Event(LOCALIZER_MA, _SAME_LOCALIZER_MGY),
            Event(_SAME_BOLUS_MA, _SAME_BOLUS_MGY),
        )
    # Every point is in the beam while the table goes on by the collimation.
    mas = LOCALIZER_MA * LOCALIZER_COLLIMATION_MM / LOCALIZER_SPEED_MM_S
    localizer = Event(LOCALIZER_MA, round(nctdiw * mas, 4))
    if phantom.body.phase == "none":
        return localizer, None
    mas = BOLUS_MA * ROTATION_TIME_S * BOLUS_ROTATIONS
    return localizer, Event(BOLUS_MA, round(nctdiw * mas, 4))


def _nctdiw(kind: str, kvp: float) -> float:
    """Return CTDIw per mAs at a tube voltage, mGy/mAs."""
    return _NCTDIW[kind] * (kvp / KVP_KV) ** _KVP_POWER
