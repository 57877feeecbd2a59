"""Monte Carlo in the background: started after Apply, followed, cancelled, taken over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..job import CANCELLED, DONE, Job
from ..nodes.results import Results
from ..parameters import DoseEngine

if TYPE_CHECKING:
    from ...dosimetry.what_if.change import Change
    from ..logic import CTDoseSegLogic


class SimulationSection:
    """Progress, state and button of one simulation at a time; the panel stays usable meanwhile.

    Parameters
    ----------
    ui, logic, parameters
        As for the other sections.
    log
        Called with every line for the log.
    on_done
        Called with the result whose doses were replaced.
    """

    def __init__(
        self,
        ui: Any,
        logic: CTDoseSegLogic,
        parameters: Any,
        log: Callable[[str], None],
        on_done: Callable[[Results], None],
    ) -> None:
        self._ui, self._logic, self._parameters = ui, logic, parameters
        self._log, self._on_done = log, on_done
        self.job: Job | None = None
        # Whose doses are simulated, and what the panel shows.
        self._results: Results | None = None
        # Another exposure than that of the scan, where it is what is simulated.
        self._change: Change | None = None
        self._shown: Results | None = None
        ui.simulationLabel.setTextFormat(qt.Qt.PlainText)
        ui.simulationButton.connect("clicked(bool)", lambda *_: self.on_button())
        self.update(None)

    @property
    def active(self) -> bool:
        """True while a simulation runs."""
        return self.job is not None and self.job.active

    def update(self, shown: Results | None, *, busy: bool = False) -> None:
        """Set button and bar by what is chosen and what runs.

        Parameters
        ----------
        shown
            The result that the panel shows.
        busy
            Another task runs: nothing may be started.
        """
        self._shown = shown
        ui, active = self._ui, self.active
        chosen = self._parameters().doseEngine == DoseEngine.MONTE_CARLO
        ui.simulationProgressBar.visible = active
        ui.simulationButton.visible = active or (chosen and shown is not None)
        ui.simulationButton.enabled = (active and self.job.state == "running") or (
            not active and not busy
        )
        ui.whatIfSimulateButton.enabled = not active and not busy
        ui.simulationButton.text = _("Cancel the simulation") if active else _("Simulate")
        ui.simulationButton.toolTip = (
            _("End the simulation; the doses stay as they are.")
            if active
            else _("Simulate the photons in this CT, with the segmentation as it is now")
        )
        ui.simulationLabel.visible = bool(ui.simulationLabel.text)

    def on_button(self) -> None:
        """Cancel the simulation that runs, or start one of the result that is shown."""
        if self.active:
            self._say(_("Cancelling the simulation..."))
            self.job.cancel()
            self.update(self._shown)
        elif self._shown is not None:
            self.start(self._shown)

    def start(self, results: Results, change: Change | None = None) -> None:
        """Simulate a result, or say why that cannot be; with a change, another exposure of it."""
        from .. import packages

        parameters = self._parameters()
        slicer.app.setOverrideCursor(qt.Qt.WaitCursor)
        try:
            packages.ensure_simulation()
            task = self._logic.prepareSimulation(
                results, parameters.aimedPercent / 100.0, parameters.mostMinutes, change
            )
        except CTDoseSegError as error:
            self._problem(str(error))
            return
        finally:
            slicer.app.restoreOverrideCursor()
        self._results, self._change = results, change
        self._ui.simulationProgressBar.value = 0
        self._say(_("Starting the simulation..."))
        self.job = self._logic.startSimulation(
            task, onEvent=self._on_event, onLog=self._log, onEnd=self._on_end
        )
        self.update(self._shown)

    def end(self) -> None:
        """End the simulation at once, without a word."""
        if self.job is not None:
            self.job.end()
        self.job = self._results = None
        self._say("")
        self.update(self._shown)

    def end_of_removed(self) -> None:
        """End a simulation whose result is gone."""
        if self._results is not None and self._results.node.GetScene() is None:
            self.end()

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._ui.simulationProgressBar.value = round(100 * float(event.get("fraction", 0.0)))
            shown = (
                _("{message}. The table shows the fast law's doses until it ends.")
                if self._change is None
                else _("HYPOTHETICAL exposure: {message}. The result stays as it is.")
            )
            self._say(shown.format(message=str(event.get("message", "")).capitalize()))
        elif event["event"] in ("warning", "error"):
            self._log(f"{event['event']}: {event.get('message', '')}")

    def _on_end(self, state: str, message: str, results: Results | None) -> None:
        self._results = None
        if state == DONE and results is not None:
            self._say(
                _("Simulated: the doses in the table are those of Monte Carlo.")
                if self._change is None
                else _("The HYPOTHETICAL exposure is simulated: its doses stand under What if.")
            )
            self._on_done(results)
        elif state == CANCELLED:
            self._say(_("Simulation cancelled; the doses are as they were."))
        else:
            self._problem(message)
        self.update(self._shown)

    def _problem(self, message: str) -> None:
        text = _("The simulation gave nothing, the doses are as they were: {message}")
        self._say(text.format(message=message))
        self._log(message)
        self.update(self._shown)

    def _say(self, text: str) -> None:
        self._ui.simulationLabel.text = text
        self._ui.simulationLabel.visible = bool(text)
