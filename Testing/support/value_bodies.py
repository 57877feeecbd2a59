"""A small body with the values of a CT: noise, fat, muscle, lungs and bone in air."""

from __future__ import annotations

import numpy as np

SHAPE = (6, 64, 64)


def body(noise: float = 12.0, radius: float = 24.0) -> np.ndarray:
    """HU as int16, [k, j, i]: a disc with the edges blurred as a scanner blurs them."""
    j, i = np.mgrid[: SHAPE[1], : SHAPE[2]] - 31.5
    hu = np.full(SHAPE[1:], -1000.0)
    for value, size, at in (
        (-100, radius, 0),
        (50, radius - 3, 0),
        (-850, 8, -11),
        (-850, 8, 11),
        (700, 3, 0),
    ):
        inside = np.clip(size - np.hypot(j, i - at) + 0.5, 0, 1)
        hu += (value - hu) * inside
    speckle = np.random.default_rng(5).normal(0, noise, SHAPE) if noise else np.zeros(SHAPE)
    return np.maximum(np.rint(hu + speckle), -1024).astype(np.int16)
