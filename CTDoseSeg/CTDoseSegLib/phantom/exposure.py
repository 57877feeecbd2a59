"""How a phantom is scanned: tube current, CTDIvol, table and irradiated range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .phantom import Phantom

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
# Tube current (mA) at a water-equivalent diameter (mm).
TUBE_CURRENT_AT_MM = {"body": (240.0, 300.0), "head": (400.0, 170.0)}
# Zero of the table's scale against the phantom's own: SliceLocation has no anatomical meaning.
TABLE_ZERO_MM = 411.5


@dataclass(frozen=True)
class PhantomExposure:
    """How the phantom was scanned; arrays [k].

    `irradiated_range_mm` is (low, high) in RAS z, `table_mm` the SliceLocation of each slice.
    """

    tube_current_mA: np.ndarray
    ctdivol_mGy: np.ndarray
    table_mm: np.ndarray
    z_mm: np.ndarray
    irradiated_range_mm: tuple[float, float]
    phantom_cm: int
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
    modulations do; averaged over the collimation, because a tube cannot follow a single slice.

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
    wanted = reference_mA * np.exp(0.5 * 0.02 * (np.maximum(wed_mm, 60.0) - reference_mm))
    width = max(1, round(TOTAL_COLLIMATION_MM / phantom.spacing_mm[2])) // 2 * 2 + 1
    padded = np.pad(wanted, width // 2, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    current = np.rint(np.clip(smooth, *TUBE_CURRENT_LIMITS_MA))
    rows, columns, slices = phantom.shape
    centre = [(columns - 1) / 2, (rows - 1) / 2, 0, 1]
    z = phantom.affine[2, 2] * np.arange(slices) + phantom.affine[2] @ np.array(centre)
    # Half of what a voxel, and an oblique slice, extends along z.
    half = float(np.abs(phantom.affine[2, :3]) @ np.array([columns - 1, rows - 1, 1]) / 2)
    ctdivol = _nctdiw(kind, kvp) * current * ROTATION_TIME_S / PITCH
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
        kvp_kV=kvp,
    )


def _nctdiw(kind: str, kvp: float) -> float:
    """Return CTDIw per mAs at a tube voltage, mGy/mAs."""
    return _NCTDIW[kind] * (kvp / KVP_KV) ** _KVP_POWER
