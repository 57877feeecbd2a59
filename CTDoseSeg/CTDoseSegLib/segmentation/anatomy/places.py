"""Where organs lie to each other: head above lungs above liver, and the liver on the right."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .sampled import Sampled

# From the head downwards.
ORDER = ("brain", "trachea", "lung", "liver", "urinary_bladder")
# Where a centroid lies, in parts of the body's width: on the other side by more than this.
SIDES = {"liver": -1, "spleen": 1, "stomach": 1, "heart": 1}
PAIRS = (("kidney_left", "kidney_right"), ("lung_left", "lung_right"))
OFF_MIDDLE = 0.05
# Less than this has no place.
LEAST_ML = 20.0
LEAST_AIRWAY_ML = 3.0
# How far one centroid is above another, at least, for an order to be seen.
APART_MM = 20.0


def mirrored(points: Sampled) -> str:
    """Return what lies on the wrong side; empty unless all that has a side does, and two do.

    Parameters
    ----------
    points
        Label map.

    Returns
    -------
    str
        The organs, in words.
    """
    right: list[str] = []
    wrong: list[str] = []
    for organ, side in SIDES.items():
        offset = _offset(points, points.mask(organ))
        if offset is not None and abs(offset) > OFF_MIDDLE:
            (right if offset * side > 0 else wrong).append(organ)
    for left, other in PAIRS:
        at, other_at = _offset(points, points.mask(left)), _offset(points, points.mask(other))
        if at is not None and other_at is not None:
            (right if at > other_at else wrong).append(left.split("_")[0] + "s")
    organs = [organ for organ in wrong if organ != "lungs"]
    # The heart lies in the middle in many; a network names lungs and kidneys by their side.
    if len(organs) < 2 or any(organ in right for organ in ("liver", "spleen")):
        return ""
    return ", ".join(wrong)


def upside_down(points: Sampled) -> str:
    """Return which organs lie above those that they belong below; empty where most do not.

    Where one organ is in all that contradicts, it is wrong, not the order: see `out_of_place`.
    """
    right, wrong = _orders(points)
    if len(wrong) <= len(right) or _common(wrong, right):
        return ""
    return ", ".join(f"{lower} above {upper}" for upper, lower in wrong)


def out_of_place(points: Sampled) -> tuple[str, str] | None:
    """Return an organ that lies beyond others that are in order, and those; None without one.

    A trachea below the lungs, for one, is gas of the bowel.
    """
    right, wrong = _orders(points)
    organ = _common(wrong, right) if len(wrong) > len(right) else ""
    if not organ:
        return None
    lower = [low for up, low in wrong if up == organ]
    upper = [up for up, low in wrong if low == organ]
    words = [f"below the {name}" for name in lower] + [f"above the {name}" for name in upper]
    return organ, "it lies " + " and ".join(words)


def _common(wrong: list[tuple[str, str]], right: list[tuple[str, str]]) -> str:
    """Return the one organ that all wrong pairs share and no right one; empty without one."""
    shared = set.intersection(*map(set, wrong)) if wrong else set()
    shared -= {organ for pair in right for organ in pair}
    # Of two organs that changed places nobody knows which is wrong, but an airway is small.
    if len(shared) == 2 and "trachea" in shared:
        return "trachea"
    return shared.pop() if len(shared) == 1 else ""


def _orders(points: Sampled) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return pairs of organs, the upper one by anatomy first: in this order, and the other way."""
    heights = {organ: z for organ in ORDER if (z := _height_mm(points, organ)) is not None}
    right: list[tuple[str, str]] = []
    wrong: list[tuple[str, str]] = []
    for upper, lower in combinations([organ for organ in ORDER if organ in heights], 2):
        apart = heights[upper] - heights[lower]
        if abs(apart) > APART_MM:
            (right if apart > 0 else wrong).append((upper, lower))
    return right, wrong


def _offset(points: Sampled, mask: np.ndarray) -> float | None:
    """Return how far left of the middle a mask lies, in parts of the body's width."""
    columns = mask.sum(axis=1)  # [k, i]
    count = int(columns.sum())
    if count * points.point_ml < LEAST_ML:
        return None
    left = np.arange(columns.shape[1]) - points.middle[:, None]
    return float((columns * left).sum() / count / points.width)


def _height_mm(points: Sampled, organ: str) -> float | None:
    groups = (organ, "lung_trachea_bronchia") if organ == "trachea" else (organ,)
    mask = points.mask(*groups)
    least = LEAST_AIRWAY_ML if organ == "trachea" else LEAST_ML
    on_slice = mask.sum(axis=(1, 2))
    if on_slice.sum() * points.point_ml < least:
        return None
    return float(np.average(np.arange(len(on_slice)), weights=on_slice) * points.spacing_mm[0])
