"""The module's panel: signals in, view out; no computation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..job import CANCELLED, DONE, Job
from ..live import Live
from ..logic import CTDoseSegLogic
from ..module_widget import ModuleWidget
from ..nodes.results import Results
from ..parameters import CTDoseSegParameterNode, DoseEngine, Method
from ..staging import StagedAnalysis
from . import layout
from .acquisition import AcquisitionSection
from .compare import CompareSection
from .headers import HeaderReading
from .input_volume import first_ct, hide_overlays
from .leaving import LeavingSection
from .method import MethodSection
from .output import ResultSelector, show_alone
from .results import ResultsSection
from .sample import SampleSection
from .scene_watch import SceneWatch
from .simulation import SimulationSection
from .task import STATUS_MS, TaskSection
from .whatif import WhatIfSection

PACKAGE = "CTDoseSegLib"


class CTDoseSegWidget(ModuleWidget):
    """Input, acquisition, Apply, results, edit, what if, export."""

    logicClass = CTDoseSegLogic

    def __init__(self, parent: Any = None) -> None:
        ModuleWidget.__init__(self, parent)
        self.live: Live | None = None
        self._volumeID = self._typedFor = ""
        # Text of the result as it is shown.
        self._shownText = ""
        # What was chosen and typed when the result shown was made; None: not known.
        self._madeWith: tuple | None = None
        self._startedWith: tuple | None = None
        # What was chosen and typed when the panel was last updated.
        self._chosen: tuple | None = None

    # Life --------------------------------------------------------------------------------

    def setupPanel(self) -> None:
        """Connect the widgets of the panel, section by section."""
        layout.register()
        ui, logic = self.ui, self.logic

        def parameters() -> CTDoseSegParameterNode:
            return self.parameters

        self.task = TaskSection(ui, self._updateButtons)
        self.acquisition = AcquisitionSection(ui, parameters)
        self.headers = HeaderReading(self.acquisition, self._updateButtons)
        self.method = MethodSection(ui, logic, parameters, self.acquisition)
        self.output = ResultSelector(ui, parameters, self._showResults, self.task.show_problem)
        self.results = ResultsSection(ui, logic, parameters, self.task.show_problem)
        self.compare = CompareSection(ui, parameters)
        self.simulation = SimulationSection(ui, logic, parameters, self.task.log, self._onSimulated)
        filled = self.results.table_filled
        self.whatIf = WhatIfSection(ui, logic, parameters, self.simulation, filled)
        self.live = Live(logic, self._onLiveUpdate, self.task.show_problem)
        self.leaving = LeavingSection(
            ui,
            logic,
            self.task,
            self._start,
            results=lambda: self.results.results,
            update=self._updateButtons,
        )
        self.sample = SampleSection(ui, self._onSample, self.task.show_problem)
        ui.applyButton.connect("clicked(bool)", lambda *_: self.onApply())
        ui.editButton.connect("clicked(bool)", lambda *_: self.onEdit())
        ui.acquisitionLabel.setTextFormat(qt.Qt.PlainText)

        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        self.sceneWatch = SceneWatch(self._chooseVolume, self._showNewest)

    def cleanup(self) -> None:
        """Let go of everything; before the module is unloaded or made anew."""
        if self.live is not None:
            self.task.end()
            self.sample.end()
            self.simulation.end()
            own = (self.acquisition, self.headers, self.whatIf, self.compare, self.live)
            for part in (*own, self.sceneWatch, self.leaving):
                part.stop()
            self.results.cleanup()
            self.logic.forget()
        ModuleWidget.cleanup(self)

    def enter(self) -> None:
        """The module was opened; a result may have been made since it was left."""
        ModuleWidget.enter(self)
        self._showNewest()

    def onReload(self) -> None:
        """Reload the package too, which Slicer's own reload leaves as it is."""
        self.task.end()
        self.simulation.end()
        for name in list(sys.modules):
            if name.partition(".")[0] == PACKAGE:
                del sys.modules[name]
        ModuleWidget.onReload(self)

    # Parameter node ----------------------------------------------------------------------

    def initializeParameterNode(self) -> None:
        """Follow the parameter node of the scene; choose a CT where none is chosen."""
        ModuleWidget.initializeParameterNode(self)
        hide_overlays(self.ui.inputVolumeSelector)
        if self._parameterNode.inputVolume is None:
            self._parameterNode.inputVolume = first_ct()

    def onParameters(self, *_args: Any) -> None:
        """Show the chosen CT with its result, and what may be done now."""
        node = self._parameterNode
        if node is None or slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting():
            return
        before, self._chosen = self._chosen, self.method.choices()
        if self._chosen != before:
            self.task.clear_problem()
        volume = node.inputVolume
        identifier = volume.GetID() if volume is not None else ""
        if identifier == self._volumeID and self.output.volume_of_other() is not None:
            node.inputVolume = self.output.volume_of_other()
            return
        if identifier != self._volumeID:
            # What was typed is of one CT, also where none was chosen in between.
            if identifier and self._typedFor not in ("", identifier):
                self.acquisition.clear_typed()
            self._typedFor = identifier or self._typedFor
            self._volumeID = identifier
            self.headers.show(volume)
            self.output.follow(volume)
            self.output.show_chosen()
            if self.results.results is not None:
                from .navigation import show_volume

                show_volume(volume)
        else:
            self.acquisition.mark(volume)
            self.output.show_chosen()
        self.results.apply_parameters()
        self.whatIf.update(self.results.results)
        self.compare.refresh()
        self._updateButtons()

    def _updateButtons(self) -> None:
        node, ui = self._parameterNode, self.ui
        if node is None:
            return
        running = self.task.active
        reason = self.method.why_not(node)
        ui.applyButton.enabled = running or not reason
        ui.applyButton.text = _("Cancel") if running else _("Apply")
        ui.applyButton.toolTip = reason or (
            _("End the task; the scene stays as it is.")
            if running
            else _("Segment, measure and predict doses")
        )
        existing = node.method == Method.EXISTING
        ui.sampleButton.visible = node.inputVolume is None
        ui.segmentationSelector.visible = ui.segmentationLabel.visible = existing
        has = self.results.results is not None and not running
        ui.editButton.enabled = has
        self.leaving.enable(has)
        selectors = (ui.inputVolumeSelector, ui.methodComboBox, ui.segmentationSelector)
        for widget in (*selectors, ui.doseEngineComboBox):
            widget.enabled = not running
        self.output.update(running=running)
        self.simulation.update(self.results.results, busy=running)
        older = has and self._madeWith is not None and self.method.choices() != self._madeWith
        if older and not reason and not self.task.problem_shown:
            reason = _("The result is older than the choices above: press Apply.")
        if reason and not running:
            ui.statusLabel.text = reason
        elif not running and ui.statusLabel.text in ("", self._lastReason):
            ui.statusLabel.text = _("Ready: press Apply.")
        self._lastReason = reason or self._lastReason

    _lastReason = "Load a CT and choose it above."

    def _onSample(self, volume: Any, organs: Any) -> None:
        """Choose the phantom with its own organs; then Apply gives doses."""
        parameters = self.parameters
        parameters.inputVolume, parameters.inputSegmentation = volume, organs
        parameters.method = Method.EXISTING
        from .navigation import show_volume

        show_volume(volume)
        self.ui.statusLabel.text = _("Ready: press Apply.")

    # Apply -------------------------------------------------------------------------------

    def onApply(self) -> None:
        """Start the task, or cancel the one that runs."""
        if self.task.active:
            self.task.cancel()
            return
        if not self.method.may_leave_correction(self.results.results):
            return
        try:
            fetch = self.method.weights_to_fetch()
        except CTDoseSegError as error:
            self.task.show_problem(str(error))
            return
        if fetch:
            text = _("Fetching TotalSegmentator's weights...")
            self.task.start(text, lambda: fetch, self._beginFetching)
        else:
            self._start(self._prepareAnalysis, self._onApplied)

    def _beginFetching(self, arguments: list[str]) -> Job:
        job = Job(
            arguments,
            on_event=self.task.on_event,
            on_log=self.task.log,
            on_end=lambda state: self._onFetched(state, job.message),
        )
        job.start()
        return job

    def _onFetched(self, state: str, message: str) -> None:
        self.task.ended(state, message)
        self._updateButtons()
        if state == DONE:
            self._start(self._prepareAnalysis, self._onApplied)

    def _prepareAnalysis(self) -> StagedAnalysis:
        self.simulation.end()  # of the result that is to be replaced
        self._startedWith = self.method.choices()
        return self.method.prepare(self.output.into)

    def _start(self, prepare: Callable[[], StagedAnalysis], onEnd: Callable[..., None]) -> None:
        def begin(task: StagedAnalysis) -> Job:
            return self.logic.start(
                task, onEvent=self.task.on_event, onLog=self.task.log, onEnd=onEnd
            )

        self.task.start(_("Writing the volume..."), prepare, begin)

    def _onApplied(self, state: str, message: str, results: Results | None) -> None:
        self._onAnalysed(state, message, results)
        simulated = self.parameters.doseEngine == DoseEngine.MONTE_CARLO
        if state == DONE and results is not None and simulated:
            self.simulation.start(results)

    def _onAnalysed(self, state: str, message: str, results: Results | None) -> None:
        self.task.ended(state, message)
        if state == DONE and results is not None:
            from .navigation import show_volume

            self.output.take(results)
            self._madeWith = self._startedWith
            self.results.made_anew()
            self.results.show_layout()
            show_volume(results.volume)
            self.ui.statusLabel.text = _("Done.")
        self._updateButtons()

    # Results -----------------------------------------------------------------------------

    def _showResults(self, results: Results | None) -> None:
        if not self.output.whole(results):
            results = None
        before = self.results.results
        if results is None or before is None or results.node is not before.node:
            self._madeWith = None
        if results is not None:
            show_alone(results, switched=before is not None and before.node is not results.node)
        if before is not None and (results is None or results.node is not before.node):
            self.logic.forget(before)  # the voxels of one CT in memory are enough
        self.results.show(results)
        self.compare.follow(results)
        self.leaving.another()
        self._shownText = results.node.GetText() if results is not None else ""
        self.live.follow(results)
        self.ui.liveLabel.text = ""
        if results is not None:
            self.live.warm()
            self.whatIf.update(results, force=True)

    def _refresh(self) -> None:
        """Show the other numbers of the result that is shown."""
        self._shownText = self.results.results.node.GetText()
        self.results.refresh()
        self.whatIf.update(self.results.results, force=True)
        self.compare.refresh()
        self.leaving.another()

    def _onLiveUpdate(self, changed: int, seconds: float) -> None:
        self._refresh()
        from .result_words import rerun_advised

        text = _("{n} slices changed; updated in {ms:.0f} ms.")
        text = text.format(n=changed, ms=1000 * seconds) + rerun_advised(self.results.results)
        self.ui.liveLabel.text = text
        # Segment Editor has taken the panel's place.
        slicer.util.showStatusMessage(_("Organ doses: {text}").format(text=text), STATUS_MS)
        self.results.update_overlay(300)

    def _onSimulated(self, results: Results) -> None:
        """The doses of a result are those of Monte Carlo now."""
        shown = self.results.results
        if shown is None or shown.node is not results.node:
            return
        self._refresh()
        self.results.apply_parameters()
        self.results.update_overlay()

    def onEdit(self) -> None:
        """Open Segment Editor on the result's segmentation."""
        results = self.results.results
        if results is not None and results.segmentation is not None:
            slicer.app.openNodeModule(results.segmentation)

    def showStudy(self, results: Results) -> None:
        """Show a result that another module brought into the scene, as after Apply."""
        self.parameters.inputVolume = results.volume
        self._onAnalysed(DONE, "", results)

    # Scene -------------------------------------------------------------------------------

    def onSceneClosing(self) -> None:
        """End what runs, and let go of the result."""
        self.task.end()
        self.task.ended(CANCELLED, "")
        self.simulation.end()
        self.headers.stop()
        self.live.stop()
        self.compare.stop()
        self.logic.forget()
        self.results.scene_closing()
        self.output.scene_closed()
        self._volumeID = self._typedFor = ""

    def onSceneChanged(self, *_args: Any) -> None:
        """The scene was closed, or another one was read into it."""
        self._volumeID = ""
        self.results.scene_changed()
        if not self.task.active:
            self.ui.statusLabel.text = ""
        ModuleWidget.onSceneChanged(self)
        self._updateButtons()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, _caller: Any, _event: Any, node: Any = None) -> None:
        results = self.results.results
        self.simulation.end_of_removed()
        if node is None or slicer.mrmlScene.IsClosing():
            return
        if results is not None and (
            node is results.node or None in (results.volume, results.segmentation)
        ):
            self.live.stop()
            self._showResults(None)
        self.output.removed(node)
        self.compare.refresh()  # there may be nothing left to compare with
        self._updateButtons()

    def _chooseVolume(self) -> None:
        """A volume was loaded or made; a CT is chosen where none is yet."""
        hide_overlays(self.ui.inputVolumeSelector)
        if self._parameterNode is not None and self._parameterNode.inputVolume is None:
            self.initializeParameterNode()

    def _showNewest(self) -> None:
        """Show what the scene holds: another result of the volume, or other numbers of the same."""
        node = self._parameterNode
        if node is None or node.inputVolume is None or self.task.active:
            return
        self.output.take_new()
        results, shown = self.output.chosen, self.results.results
        if not self.output.whole(results):
            if results is not None and shown is not None and results.node is shown.node:
                self._showResults(None)
            return
        if shown is None or results.node is not shown.node:
            self._showResults(results)
        elif results.node.GetText() != self._shownText:
            self._refresh()
        self.compare.refresh()
        self._updateButtons()
