"""The module "CT Dose UNet Training": a background job with a live chart of its loss."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from ..errors import CTDoseSegError, InputError
from .job import CANCELLED, DONE, Job
from .module_widget import MAIN, ModuleWidget
from .panel import layout
from .parameters import Method


@parameterNodeWrapper
class CTDoseSegTrainingParameterNode:
    """What the user chose for a training."""

    configuration: str = ""
    networkFolder: str = ""


class CTDoseSegTrainingLogic(ScriptedLoadableModuleLogic):
    """Holds the choices; a training is the command ``ctdoseseg train-unet``."""

    def getParameterNode(self) -> CTDoseSegTrainingParameterNode:
        """The parameter node of this scene, typed."""
        return CTDoseSegTrainingParameterNode(ScriptedLoadableModuleLogic.getParameterNode(self))


class CTDoseSegTrainingWidget(ModuleWidget):
    """Starts, follows and ends a training run."""

    logicClass = CTDoseSegTrainingLogic

    def __init__(self, parent: Any = None) -> None:
        ModuleWidget.__init__(self, parent)
        self.job: Job | None = None
        self._drawn: tuple[float, int] | None = None

    def setupPanel(self) -> None:
        """Connect the widgets of the panel."""
        layout.register()
        ui = self.ui
        ui.trainingLabel.setTextFormat(qt.Qt.PlainText)
        ui.trainButton.connect("clicked(bool)", lambda *_: self.onTrain())
        ui.useNetworkButton.connect("clicked(bool)", lambda *_: self.useNetwork())
        ui.trainingConfigButton.connect("clicked(bool)", lambda *_: self._chooseConfig())
        ui.trainingFolderButton.connect("clicked(bool)", lambda *_: self._chooseFolder())

    def cleanup(self) -> None:
        """End a run at once; its checkpoints stay."""
        if self.job is not None:
            self.job.end()
            self.job = None
        ModuleWidget.cleanup(self)

    @property
    def active(self) -> bool:
        """True while a run goes on."""
        return self.job is not None and self.job.active

    def onParameters(self, *_args: Any) -> None:
        """Set the buttons by what is chosen and what runs."""
        ui, choices = self.ui, self.parameters
        chosen = bool(choices.configuration.strip() and choices.networkFolder.strip())
        ui.trainButton.text = _("Cancel training") if self.active else _("Train")
        ui.trainButton.enabled = self.active or chosen
        trained = Path(choices.networkFolder.strip() or os.devnull) / "unet.safetensors"
        ui.useNetworkButton.enabled = trained.is_file()

    def onTrain(self) -> None:
        """Start the run, or cancel the one that goes on."""
        if self.active:
            self._say(_("Cancelling..."))
            self.ui.trainButton.enabled = False
            self.job.cancel()
            return
        try:
            arguments = self._arguments()
        except CTDoseSegError as error:
            self._say(_("Problem: {message}").format(message=error))
            return
        self._drawn = None
        self.ui.logText.setPlainText("")
        self.ui.trainingProgressBar.value = 0
        self._say(_("Starting..."))
        self.job = Job(arguments, on_event=self._onEvent, on_log=self._log, on_end=self._onEnd)
        self.job.start()
        self.onParameters()

    def _arguments(self) -> list[str]:
        from . import packages

        choices = self.parameters
        config = Path(choices.configuration.strip()).expanduser().absolute()
        folder = Path(choices.networkFolder.strip()).expanduser().absolute()
        if not config.is_file():
            raise InputError(_("The configuration does not exist; choose the .toml file."))
        packages.ensure("unet")
        return ["train-unet", str(config), "--output", str(folder)]

    def _onEvent(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self.ui.trainingProgressBar.value = round(100 * float(event.get("fraction", 0.0)))
            self._say(str(event.get("message", "")).capitalize() + "...")
            self.draw()
        elif event["event"] in ("warning", "error"):
            self._log(f"{event['event']}: {event.get('message', '')}")

    def _onEnd(self, state: str) -> None:
        self.ui.trainingProgressBar.value = 100 if state == DONE else 0
        self.draw()
        if state == DONE:
            self._say(
                _("Trained. Use this network, or evaluate it first: ctdoseseg evaluate-unet.")
            )
        elif state == CANCELLED:
            self._say(_("Cancelled; Train continues from the last whole epoch."))
        else:
            self._say(_("Problem: {message}").format(message=self.job.message))
        self.onParameters()

    def draw(self) -> None:
        """Show the run's history in the lower chart, where it has changed."""
        from .panel import training_chart

        folder = self.parameters.networkFolder.strip()
        try:
            about = os.stat(Path(folder) / training_chart.HISTORY_FILE)
        except OSError:
            return
        if self._drawn == (about.st_mtime, about.st_size):
            return
        history = training_chart.read_history(folder)
        if history is None:
            return
        first = self._drawn is None
        self._drawn = (about.st_mtime, about.st_size)
        chart = training_chart.show(history)
        if first:
            layout.show(layout.PLOTS_LAYOUT)
        layout.show_lower_chart(chart)

    def useNetwork(self) -> None:
        """Choose the trained network for the next Apply of the main module, and open that."""
        main = slicer.util.getModuleLogic(MAIN).getParameterNode()
        main.unetFolder = str(Path(self.parameters.networkFolder.strip()).expanduser().absolute())
        main.method = Method.UNET
        self._say(_("Chosen in CT Dose Segmentation: press Apply there."))
        slicer.util.selectModule(MAIN)

    def _log(self, text: str) -> None:
        self.ui.logText.appendPlainText(text)

    def _say(self, text: str) -> None:
        self.ui.trainingLabel.text = text

    def _chooseConfig(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            None, _("Configuration of the training"), "", _("TOML (*.toml)")
        )
        if path:
            self.ui.trainingConfigLineEdit.text = path

    def _chooseFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for the network"))
        if folder:
            self.ui.trainingFolderLineEdit.text = folder
