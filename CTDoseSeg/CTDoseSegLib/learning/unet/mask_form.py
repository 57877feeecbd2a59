"""In which form masks lie on their images: upside down, or their slices in another order.

Masks without a geometry of their own state neither. The right form is the one in which the labels
explain the image best: inside a label values are alike and others than around it, whatever it is a
label of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ...ct.series import CTSeries
from .slice_files import by_number

# Beyond these all is metal or padding.
LOWEST_HU, HIGHEST_HU = -1000, 400
# What lies around a label: so many pixels of an image of half as many rows and columns.
RING_PX = 3
MOST_SLICES = 60
_IN_PLANE = ndimage.generate_binary_structure(2, 1)[None]
# Another form must explain so much more of the image to be preferred, and so many times as much.
MARGIN, FACTOR = 0.03, 1.15


@dataclass(frozen=True)
class MaskForm:
    """How masks are brought onto their images.

    Attributes
    ----------
    flip
        Rows are reversed.
    order
        Slices of the masks: ``position`` (foot to head), ``reversed``, or ``name`` (that of the
        files' names).
    """

    flip: bool = False
    order: str = "position"

    def of(self, masks: np.ndarray, series: CTSeries) -> np.ndarray:
        """Return masks [k, j, i] as they lie on the images."""
        if self.flip:
            masks = masks[:, ::-1]
        if self.order == "reversed":
            return masks[::-1]
        return masks[_rank_by_name(series)] if self.order == "name" else masks

    def __str__(self) -> str:
        """Return it in words."""
        words = {
            "position": "slices from foot to head",
            "reversed": "slices from head to foot",
            "name": "slices in the order of the files' names",
        }[self.order]
        return f"{'upside down' if self.flip else 'not upside down'}, {words}"


def forms(series: CTSeries) -> Iterator[MaskForm]:
    """Yield the forms that masks of a series can have, the plain one first."""
    orders = ["position", "reversed"]
    if len(series.files) == len(series.hu) > 1:
        rank = _rank_by_name(series)
        if not (np.array_equal(rank, np.sort(rank)) or np.array_equal(rank, np.sort(rank)[::-1])):
            orders.append("name")
    for order in orders:
        for flip in (False, True):
            yield MaskForm(flip, order)


def explained(series: CTSeries, masks: np.ndarray) -> dict[MaskForm, float]:
    """Return the part of the image's variance in and around the labels that they explain.

    Parameters
    ----------
    series
        The images.
    masks
        Labels as they were read, uint8 [k, j, i], of the shape of the images.

    Returns
    -------
    dict
        Form to part, 0 to 1; empty where there is only one value, so that nothing can be compared.
    """
    step = max(1, len(series.hu) // MOST_SLICES)
    seen = (slice(None, None, step), slice(None, None, 2), slice(None, None, 2))
    hu = np.clip(series.hu[seen].astype(np.float32), LOWEST_HU, HIGHEST_HU)
    if masks.min() == masks.max() or masks.shape != series.hu.shape:
        return {}
    return {form: _explained(hu, form.of(masks, series)[seen]) for form in forms(series)}


def _explained(hu: np.ndarray, labels: np.ndarray) -> float:
    around = ndimage.binary_dilation(labels > 0, _IN_PLANE, iterations=RING_PX)
    values, drawn = hu[around].astype(np.float64), labels[around]
    total = float(values.var()) * values.size if values.size else 0.0
    if not total:
        return 0.0
    counts = np.bincount(drawn, minlength=256)
    sums = np.bincount(drawn, values, minlength=256)
    between = (
        float((sums**2 / np.maximum(counts, 1)).sum()) - float(values.sum()) ** 2 / values.size
    )
    return between / total


def best_form(scores: dict[MaskForm, float], stated: MaskForm) -> MaskForm:
    """Return the form that explains clearly most, else the stated one."""
    if not scores:
        return stated
    best = max(scores, key=lambda form: scores[form])
    here = scores.get(stated, 0.0)
    clearly = scores[best] > here + MARGIN and scores[best] > FACTOR * here
    return best if clearly else stated


def nearest(scores: dict[MaskForm, float], form: MaskForm) -> MaskForm | None:
    """Return the form that explains so nearly as much that it may be the right one; else None.

    One that explains exactly as much is the same: the order of a single slice.
    """
    others = {one: part for one, part in scores.items() if part != scores[form]}
    if not others:
        return None
    second = max(others, key=lambda one: others[one])
    pair = {form: scores[form], second: others[second]}
    return second if best_form(pair, second) == second else None


def _rank_by_name(series: CTSeries) -> np.ndarray:
    """Return the place of each slice's file among all by name, numbers by their value."""
    order = sorted(range(len(series.files)), key=lambda n: by_number(Path(series.files[n]).name))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    return rank
