"""How sure a network is of what it drew: sums of probabilities, and agreement with itself.

Dice expected from the probabilities is right where these are calibrated: of the pixels that a
network calls liver with 70 %, 70 % are. On scans unlike its training it is too sure of itself; how
much the labels change when the same slice is shown shifted, mirrored or with more noise tells of
that too. Both are counted on the working grid, by class and slice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...flags import Flag, flag, organ_place
from ..doubt_map import WHOLLY
from ..labelmap import BODY_REST, COUCH
from .spec import UNetSpec, mirrored_classes

if TYPE_CHECKING:
    import torch

# Of 116 organs on 21 bodies that the bundled network was not trained on, 93 % of those with a Dice
# below 0.8 agree less than this with themselves, and 5 % of those above 0.9.
LEAST_AGREEMENT = 0.95
# Of the variation that a slice is shown in again: pixels, and HU of a scan as they are usual.
SHIFT_PX = (3, -2)
NOISE_HU = 15.0
# Thin slices are alike: not all of them need a second look.
AGAIN_MM = 5.0
# Logits by which nothing leads every class where it is certain.
SURELY_NOTHING = 7.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Certainty:
    """Sums by slice and class on the working grid, each float64 [k, classes].

    Attributes
    ----------
    drawn
        Pixels of each class.
    sure
        Probability of the class, summed over its pixels.
    probable
        Probability of the class, summed over all pixels.
    again, both
        Pixels of the class in the varied slice, and in both; 0 in slices that were not shown again.
    shown_again
        Boolean [k].
    doubt
        uint8 [k, rows, columns]: 255 times one minus the probability of what is drawn; empty
        before all slices are counted.
    """

    drawn: np.ndarray
    sure: np.ndarray
    probable: np.ndarray
    again: np.ndarray
    both: np.ndarray
    shown_again: np.ndarray
    doubt: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))

    @classmethod
    def empty(cls, slices: int, classes: int) -> Certainty:
        """Return one with nothing counted yet."""
        drawn, sure, probable, again, both = np.zeros((5, slices, classes))
        return cls(drawn, sure, probable, again, both, np.zeros(slices, bool))

    def add(
        self, first: int, logits: torch.Tensor, decided: np.ndarray, temperature: float = 1.0
    ) -> np.ndarray:
        """Count slices from `first` on, and return their doubt, uint8 [n, j, i].

        Parameters
        ----------
        first
            Number of the first slice.
        logits
            [n, 1 + classes, j, i].
        decided
            Their labels, uint8 [n, j, i].
        temperature
            Of the network, by which logits are divided before they are probabilities.
        """
        import torch

        classes = self.drawn.shape[1]
        doubt = np.zeros(decided.shape, np.uint8)
        for k, (one, labels) in enumerate(zip(logits, decided, strict=True)):
            # Most pixels are surely nothing; they hold no probability of a class.
            lead = one[1:].max(dim=0).values - one[0]
            inside = lead > -SURELY_NOTHING * temperature
            values = one.movedim(0, -1)[inside] / temperature
            p = torch.softmax(values, dim=1).double().cpu().numpy()
            where = inside.cpu().numpy()
            which = labels[where].astype(np.int64)
            own = np.take_along_axis(p, which[:, None], axis=1)[:, 0]
            self.drawn[first + k] = np.bincount(which, minlength=classes + 1)[1:]
            self.probable[first + k] = p[:, 1:].sum(axis=0)
            self.sure[first + k] = np.bincount(which, own, classes + 1)[1:]
            doubt[k][where] = np.rint(WHOLLY * (1.0 - own))
        return doubt

    def add_again(self, k: int, decided: np.ndarray, varied: np.ndarray) -> None:
        """Count a slice that was shown again: both labels uint8 [j, i], those put back."""
        classes = self.drawn.shape[1]
        same = np.where(decided == varied, decided, 0)
        self.again[k] = np.bincount(varied.ravel(), minlength=classes + 1)[1:]
        self.both[k] = np.bincount(same.ravel(), minlength=classes + 1)[1:]
        self.shown_again[k] = True

    def expected_dice(self, weight: np.ndarray | None = None) -> np.ndarray:
        """Return the Dice that the probabilities let expect, by class; NaN where nothing is drawn.

        Parameters
        ----------
        weight
            Of each slice, [k]; None: all slices together. One-hot for a single slice.
        """
        weight = np.ones(len(self.drawn)) if weight is None else weight
        drawn, sure, probable = (weight @ v for v in (self.drawn, self.sure, self.probable))
        with np.errstate(invalid="ignore"):
            return np.where(drawn > 0, 2 * sure / (drawn + probable), np.nan)

    def agreement(self) -> np.ndarray:
        """Return the Dice of the labels with those of the varied slices, by class."""
        drawn = self.drawn[self.shown_again].sum(axis=0)
        both, again = self.both.sum(axis=0), self.again.sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.where(drawn + again > 0, 2 * both / (drawn + again), np.nan)


def unsure(certainty: Certainty, spec: UNetSpec) -> tuple[Flag, ...]:
    """Return a flag at each organ whose labels change when the slices are shown varied."""
    flags = []
    for name, agreement in zip(spec.classes, certainty.agreement(), strict=True):
        if name not in (BODY_REST, COUCH) and agreement < LEAST_AGREEMENT:
            detail = f"{100 * agreement:.0f} % of it is drawn again when the image is varied"
            flags.append(flag("organ_unsure", detail).at(organ_place(name)))
    return tuple(flags)


def shown_again(z_mm: np.ndarray) -> np.ndarray:
    """Return which slices are shown again, boolean [k]: about `AGAIN_MM` apart."""
    steps = np.floor(np.abs(z_mm - z_mm[0]) / AGAIN_MM + 1e-6)
    return np.r_[True, np.diff(steps) > 0]


def varied(slices: np.ndarray, spec: UNetSpec, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Return slices as they might have been scanned too: shifted, noisier, every other mirrored.

    Parameters
    ----------
    slices
        HU [neighbours, j, i] on the working grid.
    rng
        Source of the noise and of mirroring.

    Returns
    -------
    slices : numpy.ndarray
    mirror : bool
        Whether left and right changed places.
    """
    mirror = bool(rng.random() < 0.5) and _has_sides(spec)
    out = np.roll(slices.astype(np.float32), SHIFT_PX, axis=(1, 2))
    out += rng.normal(0.0, NOISE_HU, out.shape).astype(np.float32)
    return (out[:, :, ::-1] if mirror else out), mirror


def put_back(labels: np.ndarray, spec: UNetSpec, mirror: bool) -> np.ndarray:
    """Return labels [j, i] of varied slices on the slice as it was."""
    if mirror:
        labels = mirrored_classes(spec.classes)[labels[:, ::-1]]
    return np.roll(labels, [-n for n in SHIFT_PX], axis=(0, 1))


def _has_sides(spec: UNetSpec) -> bool:
    """Return whether each class of a side has its partner, so that it can be mirrored."""
    other = {"left": "right", "right": "left"}
    return all(
        name.replace(side, other[side]) in spec.classes
        for name in spec.classes
        for side in other
        if name.endswith(side)
    )
