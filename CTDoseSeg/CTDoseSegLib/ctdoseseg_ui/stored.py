"""The CT and the organs of a result that came with a saved scene."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..ct.dose_report import MatchedReport
from ..ct.scanner_profile import GENERIC, GENERIC_NAME
from ..dosimetry.fast.engine import load_model
from ..errors import InputError
from ..files.codec import plain, read_as
from ..flags import Flag, flag
from ..segmentation.atoms import groups_of
from .nodes.dose_reports import NONE
from .nodes.exposures import series_of

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..result import Result
    from ..segmentation.labelmap import Labelmap
    from .nodes.results import Results


# Of the text node of a result: the dose report that it was made with, without identity.
DOSE_REPORT = "CTDoseSeg.DoseReport"


def keep_dose_report(results: Results, series: CTSeries) -> None:
    """Keep the dose report of a result with it, for edits in a scene that is loaded again."""
    report = series.dose_report
    if report is None:
        results.node.RemoveAttribute(DOSE_REPORT)
        return
    text = json.dumps(plain(report.without_identity()), ensure_ascii=True, allow_nan=False)
    results.node.SetAttribute(DOSE_REPORT, text)


def series_with_stored_exposure(results: Results) -> CTSeries:
    """Return the voxels of the volume with the exposure and the reading's flags of the result.

    Raises
    ------
    InputError
        If the volume has another number of slices than the result, or its dose report was altered.
    """
    result = results.result
    series = series_of(results.volume, NONE)
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
        dose_report=_kept_dose_report(results),
        # The acquisition of the result is corrected by the profile already.
        scanner=result.scanner_profile if result.scanner_profile.name != GENERIC_NAME else GENERIC,
    )


def _kept_dose_report(results: Results) -> MatchedReport | None:
    text = results.node.GetAttribute(DOSE_REPORT)
    try:
        return read_as(MatchedReport, json.loads(text), "dose report") if text else None
    except ValueError as error:
        raise InputError(
            _("The attribute {name} of the result cannot be read; press Apply.").format(
                name=DOSE_REPORT
            )
        ) from error


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
