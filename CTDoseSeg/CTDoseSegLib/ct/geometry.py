"""Geometry of slices along the body."""

from __future__ import annotations

import numpy as np


def cell_widths_mm(z_mm: np.ndarray) -> np.ndarray:
    """Width of the cell that each slice stands for, halfway to its neighbours, [k]; 1 for one."""
    if len(z_mm) < 2:
        return np.ones(len(z_mm))
    order = np.argsort(z_mm, kind="stable")
    widths = np.empty(len(z_mm))
    widths[order] = np.gradient(np.asarray(z_mm, dtype=float)[order])
    return widths
