"""The part of the slices that holds more than air: a network is shown no more.

A third of a usual slice is air beside and above the patient, in which there is nothing to find.
"""

from __future__ import annotations

import numpy as np

from .spec import UNetSpec

Box = tuple[slice, slice]

# Cloth and foam with a label of their own are denser; noise of air does not reach it.
AIR_BELOW_HU = -700.0
# Air that is left around what is denser, so that its edge is drawn as in a whole slice: with 32 mm
# a couch is drawn otherwise here and there, with 48 mm as it is with 64 mm.
MARGIN_MM = 48.0


def dense_box(small: np.ndarray, spec: UNetSpec) -> Box:
    """Return the rows and columns outside which all slices show air alone.

    They begin and end at a multiple of what the network takes. Volumes of air, values that are
    not HU, and slices that a network sees at their own pixels or in one size are shown whole.

    Parameters
    ----------
    small
        HU on the working grid, [k, rows, columns].
    spec
        Of the network.

    Returns
    -------
    tuple of slice
        Rows and columns.
    """
    whole = tuple(slice(0, n) for n in small.shape[1:])
    if not spec.windows or not spec.pixel_mm or spec.input_shape:
        return whole[0], whole[1]
    dense = small.max(axis=0) > AIR_BELOW_HU
    if not dense.any():
        return whole[0], whole[1]
    margin = round(MARGIN_MM / spec.pixel_mm)
    rows, columns = (
        _span(np.flatnonzero(dense.any(axis=axis)), size, margin, spec.multiple)
        for axis, size in ((1, small.shape[1]), (0, small.shape[2]))
    )
    return rows, columns


def _span(lines: np.ndarray, size: int, margin: int, multiple: int) -> slice:
    """Return the span of `lines` with a margin, between multiples: so the network pools alike."""
    start, stop = int(lines[0]) - margin, int(lines[-1]) + 1 + margin
    start, stop = max(0, start // multiple * multiple), -(-stop // multiple) * multiple
    return slice(start, min(size, stop))
