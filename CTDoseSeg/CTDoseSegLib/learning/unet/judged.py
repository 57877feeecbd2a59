"""A scan beside its truth, and its slices one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ct.series import CTSeries

TRAINING, HELD_OUT, MIXED = "training", "validation", "mixed"
# In titles.
PART_WORDS = {
    HELD_OUT: "held out (validation)",
    MIXED: "partly held out, partly trained on",
    TRAINING: "trained on",
    "": "",
}


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Judged:
    """One scan with its truth and what the network predicts; labels uint8 [k, j, i].

    `known` is `metrics.decided`: where the truth tells right from wrong, boolean [k, j, i].
    Pictures and names of files have `number`, since `name` can be that of a patient. `parts` states
    of each slice whether it is of the network's ``training`` or ``validation``, or of neither
    (empty).
    """

    name: str
    number: int
    series: CTSeries
    truth: np.ndarray
    predicted: np.ndarray
    known: np.ndarray
    not_drawn: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def part(self) -> str:
        """The part of all of its slices; ``mixed`` where they are of several."""
        return self.parts[0] if len(set(self.parts)) == 1 else MIXED


@dataclass(frozen=True, eq=False)
class Page:
    """One slice of a scan.

    Attributes
    ----------
    dice
        Mean over the labels that are in truth or result; None where none is.
    accuracy
        Part of the pixels that have the right class.
    part
        As in `Judged`.
    where
        Number of the scan, and slice, for a title.
    hu, truth, predicted
        [j, i].
    """

    dice: float | None
    accuracy: float
    part: str
    where: str
    hu: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
