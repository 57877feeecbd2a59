"""Results that are in the scene: shown, kept up to date with their segmentation, rescaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import InputError
from . import packages
from .nodes.results import EDITED, Results
from .staging import BUNDLED, NO_BATCHES, NO_EDITS

if TYPE_CHECKING:
    from ..dosimetry.dose_map import DoseMap
    from .session import Session


class ResultsLogic:
    """The half of `CTDoseSegLogic` that works on results, and keeps in memory what edits need."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def show(
        self,
        volume: Any,
        series: Any,
        folder: Path,
        choices: Mapping[str, Any],
        givenID: str = "",
    ) -> Results:
        """Bring the files of ``analyze`` in `folder` into the scene, as the result of `volume`."""
        from ..outputs.tables import read_doubt
        from ..result import read_result
        from ..segmentation.user import read_labelmap
        from .nodes import charts, hierarchy, scene, segmentations
        from .nodes.dose_map import fill_dose_map
        from .nodes.doubt import fill_doubt
        from .session import Session

        result = read_result(folder)
        packages.ensure_nifti([result.segmentation.file])
        # Its name alone: the file may have been edited.
        labelmap = read_labelmap(folder / Path(result.segmentation.file).name, series)
        tint = read_doubt(folder, labelmap)
        labelmap = replace(labelmap, engine=result.segmentation.engine, doubt_map=tint)
        results = Results.create(volume)
        results.write(result)
        segmentation = results.segmentation_to_fill(givenID)
        segmentations.fill_segmentation(segmentation, labelmap, volume)
        fill_doubt(results, labelmap)
        fill_dose_map(results, self._dose_map_in(folder, results))
        session = Session(
            series,
            choices["region"],
            choices["dose_model"],
            {"engine": choices["engine"]},
            result,
        )
        session.take(labelmap, complete=True)
        self._sessions[results.node.GetID()] = session
        scene.show_slices(results)
        scene.show_doses(results)
        charts.show_charts(results)
        hierarchy.place(results)
        return results

    def _dose_map_in(self, folder: Path, results: Results) -> DoseMap | None:
        if not results.simulated:
            return None
        from ..outputs.simulated import dose_map_in

        return dose_map_in(folder, results.result)

    def recompute(self, results: Results) -> int:
        """Bring a result up to date with its segmentation.

        Returns
        -------
        int
            Number of slices that had changed; with 0 nothing is touched.

        Raises
        ------
        InputError
            If the result cannot follow edits.
        """
        session = self.session(results)
        if reason := self.whyNoEdits(results):
            raise InputError(reason)
        changed = self.look(results)
        session.finish()
        if changed or session.edited:
            self.publish(results)
        return changed

    def whyNoEdits(self, results: Results) -> str:
        """Why a result cannot follow edits; empty if it can."""
        if results.result.chosen("dose_model", BUNDLED) != BUNDLED:
            return NO_EDITS
        if results.simulated and results.get("doseMapBatches") is None:
            return NO_BATCHES
        return ""

    def look(self, results: Results) -> int:
        """Compare the segmentation with what is known of it; returns how many slices differ."""
        from .nodes.segmentations import labelmap_of
        from .stored import groups_of_edited, same_atoms

        session = self.session(results)
        labelmap = labelmap_of(results.segmentation, results.volume, session.series)
        if session.labelmap is not None:
            self.keepSimulation(results)  # with the segmentation that its doses are of
        known = session.labelmap
        if known is not None and same_atoms(known, labelmap):
            labelmap = replace(labelmap, atoms=known.atoms, groups=known.groups)
        else:
            labelmap = replace(labelmap, groups=groups_of_edited(results.result, labelmap))
        renamed = known is not None and labelmap.atoms != known.atoms
        engine = results.result.segmentation.engine
        changed = session.take(replace(labelmap, engine=engine))
        return max(changed, int(renamed))

    def keepSimulation(self, results: Results) -> None:
        """Remember what a simulated result was made from, before its segmentation is edited."""
        session = self.session(results)
        if session.dose_engine is not None or not results.simulated:
            return
        from ..outputs.simulated import engine_after, scan_of
        from .nodes.dose_map import dose_map_of

        dose_map = dose_map_of(results)
        if dose_map is not None:
            scan = scan_of(session.analysis())
            session.dose_engine = engine_after(results.result, dose_map, scan)

    def publish(self, results: Results) -> None:
        """Write the state of an edited session into the result, its tables and its charts."""
        from .nodes.doubt import forget_doubt

        session = self.session(results)
        forget_doubt(results, session.edited, len(session.series.slices))
        session.edited = {}
        engine = session.labelmap.engine.removesuffix(", edited")
        session.labelmap = replace(session.labelmap, engine=f"{engine}, edited")
        self.rewrite(results)
        results.segmentation.SetAttribute(EDITED, "1")

    def rewrite(self, results: Results) -> None:
        """Write the present state of the session into the result, its tables and its charts."""
        from ..result import Result
        from .nodes import charts, scene

        self.keepSimulation(results)
        results.write(Result.of(self.session(results).analysis()))
        scene.show_slices(results)
        scene.show_doses(results)
        charts.show_charts(results)

    def session(self, results: Results) -> Session:
        """Return what is kept in memory of a result; made anew for one of a saved scene."""
        from .session import Session
        from .stored import series_with_stored_exposure

        if results.volume is None or results.segmentation is None:
            raise InputError(
                _("The volume or the segmentation of the result is gone; press Apply.")
            )
        key = results.node.GetID()
        if key not in self._sessions:
            result = results.result
            self._sessions[key] = Session(
                series_with_stored_exposure(results.volume, result),
                result.chosen("region", "auto"),
                result.chosen("dose_model", BUNDLED),
                {"engine": result.chosen("engine")},
                result,
            )
        return self._sessions[key]

    def forget(self, results: Results | None = None) -> None:
        """Release the memory that is kept for edits, of one result or of all."""
        if results is None:
            self._sessions.clear()
        else:
            self._sessions.pop(results.node.GetID(), None)

    def showOverlay(self, results: Results) -> Any:
        """Make or update the dose overlay; returns its volume node."""
        from .nodes.scene import show_overlay
        from .nodes.segmentations import labelmap_of

        session = self.session(results)
        labelmap = session.labelmap
        if labelmap is None:
            labelmap = labelmap_of(results.segmentation, results.volume, session.series)
        return show_overlay(results, labelmap.labels, {a.name: a.value for a in labelmap.atoms})

    def hypothetical(
        self,
        results: Results,
        tubeCurrent: float = 1.0,
        rotationTime: float = 1.0,
        ctdivol: float = 1.0,
    ) -> dict[str, float]:
        """Return organ doses in mGy if exposure were other by these factors; the result stays.

        Dose is proportional to tube current times rotation time, and so is CTDIvol; `ctdivol` is
        what changes it beyond that (such as pitch), and has no effect on a dose that was scaled
        with mAs alone. Another voltage or filter changes the dose per CTDIvol too, which is left
        out. The published networks are not proportional to anything: for them there is no such
        dose.
        """
        doses = {}
        for organ in results.result.organs:
            if organ.dose_mGy is None or organ.route not in ("ctdivol", "mas", "montecarlo"):
                continue
            factor = tubeCurrent * rotationTime
            if organ.route != "mas":
                factor *= ctdivol
            doses[organ.organ] = organ.dose_mGy * factor
        return doses
