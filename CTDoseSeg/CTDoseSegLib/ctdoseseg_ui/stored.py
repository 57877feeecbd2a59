"""The CT and the organs of a result that came with a saved scene."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..dosimetry.fast.engine import load_model
from ..errors import InputError
from ..flags import Flag, flag
from ..segmentation.atoms import groups_of
from .nodes.volumes import series_of

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..result import Result
    from ..segmentation.labelmap import Labelmap


def series_with_stored_exposure(volumeNode: Any, result: Result) -> CTSeries:
    """Return the voxels of the volume with the exposure and the reading's flags of the result.

    Raises
    ------
    InputError
        If the volume has another number of slices than the result.
    """
    series = series_of(volumeNode)
    if len(result.slices) != len(series.slices):
        raise InputError(
            _(
                "The volume has {n_volume} slices, its result {n_result}: the volume was changed. "
                "Press Apply."
            ).format(n_volume=len(series.slices), n_result=len(result.slices))
        )
    return replace(
        series,
        acquisition=result.acquisition,
        slices=result.slices.infos(),
        flags=tuple(dict.fromkeys((*result.reading_flags, *model_flags(result)))),
        regular=result.geometry.regular,
        description=result.provenance.series.description,
    )


def model_flags(result: Result) -> tuple[Flag, ...]:
    """Return the flag of a result whose doses the bundled model of this version does not give."""
    card = load_model().card
    if result.dose_model.get("sha256", card["sha256"]) == card["sha256"]:
        return ()
    before = str(result.dose_model.get("version") or "unknown")
    return (flag("doses_by_new_model", f"version {before}, this one is {card['version']}"),)


def same_atoms(known: Labelmap, drawn: Labelmap) -> bool:
    """Return whether two label maps have the same labels by the same names."""
    return [(a.value, a.name) for a in known.atoms] == [(a.value, a.name) for a in drawn.atoms]


def groups_of_edited(result: Result, labelmap: Labelmap) -> dict[str, tuple[str, ...]]:
    """Return the groups of the label map's atoms, with those of the result that are its own."""
    standard = groups_of(atom.name for atom in result.segmentation.atoms)
    present = {atom.name for atom in labelmap.atoms}
    own = {
        name: structure.atoms
        for name, structure in result.structures.items()
        if set(structure.atoms) != set(standard.get(name, ())) and set(structure.atoms) <= present
    }
    return groups_of(atom.name for atom in labelmap.atoms) | own
