"""Lungs of one slice at a time by two clusters of its values: how a mask comes about, to be seen.

A way to learn from and to compare with, and none of the engines: it takes gas in the bowel for
lung, leaves out what is denser at the hilum, and its sizes count pixels, whatever their size in mm.

Source: H. Chen, DICOM Processing and Segmentation in Python, Radiology Data Quest 2017, for chest
CT resampled to 1 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# In pixels: what is thinner than the first goes, what is left grows by the others.
ERODED, DILATED, GROWN = 3, 8, 10
# A lung's box is less than this part of the slice, and begins and ends this far from its edge.
LARGEST_BOX, MARGIN = 0.9, 0.2


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class LungSteps:
    """What each step made of a slice, [row, column].

    Attributes
    ----------
    standardised
        HU less their mean, in standard deviations; the lowest and highest value replaced by the
        mean of the middle of the slice.
    below
        True below the threshold.
    cleaned
        `below`, eroded and dilated.
    labels
        Connected regions of `cleaned`, from 1.
    mask
        The regions in whose box a lung can be, grown.
    threshold_hu
        Half-way between the two clusters; None where the values are all the same.
    """

    standardised: np.ndarray
    below: np.ndarray
    cleaned: np.ndarray
    labels: np.ndarray
    mask: np.ndarray
    threshold_hu: float | None


def lung_steps(hu: np.ndarray) -> LungSteps:
    """Return the lung mask of a slice with each step on the way.

    Parameters
    ----------
    hu
        HU of one slice, [row, column].

    Returns
    -------
    LungSteps
        With an empty mask where no region's box can be a lung's.

    Examples
    --------
    >>> hu = np.full((200, 200), -1000, np.int16)
    >>> hu[30:170, 10:190] = 40
    >>> hu[60:140, 40:80] = hu[60:140, 120:160] = -800
    >>> steps = lung_steps(hu)
    >>> bool(steps.mask[100, 60]), bool(steps.mask[100, 100]), bool(steps.mask[5, 5])
    (True, False, False)
    """
    from scipy import ndimage

    values = hu.astype(np.float64)
    mean, sd = float(values.mean()), float(values.std())
    if sd == 0:
        return _nothing(hu)
    values = (values - mean) / sd
    rows, columns = hu.shape
    middle = values[_middle(rows), _middle(columns)]
    # Padding and metal would otherwise be clusters of their own.
    usual = float(middle.mean()) if middle.size else 0.0
    values[(values == values.max()) | (values == values.min())] = usual
    threshold = _between_clusters(middle)
    if threshold is None:
        return _nothing(hu)
    below = values < threshold
    eroded = ndimage.binary_erosion(below, np.ones((ERODED, ERODED)), border_value=1)
    cleaned = _dilate(eroded, DILATED)
    labels, _ = ndimage.label(cleaned, np.ones((3, 3)))
    boxes = ndimage.find_objects(labels)
    kept = [n for n, box in enumerate(boxes, start=1) if _may_be_lung(box, hu.shape)]
    mask = _dilate(np.isin(labels, kept), GROWN)
    return LungSteps(values, below, cleaned, labels, mask, threshold * sd + mean)


def lung_mask(hu: np.ndarray) -> np.ndarray:
    """Return where `lung_steps` sees lung in one slice, [row, column], bool."""
    return lung_steps(hu).mask


def _nothing(hu: np.ndarray) -> LungSteps:
    empty = np.zeros(hu.shape, bool)
    return LungSteps(np.zeros(hu.shape), empty, empty, np.zeros(hu.shape, np.int32), empty, None)


def _middle(size: int) -> slice:
    return slice(int(size / 5), int(size / 5 * 4))


def _between_clusters(values: np.ndarray) -> float | None:
    """Return the value half-way between two clusters; None where there are not two values."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    column = values.reshape(-1, 1)
    if len(column) == 0 or column.min() == column.max():
        return None
    # Seeded, so that a scan has one mask. So few values are no work for several threads, which
    # would wait for each other.
    with threadpool_limits(1):
        centres = KMeans(n_clusters=2, n_init=3, random_state=0).fit(column).cluster_centers_
    return float(centres.mean())


def _dilate(mask: np.ndarray, side: int) -> np.ndarray:
    """Dilate by a square; one of an even side reaches a pixel farther up and to the left."""
    from scipy import ndimage

    return ndimage.binary_dilation(mask, np.ones((side, side)))


def _may_be_lung(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    (top, bottom), (left, right) = ((s.start, s.stop) for s in box)
    rows, columns = shape
    return (
        bottom - top < LARGEST_BOX * rows
        and right - left < LARGEST_BOX * columns
        and top > MARGIN * rows
        and bottom < (1 - MARGIN) * rows
    )
