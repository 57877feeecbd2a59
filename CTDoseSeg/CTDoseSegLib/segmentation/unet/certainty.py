"""How sure a network is of what it drew: sums of probabilities, and agreement with itself.

Dice expected from the probabilities is right where these are calibrated: of the pixels that a
network calls liver with 70 %, 70 % are. On scans unlike its training it is too sure of itself; how
much the labels change when the same slice is shown shifted and with more noise shows that too. Both
are counted on the working grid, by class and slice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from ...ct.organs import OUTSIDE_BODY
from ...flags import Flag
from ..doubt import LEAST_AGREEMENT, Doubt, OrganDoubt, unsure_flag
from ..doubt_map import WHOLLY
from ..labelmap import BODY_REST
from .spec import UNetSpec

if TYPE_CHECKING:
    import torch

# Of the variation that a slice is shown in again: pixels, and HU of a scan as they are usual.
SHIFT_PX = (3, -2)
NOISE_HU = 15.0
# Thin slices are alike: not all of them need a second look.
AGAIN_MM = 5.0
# At these probabilities an organ is drawn smaller and larger than it probably is.
HIGH_P, LOW_P = 0.75, 0.25
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
    less, more
        Pixels where the class is more probable than `HIGH_P` and than `LOW_P`.
    again, both
        Pixels of the class in the varied slice, and in both; 0 in slices that were not shown again.
    shown_again
        Boolean [k].
    doubt_map
        uint8 [k, rows, columns]: 255 times one minus the probability of what is drawn; empty
        before all slices are counted.
    """

    drawn: np.ndarray
    sure: np.ndarray
    probable: np.ndarray
    less: np.ndarray
    more: np.ndarray
    again: np.ndarray
    both: np.ndarray
    shown_again: np.ndarray
    doubt_map: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))

    @classmethod
    def empty(cls, slices: int, classes: int) -> Certainty:
        """Return one with nothing counted yet."""
        names = (f.name for f in fields(cls) if f.name not in ("shown_again", "doubt_map"))
        counts = {name: np.zeros((slices, classes)) for name in names}
        return cls(**counts, shown_again=np.zeros(slices, bool))

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
        for k, (one, labels) in enumerate(zip(logits.cpu(), decided, strict=True)):
            # Most pixels are surely nothing; they hold no probability of a class.
            plane = one.to(torch.float32, memory_format=torch.contiguous_format)
            inside = plane[1:].amax(dim=0) - plane[0] > -SURELY_NOTHING * temperature
            values = one.movedim(0, -1)[inside].float() / temperature
            p = torch.softmax(values, dim=1).numpy()
            where = inside.numpy()
            which = labels[where].astype(np.int64)
            own = p[np.arange(len(which)), which].astype(np.float64)
            doubt[k][where] = np.rint(WHOLLY * (1.0 - own))
            at = first + k
            self.drawn[at] = np.bincount(which, minlength=classes + 1)[1:]
            self.sure[at] = np.bincount(which, own, classes + 1)[1:]
            self.probable[at] = p[:, 1:].sum(axis=0, dtype=np.float64)
            # Few of a pixel's probabilities are above the limits.
            likely = np.flatnonzero(p > LOW_P)
            very = likely[p.ravel()[likely] > HIGH_P]
            self.less[at], self.more[at] = (
                np.bincount(some % (classes + 1), minlength=classes + 1)[1:]
                for some in (very, likely)
            )
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

    def doubt(self, classes: tuple[str, ...], pixel_mm2: float) -> Doubt:
        """Return what label maps keep of it, by the names of the classes that were ever drawn.

        Parameters
        ----------
        classes
            Names of the classes.
        pixel_mm2
            Area of a pixel of the working grid.
        """
        shown = np.flatnonzero(self.shown_again)
        every = np.arange(len(self.drawn))
        atoms = {}
        for n, name in enumerate(classes):
            drawn, again = self.drawn[:, n], self.again[:, n]
            if not drawn.any() and not again.any():
                continue
            changed = np.interp(every, shown, (again - drawn)[shown]) if shown.size else 0 * drawn
            less, more = self.less[:, n] - drawn, self.more[:, n] - drawn
            atoms[name] = OrganDoubt(
                drawn=int(drawn[shown].sum()),
                again=int(again[shown].sum()),
                both=int(self.both[shown, n].sum()),
                less_mm2=np.rint(np.minimum(less, 0) * pixel_mm2),
                more_mm2=np.rint(np.maximum(more, 0) * pixel_mm2),
                again_mm2=np.rint(changed * pixel_mm2),
            )
        return Doubt(atoms)


def unsure(certainty: Certainty, spec: UNetSpec, drawn: Collection[str]) -> tuple[Flag, ...]:
    """Return a flag at each organ whose labels change when the slices are shown varied.

    The least sure comes first.

    Parameters
    ----------
    certainty
        Of the network.
    spec
        Of the network.
    drawn
        Names of the atoms that the label map holds.
    """
    agreement = dict(zip(spec.classes, certainty.agreement(), strict=True))
    doubtful = [
        (value, name)
        for name, value in agreement.items()
        if name in drawn and name not in (BODY_REST, *OUTSIDE_BODY) and value < LEAST_AGREEMENT
    ]
    return tuple(unsure_flag(name, value) for value, name in sorted(doubtful))


def shown_again(z_mm: np.ndarray) -> np.ndarray:
    """Return which slices are shown again, boolean [k]: about `AGAIN_MM` apart."""
    steps = np.floor(np.abs(z_mm - z_mm[0]) / AGAIN_MM + 1e-6)
    return np.r_[True, np.diff(steps) > 0]


def varied(slices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return slices as they might have been scanned too: shifted, and with more noise.

    Parameters
    ----------
    slices
        HU [neighbours, j, i] on the working grid.
    rng
        Source of the noise.
    """
    out = np.roll(slices.astype(np.float32), SHIFT_PX, axis=(1, 2))
    return out + rng.normal(0.0, NOISE_HU, out.shape).astype(np.float32)


def put_back(labels: np.ndarray) -> np.ndarray:
    """Return labels [j, i] of varied slices on the slice as it was."""
    return np.roll(labels, [-n for n in SHIFT_PX], axis=(0, 1))
