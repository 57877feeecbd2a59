"""What a check of anatomy found: points to take away from an organ, or a sentence about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Taken:
    """Points of an organ that are surely not it.

    Attributes
    ----------
    organ
        Group of the label map.
    points
        Boolean [k, j, i] on the grid of `Sampled`.
    rule
        What they are by, a part of a sentence.
    """

    organ: str
    points: np.ndarray
    rule: str


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Doubt:
    """What contradicts an organ without it being clear what to do.

    Attributes
    ----------
    organ
        Group of the label map.
    detail
        What was found, with units.
    points
        Where, boolean [k, j, i] on the grid of `Sampled`.
    """

    organ: str
    detail: str
    points: np.ndarray


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Given:
    """Points of the rest of the body that are surely an organ's.

    Attributes
    ----------
    organ
        Group of the label map.
    points
        Boolean [k, j, i] on the grid of `Sampled`.
    below_hu
        Only voxels below it.
    """

    organ: str
    points: np.ndarray
    below_hu: float
