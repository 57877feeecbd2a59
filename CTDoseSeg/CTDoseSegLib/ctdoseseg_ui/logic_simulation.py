"""Monte Carlo on a result that is in the scene: simulated by another process, then taken over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from ..errors import CTDoseSegError, InputError
from . import staging
from .job import CANCELLED, DONE, FAILED, Job, run_and_wait
from .logic_what_if import Asked, WhatIfLogic
from .nodes.results import Results
from .staging import StagedAnalysis

if TYPE_CHECKING:
    from ..dosimetry.scan import Scan
    from ..dosimetry.what_if.change import Change

# A simulation leaves nothing but its temporary folder, which goes with the task: it need not end
# by itself.
GRACE_MS = 300


@dataclass
class StagedSimulation(StagedAnalysis):
    """A simulation in another process.

    Attributes
    ----------
    resultID
        Node ID of the result whose doses it replaces.
    scan
        What is simulated: the CT with the segmentation as it is now.
    change
        Another exposure, whose doses are hypothetical and replace nothing; None: that of the scan.
    asked
        The result's scan that the change was asked of; None without one.
    """

    resultID: str = ""
    scan: Scan | None = None
    change: Change | None = None
    asked: Asked | None = None


class SimulationLogic(WhatIfLogic):
    """The part of `CTDoseSegLogic` that simulates."""

    def simulate(
        self,
        results: Results,
        relativeSE: float = 0.01,
        maxMinutes: float = 5.0,
        onEvent: Callable[[dict[str, Any]], None] | None = None,
    ) -> Results:
        """Replace the doses of a result by those of Monte Carlo; returns when they are there.

        Parameters
        ----------
        results
            Of `analyze`; its dose map becomes a volume of the scene.
        relativeSE
            Relative standard error of the dose of every larger organ in the irradiated range.
        maxMinutes
            The simulation ends after these, whatever it reached.
        onEvent
            Called with each report of the command's `--events jsonl`, a dictionary.

        Raises
        ------
        CTDoseSegError
            With one sentence: what was wrong and what to do. The doses are as they were.

        Examples
        --------
        ::

            results = logic.analyze(slicer.util.getNode("CT"))
            logic.simulate(results, relativeSE=0.02)
            slicer.util.getNode("CT dose map (mGy)")
        """
        task = self.prepareSimulation(results, relativeSE, maxMinutes)
        try:
            code, message = run_and_wait(task.arguments, onEvent or (lambda event: None))
            if code:
                raise InputError(
                    message or _("The simulation ended with code {code}.").format(code=code)
                )
            return self.finishSimulation(task)
        finally:
            task.clear()

    def prepareSimulation(
        self,
        results: Results,
        relativeSE: float = 0.01,
        maxMinutes: float = 5.0,
        change: Change | None = None,
    ) -> StagedSimulation:
        """Write the input of a simulation of a result, with its segmentation as it is now.

        With a change, it is that of another exposure, and its doses replace nothing.
        """
        from ..outputs.simulated import scan_of

        session = self.session(results)
        if session.labelmap is None:
            self.look(results)
        elif not self.whyNoEdits(results):
            self.recompute(results)
        arguments = ["--dose-engine", "montecarlo", "--keep-batches"]
        arguments += ["--relative-se", f"{relativeSE:g}", "--max-minutes", f"{maxMinutes:g}"]
        series, scan, asked = session.series, None, None
        if change is None:
            scan = scan_of(session.analysis())
        else:
            asked = self.asked(results)
            series = asked.scan.exposed(change)
        task = staging.stage_input(results.volume, series, session.as_known(), arguments, {})
        return StagedSimulation(
            **vars(task),
            resultID=results.node.GetID(),
            scan=scan,
            change=change,
            asked=asked,
        )

    def startSimulation(
        self,
        task: StagedSimulation,
        *,
        onEvent: Callable[[dict[str, Any]], None],
        onLog: Callable[[str], None],
        onEnd: Callable[[str, str, Results | None], None],
    ) -> Job:
        """Run a prepared simulation without blocking; the arguments are those of `start`."""

        def end(state: str) -> None:
            results, message = None, job.message
            try:
                if state == DONE:
                    results = self.finishSimulation(task)
            except CTDoseSegError as error:
                state, message = FAILED, str(error)
            except Exception:
                onEnd(FAILED, "The doses could not be shown; see Slicer's error log.", None)
                raise
            onEnd(state, "" if state == CANCELLED else message, results)

        job = Job(
            task.arguments,
            on_event=onEvent,
            on_log=onLog,
            on_end=end,
            on_cleanup=task.clear,
            grace_ms=GRACE_MS,
        )
        job.start()
        return job

    def finishSimulation(self, task: StagedSimulation) -> Results:
        """Take the doses of a simulation over: organs that were edited meanwhile by its map."""
        from ..outputs.simulated import dose_map_in, engine_after, settings_of
        from ..result import read_result
        from .nodes import hierarchy
        from .nodes.dose_map import fill_dose_map

        node = slicer.mrmlScene.GetNodeByID(task.resultID)
        if node is None:
            raise InputError(_("The result was removed from the scene while it was simulated."))
        results = Results(node)
        folder = task.folder / staging.RESULT_FOLDER
        result = read_result(folder)
        dose_map = dose_map_in(folder, result)
        if dose_map is None:
            refused = [one.message for one in result.all_flags() if one.severity == "refusal"]
            raise InputError(" ".join(refused[:1]) or _("The simulation gave no dose."))
        if task.change is not None and task.asked is not None:
            self.keepSimulated(results, task.change, task.asked, result)
            return results
        session = self.session(results)
        if session.labelmap is None:
            self.look(results)
        session.choices |= settings_of(result)
        session.dose_model = staging.BUNDLED  # one in a folder, if there was one, is out of use
        session.dose_engine = engine_after(result, dose_map, task.scan)
        fill_dose_map(results, dose_map)
        self.rewrite(results)
        hierarchy.place(results)
        return results

    def stageSimulated(self, results: Results, task: StagedAnalysis) -> None:
        """Stage a simulated result with the input of an export, so that its doses are kept."""
        from ..outputs.simulated import write_simulation

        folder = task.folder / staging.SIMULATED_FOLDER
        with staging.removed_on_failure(task.folder):
            self.keepSimulation(results)
            session = self.session(results)
            if session.dose_engine is None:
                raise InputError(staging.NO_BATCHES)
            folder.mkdir()
            write_simulation(session.analysis(), session.dose_engine.dose_map, folder)
        task.arguments += ["--dose-engine", "montecarlo", "--simulated", str(folder)]
