"""Stored pixels of any modality to the values that they state, without CT's meaning of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tasks.progress import Progress
from .decoding import PixelReader, check_size, rescale
from .header import Header


def read_plain_values(
    headers: Sequence[Header], progress: Progress, span: tuple[float, float] = (0.0, 1.0)
) -> np.ndarray:
    """Read slices as they are stored, by their own slope and intercept where they state these.

    Nothing is taken for air or padding: an MR has neither, and 0 is a value like any other.

    Parameters
    ----------
    headers
        Slices in order, all of the same number of rows and columns.
    progress, span
        Receives progress and may cancel; the part of the whole task that this reading is.

    Returns
    -------
    numpy.ndarray
        [k, j, i]; int16 where that is exact for every slice, else float32.

    Raises
    ------
    PixelDataError
        If pixels are missing, truncated, in colour, or in a compression that nothing here reads.
    """
    for header in headers:
        check_size(header)
    rows, columns = headers[0].integer("Rows"), headers[0].integer("Columns")
    values = np.empty((len(headers), rows, columns), np.float32)
    reader = PixelReader(rows, columns)
    low, high = span
    for k, header in enumerate(headers):
        if k % max(1, len(headers) // 20) == 0:
            share = low + (high - low) * k / len(headers)
            progress.update(share, f"reading slice {k + 1} of {len(headers)}")
        slope, intercept, _ = rescale(header)
        values[k] = reader.read(header).astype(np.float64) * slope + intercept
    whole = values.min() >= -32768 and values.max() <= 32767 and (np.rint(values) == values).all()
    return values.astype(np.int16) if whole else values
