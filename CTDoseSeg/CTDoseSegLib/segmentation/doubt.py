"""What an engine knows of its own doubt, organ by organ; it travels with the label map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ..flags import Flag, flag, organ_place

if TYPE_CHECKING:
    from .labelmap import Labelmap

# Of 116 organs on 21 bodies that the bundled network was not trained on, 93 % of those with a Dice
# below 0.8 agree less than this with themselves, and 5 % of those above 0.9.
LEAST_AGREEMENT = 0.95
CERTAIN, UNCERTAIN = "certain", "uncertain"
BY_THRESHOLDS = "organ_by_thresholds"
_DOUBTED = ("organ_unsure", BY_THRESHOLDS, "organ_doubtful", "not_this_organ")


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
            name: replace(
                one,
                less_mm2=one.less_mm2[::-1],
                more_mm2=one.more_mm2[::-1],
                again_mm2=one.again_mm2[::-1],
            )
            for name, one in self.atoms.items()
        }
        return replace(self, atoms=atoms)


def unsure_flag(organ: str, agreement: float) -> Flag:
    """Return the flag at an organ of which the engine is not sure."""
    detail = f"{100 * agreement:.0f} % of it is drawn again when the image is varied"
    return flag("organ_unsure", detail).at(organ_place(organ))


def flags_of_group(labelmap: Labelmap, organ: str) -> tuple[Flag, ...]:
    """Return the flags of an organ of several atoms that follow from the doubt of these.

    Those of a single atom are with the label map already.
    """
    members = labelmap.groups.get(organ, ())
    if members == (organ,):
        return ()
    places = {organ_place(name) for name in members}
    flags = tuple(
        one.at(organ_place(organ))
        for one in labelmap.flags
        if one.code == BY_THRESHOLDS and one.place in places
    )
    doubt = labelmap.doubt.of(members) if labelmap.doubt else None
    if doubt is not None and doubt.agreement < LEAST_AGREEMENT:
        flags += (unsure_flag(organ, doubt.agreement),)
    return flags


def certainty_of(labelmap: Labelmap, organ: str, flags: Iterable[Flag]) -> str | None:
    """Return how surely an organ is drawn, in a word; None where nothing is known of that.

    Parameters
    ----------
    labelmap
        With the organ.
    organ
        Group of the label map.
    flags
        At the organ.
    """
    if any(one.code in _DOUBTED for one in flags):
        return UNCERTAIN
    known = labelmap.doubt is not None and labelmap.doubt.of(labelmap.groups.get(organ, ()))
    return CERTAIN if known else None
