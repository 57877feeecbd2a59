"""The section "Train a UNet": a background job with a live chart of its loss."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ...errors import CTDoseSegError, InputError
from ..job import CANCELLED, DONE, Job
from ..parameters import Method
from . import layout


class TrainingSection:
    """Starts, follows and ends a training run.

    Parameters
    ----------
    ui
        The panel's widgets by name.
    parameters
        Returns the parameter node.
    log
        Called with every line for the log.
    """

    def __init__(self, ui: Any, parameters: Any, log: Callable[[str], None]) -> None:
        self._ui, self._parameters, self._log = ui, parameters, log
        self.job: Job | None = None
        self._drawn: tuple[float, int] | None = None
        ui.trainingLabel.setTextFormat(qt.Qt.PlainText)
        ui.trainButton.connect("clicked(bool)", lambda *_: self.on_train())
        ui.useNetworkButton.connect("clicked(bool)", lambda *_: self.use_network())
        ui.trainingConfigButton.connect("clicked(bool)", lambda *_: self._choose_config())
        ui.trainingFolderButton.connect("clicked(bool)", lambda *_: self._choose_folder())
        self.update()

    @property
    def active(self) -> bool:
        """True while a run goes on."""
        return self.job is not None and self.job.active

    def update(self) -> None:
        """Set the buttons by what is chosen and what runs."""
        ui, node = self._ui, self._parameters()
        chosen = bool(node.trainingConfig.strip() and node.trainingFolder.strip())
        ui.trainButton.text = _("Cancel training") if self.active else _("Train")
        ui.trainButton.enabled = self.active or chosen
        trained = Path(node.trainingFolder.strip() or os.devnull) / "unet.safetensors"
        ui.useNetworkButton.enabled = trained.is_file()

    def on_train(self) -> None:
        """Start the run, or cancel the one that goes on."""
        if self.active:
            self._ui.trainingLabel.text = _("Cancelling...")
            self._ui.trainButton.enabled = False
            self.job.cancel()
            return
        try:
            arguments = self._arguments()
        except CTDoseSegError as error:
            self._say(_("Problem: {message}").format(message=error))
            return
        self._drawn = None
        self._ui.trainingProgressBar.value = 0
        self._say(_("Starting..."))
        self.job = Job(arguments, on_event=self._on_event, on_log=self._log, on_end=self._on_end)
        self.job.start()
        self.update()

    def _arguments(self) -> list[str]:
        from .. import packages

        node = self._parameters()
        config = Path(node.trainingConfig.strip()).expanduser().absolute()
        folder = Path(node.trainingFolder.strip()).expanduser().absolute()
        if not config.is_file():
            raise InputError(_("The configuration does not exist; choose the .toml file."))
        packages.ensure("unet")
        return ["train-unet", str(config), "--output", str(folder)]

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._ui.trainingProgressBar.value = round(100 * float(event.get("fraction", 0.0)))
            self._ui.trainingLabel.text = str(event.get("message", "")).capitalize() + "..."
            self.draw()
        elif event["event"] in ("warning", "error"):
            self._log(f"{event['event']}: {event.get('message', '')}")

    def _on_end(self, state: str) -> None:
        self._ui.trainingProgressBar.value = 100 if state == DONE else 0
        self.draw()
        if state == DONE:
            self._say(
                _("Trained. Use this network, or evaluate it first: ctdoseseg evaluate-unet.")
            )
        elif state == CANCELLED:
            self._say(_("Cancelled; Train continues from the last whole epoch."))
        else:
            self._say(_("Problem: {message}").format(message=self.job.message))
        self.update()

    def draw(self) -> None:
        """Show the run's history in the lower chart, where it has changed."""
        from . import training_chart

        folder = self._parameters().trainingFolder.strip()
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
            layout.show()
        layout.show_lower_chart(chart)

    def use_network(self) -> None:
        """Choose the trained network for the next Apply."""
        node = self._parameters()
        node.unetFolder = str(Path(node.trainingFolder.strip()).expanduser().absolute())
        node.method = Method.UNET
        self._say(_("Chosen: method UNet, folder under Advanced. Press Apply."))

    def end(self) -> None:
        """End a run at once; its checkpoints stay."""
        if self.job is not None:
            self.job.end()
            self.job = None

    def _say(self, text: str) -> None:
        self._ui.trainingLabel.text = text

    def _choose_config(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            None, _("Configuration of the training"), "", "TOML (*.toml)"
        )
        if path:
            self._ui.trainingConfigLineEdit.text = path

    def _choose_folder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for the network"))
        if folder:
            self._ui.trainingFolderLineEdit.text = folder
