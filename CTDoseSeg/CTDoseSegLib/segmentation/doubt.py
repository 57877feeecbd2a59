"""What an engine knows of its own doubt, organ by organ; it travels with the label map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..flags import Flag, flag, organ_place

# Of 406 organs on 28 bodies that the bundled network was not trained on, 98 % of those with a Dice
# below 0.8 agree less than this with themselves, and 6 % of those above 0.9
# (Testing/Bodies/doubt_of_bodies.py, seeds 3001 to 3014 and 3101 to 3114).
LEAST_AGREEMENT = 0.96
# Fields of `OrganDoubt` that have a value for each slice.
CHANGES = ("less_mm2", "more_mm2", "again_mm2")
BY_THRESHOLDS = "organ_by_thresholds"


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class OrganDoubt:
    """How sure an engine is of one organ.

    Attributes
    ----------
    drawn, again, both
        Pixels of the organ in the slices that the engine was shown twice: as they are, varied, and
        in both.
    less_mm2, more_mm2
        How much the organ's area in each slice changes when it is drawn at a high probability (at
        most 0), and at a low one (at least 0), [k].
    again_mm2
        The same for the varied slices, between these interpolated, [k].
    """

    drawn: int
    again: int
    both: int
    less_mm2: np.ndarray
    more_mm2: np.ndarray
    again_mm2: np.ndarray

    @property
    def agreement(self) -> float:
        """Dice of the organ as drawn and as drawn again, 0 to 1; 1 where there is neither."""
        total = self.drawn + self.again
        return 2.0 * self.both / total if total else 1.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Doubt:
    """What is known of the atoms of a label map; of others nothing is known.

    Attributes
    ----------
    atoms
        Name of the atom to what the engine says of it.
    """

    atoms: Mapping[str, OrganDoubt] = field(default_factory=dict)

    def of(self, names: Iterable[str]) -> OrganDoubt | None:
        """Return what is known of a group of atoms; None where nothing is.

        Atoms of which nothing is known, such as those that a user drew, count as sure. What the
        engine took for another atom of the group counts as doubt.

        Parameters
        ----------
        names
            Of the group's atoms.

        Examples
        --------
        >>> none = np.zeros(3)
        >>> left = OrganDoubt(60, 60, 60, none, none, none)
        >>> doubt = Doubt({"lung_left": left, "lung_right": replace(left, both=30)})
        >>> doubt.of(("lung_left", "lung_right")).agreement
        0.75
        >>> doubt.of(("heart",)) is None
        True
        """
        known = [self.atoms[name] for name in names if name in self.atoms]
        if not known:
            return None
        return OrganDoubt(
            drawn=sum(one.drawn for one in known),
            again=sum(one.again for one in known),
            both=sum(one.both for one in known),
            less_mm2=np.sum([one.less_mm2 for one in known], axis=0),
            more_mm2=np.sum([one.more_mm2 for one in known], axis=0),
            again_mm2=np.sum([one.again_mm2 for one in known], axis=0),
        )

    def only(self, names: Iterable[str]) -> Doubt:
        """Return what is known of some atoms alone."""
        kept = set(names)
        return replace(self, atoms={n: one for n, one in self.atoms.items() if n in kept})

    def without(self, names: Iterable[str]) -> Doubt:
        """Return what is known of all atoms but some, for instance those that a user drew."""
        return self.only(set(self.atoms) - set(names))

    def reversed(self) -> Doubt:
        """Return it with the slices in the other order."""
        atoms = {
            name: replace(one, **{change: getattr(one, change)[::-1] for change in CHANGES})
            for name, one in self.atoms.items()
        }
        return replace(self, atoms=atoms)


def unsure_flag(organ: str, agreement: float) -> Flag:
    """Return the flag at an organ of which the engine is not sure."""
    detail = f"agreement with itself {agreement:.3f}, sure from {LEAST_AGREEMENT:g} on"
    return flag("organ_unsure", detail).at(organ_place(organ))
