"""Stored pixels to HU: one buffer, one volume, each slice by its own slope and intercept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ct.series import AIR_HU
from ..errors import PixelDataError
from ..flags import Flag, flag
from ..tasks.progress import Progress
from .decoding import PixelReader, check_size, is_lossy, rescale
from .header import Header
from .hounsfield import ValueCounts

# CT numbers of real air reach about -1024; what a scanner writes outside its field of view lies
# below (-2000, -3024). Values between are left alone: they may be noise or a streak.
LOWEST_AIR_HU = -1024
OBVIOUS_PADDING_HU = -1500
# A declared padding value in this range would blank out the patient; see `padding_mask`.
LOWEST_TISSUE_HU = -900


def read_volume(
    headers: Sequence[Header], progress: Progress, span: tuple[float, float] = (0.0, 1.0)
) -> tuple[np.ndarray, tuple[Flag, ...]]:
    """Read the slices of `headers` into one volume.

    Parameters
    ----------
    headers
        Slices in order, all of the same number of rows and columns.
    progress, span
        Receives progress and may cancel; the part of the whole task that this reading is.

    Returns
    -------
    hu : np.ndarray
        [k, j, i]; int16 where that is exact for every slice, else float32.
    flags : tuple of Flag

    Raises
    ------
    PixelDataError
        If pixels are missing, truncated, not numbers of a CT, or in a compression that no
        installed decoder reads.
    """
    for header in headers:
        check_size(header)
    rows, columns = headers[0].integer("Rows"), headers[0].integer("Columns")
    whole = all(_whole_numbers(header) for header in headers)
    try:
        volume = np.empty((len(headers), rows, columns), np.int16 if whole else np.float32)
    except MemoryError:
        raise PixelDataError(
            f"{len(headers)} slices of {columns} x {rows} pixels do not fit into this machine's "
            "memory; give a thicker reconstruction or a part of the series."
        ) from None
    reader = PixelReader(rows, columns)
    ignored: set[str] = set()
    low, high = span
    counts = ValueCounts()
    step = max(1, len(headers) // 20)
    for k, header in enumerate(headers):
        if k % step == 0:
            share = low + (high - low) * k / len(headers)
            progress.update(share, f"reading slice {k + 1} of {len(headers)}")
        hu, outside, problem = to_hu(reader.read(header), header, volume.dtype)
        counts.add(hu, outside)
        if problem:
            ignored.add(problem)
        if hu.dtype != volume.dtype and volume.dtype == np.int16:
            volume = volume.astype(np.float32)
        volume[k] = hu
    return volume, _value_flags(headers, ignored, counts.problem())


def _value_flags(headers: Sequence[Header], ignored: set[str], not_hu: str) -> tuple[Flag, ...]:
    flags = [flag("not_hu", not_hu)] if not_hu else []
    flags += [flag("padding_ignored", "; ".join(sorted(ignored)))] if ignored else []
    if lossy := sum(is_lossy(header) for header in headers):
        flags.append(flag("lossy", f"{lossy} of {len(headers)} slices"))
    absent = [missing for h in headers if (missing := rescale(h)[2])]
    if absent:
        tags = ", ".join(dict.fromkeys(absent))
        flags.append(flag("rescale_missing", f"{tags} in {len(absent)} of {len(headers)} slices"))
    if len({rescale(header)[:2] for header in headers}) > 1:
        flags.append(flag("rescale_varies"))
    return tuple(flags)


def _whole_numbers(header: Header) -> bool:
    slope, intercept, _ = rescale(header)
    return slope == int(slope) and intercept == int(intercept)


def to_hu(
    stored: np.ndarray, header: Header, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Return the HU of a slice, where it is padding, and a padding value that was not believed.

    Parameters
    ----------
    stored
        Stored values, [j, i].
    header
        Of the slice.
    dtype
        int16 or float32; int16 gives float32 where a value does not fit.

    Returns
    -------
    hu : numpy.ndarray
        [j, i]; padding is air.
    outside : numpy.ndarray or None
        True where it was padding, [j, i]; None: nowhere.
    ignored : str
        The padding value in HU if it was not believed, else empty.

    Raises
    ------
    PixelDataError
        If the file states no rescaling, or one that cannot be.
    """
    slope, intercept, absent = rescale(header)
    if absent and not _has_air(stored * slope + intercept):
        raise PixelDataError(
            f"{header.name}: it does not state {absent}, and no value is near that of air, -1000, "
            "so these are not HU; export the original series."
        )
    if slope == 0:
        raise PixelDataError(f"{header.name}: RescaleSlope (0028,1053) is 0; export it again.")
    mask, ignored = padding_mask(stored, header, slope, intercept)
    if dtype == np.int16:
        hu = _int16(stored, int(slope), int(intercept), mask)
    else:
        hu = None
    if hu is None:
        hu = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    if mask is not None:
        hu[mask] = AIR_HU
    undeclared = air_outside(hu, is_lossy(header))
    outside = undeclared if mask is None else mask if undeclared is None else mask | undeclared
    return hu, outside, ignored


