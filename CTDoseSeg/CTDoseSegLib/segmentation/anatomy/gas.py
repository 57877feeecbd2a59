"""The gas of the stomach, which a network leaves to the rest of the body.

What a stomach's label surrounds on most sides is the stomach's. Gas that lies beside it or on it
may be the colon's: on example_ct_dicom 0.22 of the surroundings of the colon's gas are stomach, on
lungdx_A0001 no more than 0.30 of those of the stomach's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ..labelmap import BODY_REST
from .findings import Given
from .sampled import Sampled

STOMACH = "stomach"
GAS_HU = -300.0
# Part of the gas's surroundings that is stomach; that may be lung, airway or outside; least volume.
STOMACH_SHARE, LUNG_SHARE, LEAST_ML = 0.45, 0.05, 1.0
# Of the stomach as drawn, at most this much gas is added: more is bowel or another cavity.
MOST = 1.5
_AIR = ("lung", "trachea", "lung_trachea_bronchia", "esophagus")


def stomach_gas(points: Sampled) -> Given | None:
    """Return the gas that belongs to the stomach; None where there is none."""
    stomach = points.mask(STOMACH)
    if not stomach.any():
        return None
    window = points.window(stomach, 12)
    own = stomach[window]
    most = MOST * own.sum()
    found = np.zeros_like(own)
    for gas, share in _bubbles(points, window, own):
        if share > STOMACH_SHARE and gas.sum() < most:
            found |= gas
    if not found.any():
        return None
    whole = np.zeros_like(stomach)
    whole[window] = found
    return Given(STOMACH, whole, GAS_HU)


def _bubbles(
    points: Sampled, window: tuple[slice, ...], stomach: np.ndarray
) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the gas of each bubble in the rest of the body, and how much stomach is round it."""
    rest = points.labels[window] == _value(points, BODY_REST)
    air = points.mask(*_AIR)[window] | (points.labels[window] == 0)
    bubbles, _ = ndimage.label(rest & (points.raw_hu[window] < GAS_HU))
    # The bubble goes on in what is drawn as stomach already, which surrounds nothing.
    inside = stomach & (points.raw_hu[window] < GAS_HU)
    for value, part in enumerate(ndimage.find_objects(bubbles), start=1):
        around = tuple(slice(max(0, p.start - 3), p.stop + 3) for p in part)
        gas = bubbles[around] == value
        if gas.sum() * points.point_ml < LEAST_ML:
            continue
        shell = ndimage.binary_dilation(gas, np.ones((1, 5, 5)))
        shell |= ndimage.binary_dilation(gas, np.ones((3, 1, 1)))
        shell &= ~gas & ~inside[around]
        count = max(1, int(shell.sum()))
        if (shell & air[around]).sum() > LUNG_SHARE * count:
            continue
        whole = np.zeros_like(stomach)
        whole[around] = gas
        yield whole, float((shell & stomach[around]).sum() / count)


def _value(points: Sampled, name: str) -> int:
    return next((a.value for a in points.labelmap.atoms if a.name == name), -1)
