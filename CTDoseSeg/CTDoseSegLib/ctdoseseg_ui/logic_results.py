"""Results that are in the scene: shown, kept up to date with their segmentation, rescaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    from ..result import Comparison, Result
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
        into: str = "",
    ) -> Results:
        """Bring the files of ``analyze`` in `folder` into the scene, as the result of `volume`.

        `into` is as in `Results.create`.
        """
        from ..outputs.tables import read_doubt
        from ..result import read_result
        from ..segmentation.user import read_labelmap
        from .nodes import charts, hierarchy, scene, segmentations
        from .nodes.dose_map import fill_dose_map
        from .nodes.doubt import fill_doubt
        from .session import Session
        from .stored import keep_dose_report

        result = read_result(folder)
        packages.ensure_nifti([result.segmentation.file])
        # Its name alone: the file may have been edited.
        labelmap = read_labelmap(folder / Path(result.segmentation.file).name, series)
        tint = read_doubt(folder, labelmap)
        labelmap = replace(labelmap, engine=result.segmentation.engine, doubt_map=tint)
        results = Results.create(volume, into)
        results.write(result)
        keep_dose_report(results, series)
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
        scene.show_doses(results, order=self.getParameterNode().organOrder)
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
        self.startEdited(results)
        self.rewrite(results)
        results.segmentation.SetAttribute(EDITED, "1")

    def startEdited(self, results: Results) -> None:
        """Keep that a session was edited, before its numbers are worked out."""
        from .nodes.doubt import forget_doubt

        session = self.session(results)
        forget_doubt(results, session.edited, len(session.series.slices))
        session.edited = {}
        engine = session.labelmap.engine.removesuffix(", edited")
        session.labelmap = replace(session.labelmap, engine=f"{engine}, edited")

    def rewrite(self, results: Results) -> None:
        """Write the present state of the session into the result, its tables and its charts."""
        from ..result import Result

        self.keepSimulation(results)
        self.write(results, Result.of(self.session(results).analysis()))

    def write(self, results: Results, result: Result) -> None:
        """Write other numbers into a result, its tables and its charts."""
        from .nodes import charts, scene

        results.write(result)
        scene.show_slices(results)
        scene.show_doses(results, order=self.getParameterNode().organOrder)
        charts.show_charts(results)

    def hasSession(self, results: Results) -> bool:
        """Return whether what edits need is in memory."""
        return results.node.GetID() in self._sessions

    def keep(self, results: Results) -> Results:
        """Keep the numbers of a result as they are, to compare what edits make of them.

        Examples
        --------
        ::

            before = logic.keep(results)
            # edit the segmentation, then
            logic.recompute(results)
            print(logic.compare(results, before).organs[0].percent)
        """
        from .nodes.comparison import keep

        return keep(results)

    def compare(self, results: Results, other: Results) -> Comparison:
        """Compare two results of the scene; differences are `results` less `other`.

        Examples
        --------
        ::

            thresholds = logic.analyze(volumeNode, engine="classical")
            network = logic.analyze(volumeNode, engine="unet", newResult=True)
            for organ in logic.compare(network, thresholds).organs:
                print(organ.organ, organ.percent, organ.differs)
        """
        from .nodes.comparison import compare_nodes

        return compare_nodes(results, other)

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
                series_with_stored_exposure(results),
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
        for _step in self.overlaySteps(results):
            pass
        return results.overlay

    def overlaySteps(self, results: Results) -> Iterator[None]:
        """As `showOverlay`, a little at a time: it is there after the last step."""
        from .nodes.scene import overlay_steps
        from .nodes.segmentations import labelmap_of

        if not self.hasSession(results):
            self.session(results)
            yield  # it has read a whole volume
        session = self.session(results)
        labelmap = session.labelmap
        if labelmap is None:
            labelmap = labelmap_of(results.segmentation, results.volume, session.series)
        while session.gaps and not session.step():
            yield
        values = {atom.name: atom.value for atom in labelmap.atoms}
        yield from overlay_steps(results, labelmap.labels, values)