def _has_air(hu: np.ndarray) -> bool:
    """Return whether any value can be that of air; what lies far below it is padding."""
    return bool(((hu > OBVIOUS_PADDING_HU) & (hu < LOWEST_TISSUE_HU)).any())


def _int16(
    stored: np.ndarray, slope: int, intercept: int, mask: np.ndarray | None
) -> np.ndarray | None:
    """Return HU as int16, or None where a value outside the padding does not fit."""
    valid = stored if mask is None else stored[~mask]
    if valid.size == 0:
        return np.full(stored.shape, AIR_HU, np.int16)
    ends = [int(valid.min()) * slope + intercept, int(valid.max()) * slope + intercept]
    if min(ends) < -32768 or max(ends) > 32767:
        return None
    if slope == 1 and stored.dtype.itemsize == 2:
        # Modulo 2^16 the sum is right whenever the result fits, which was just checked.
        return stored.view(np.int16) + np.int16((intercept + 32768) % 65536 - 32768)
    return (stored.astype(np.int64) * slope + intercept).astype(np.int16)


def padding_mask(
    stored: np.ndarray, header: Header, slope: float, intercept: float
) -> tuple[np.ndarray | None, str]:
    """Return where PixelPaddingValue marks that there is no image, [j, i]; None if nowhere.

    A padding value below -1024 HU is believed. Between -1024 and -900 HU it is air already and
    stays as it is. Above, it could be tissue (0 is written by mistake): it is believed only if
    the four corners of the slice, which lie outside the round field of view, have it too.
    """
    value = header.number("PixelPaddingValue")
    if value is None:
        return None, ""
    limit = header.number("PixelPaddingRangeLimit")
    low, high = sorted(_as_stored(v, header) for v in (value, value if limit is None else limit))
    ends = sorted((low * slope + intercept, high * slope + intercept))
    if ends[0] >= LOWEST_AIR_HU and ends[1] <= LOWEST_TISSUE_HU:
        return None, ""
    mask = stored == low if low == high else (stored >= low) & (stored <= high)
    if not mask.any():
        return None, ""
    if ends[1] < LOWEST_AIR_HU or mask[[0, 0, -1, -1], [0, -1, 0, -1]].all():
        return mask, ""
    return None, f"{ends[1]:g} HU"


def _as_stored(value: float, header: Header) -> int:
    """Return a padding value as the pixels are stored: its VR (US or SS) is often wrong."""
    bits = header.integer("BitsAllocated", 16)
    wrapped = int(value) % (1 << bits)
    if header.integer("PixelRepresentation") == 1 and wrapped >= 1 << (bits - 1):
        wrapped -= 1 << bits
    return wrapped


def air_outside(hu: np.ndarray, lossy: bool = False) -> np.ndarray | None:
    """Make the value that fills the corners of a slice air, in place, if it is obviously padding.

    For files that do not declare what they wrote outside the field of view (-2000, -3024):
    the value of at least three corners, if at most -1500 HU. Other values are left alone, except
    after a lossy compression, which blurs that value: then all of at most -1500 HU.

    Returns
    -------
    numpy.ndarray or None
        True where it was padding, [j, i]; None: nowhere.
    """
    corners = hu[[0, 0, -1, -1], [0, -1, 0, -1]]
    lowest = corners.min()
    if lowest > OBVIOUS_PADDING_HU:
        return None
    if lossy and (corners <= OBVIOUS_PADDING_HU).sum() >= 3:
        outside = hu <= OBVIOUS_PADDING_HU
    elif (corners == lowest).sum() >= 3:
        outside = hu == lowest
    else:
        return None
    hu[outside] = AIR_HU
    return outside
