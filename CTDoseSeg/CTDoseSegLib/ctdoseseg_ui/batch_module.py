"""The module "CT Dose Batch": a run in another process, and what becomes of its scans."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from ..errors import CTDoseSegError
from . import packages
from .module_widget import MAIN, ModuleWidget, folder_link
from .parameters import Method

POLL_MS, READ_POLL_MS = 500, 50
STATE, SCAN, REASON = range(3)


class BatchMethod(Enum):
    """What draws the organs of all scans."""

    AUTO = "auto"
    TOTALSEGMENTATOR = "totalsegmentator"
    UNET = "unet"
    CLASSICAL = "classical"

    def label(self) -> str:
        """Text in the menu."""
        return Method(self.value).label()


@parameterNodeWrapper
class CTDoseSegBatchParameterNode:
    """What the user chose for a run."""

    archive: str = ""
    results: str = ""
    method: BatchMethod = BatchMethod.AUTO


class CTDoseSegBatchLogic(ScriptedLoadableModuleLogic):
    """Holds the choices; a run is started with ``getModuleLogic("CTDoseSeg").batch(...)``."""

    def getParameterNode(self) -> CTDoseSegBatchParameterNode:
        """The parameter node of this scene, typed."""
        return CTDoseSegBatchParameterNode(ScriptedLoadableModuleLogic.getParameterNode(self))


class CTDoseSegBatchWidget(ModuleWidget):
    """A table of states; a click on a scan that is done loads it into the main module."""

    logicClass = CTDoseSegBatchLogic

    def __init__(self, parent: Any = None) -> None:
        ModuleWidget.__init__(self, parent)
        self.run: Any = None
        self._output = Path()
        self._rows: dict[str, int] = {}
        self._reading: Future | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._key = ""

    @property
    def reading(self) -> bool:
        """True while a scan is read in the background."""
        return self._reading is not None and not self._reading.done()

    def setupPanel(self) -> None:
        """Connect the widgets of the panel."""
        ui = self.ui
        self._timer, self._readTimer = qt.QTimer(), qt.QTimer()
        self._timer.connect("timeout()", self.update)
        self._readTimer.connect("timeout()", self._onRead)
        ui.batchTable.setColumnCount(3)
        ui.batchTable.setHorizontalHeaderLabels([_("State"), _("Scan"), _("Reason")])
        ui.batchTable.connect("cellClicked(int,int)", self.onClicked)
        ui.batchButton.connect("clicked(bool)", lambda *_: self.onButton())
        ui.batchInputButton.connect("clicked(bool)", lambda *_: _choose(ui.batchInputLineEdit))
        ui.batchOutputButton.connect("clicked(bool)", lambda *_: _choose(ui.batchOutputLineEdit))
        ui.batchLabel.setTextFormat(qt.Qt.PlainText)

    def cleanup(self) -> None:
        """End the run; starting it again continues it."""
        if self.logic is not None:
            self._timer.stop()
            self._readTimer.stop()
        if self._reader is not None:
            self._reader.shutdown(wait=False, cancel_futures=True)
        self._reading = self._reader = None
        if self.run is not None:
            self.run.end()
            self.run = None
        ModuleWidget.cleanup(self)

    def onSceneClosing(self) -> None:
        """A scan that is being read belonged to the scene that goes."""
        if self._reading is not None:
            self._say("")
        self._reading = None
        self._readTimer.stop()

    def onButton(self) -> None:
        """Start a run, or cancel the one that runs."""
        if self.run is not None and self.run.running:
            self.run.stop()
            self.ui.batchButton.enabled = False
            self._say(_("Ending the scans that run..."))
            return
        choices = self.parameters
        folder, output = choices.archive.strip(), choices.results.strip()
        if not folder or not output:
            self._say(_("Choose the archive and a folder for the results."))
            return
        self._rows.clear()
        self.ui.batchTable.setRowCount(0)
        self.ui.batchLinkLabel.text = ""
        engine = choices.method.value
        try:
            if choices.method == BatchMethod.UNET:
                packages.ensure("unet")
            self.run = slicer.util.getModuleLogic(MAIN).batch(folder, output, engine=engine)
        except CTDoseSegError as error:
            self._say(str(error))
            return
        self._output = Path(output)
        self.ui.batchButton.text = _("Cancel")
        self._say(_("Looking at the archive..."))
        self._timer.start(POLL_MS)

    def update(self) -> None:
        """Show what the run has reported."""
        from ..batch.ledger import states
        from ..batch.runner import LEDGER
        from ..batch.study import PRIVATE

        if self.run is None:
            return
        ended = not self.run.running
        if self.run.message and not self.run.stopping:
            self._say(self.run.message)
        if ended or self.run.states:
            for key, state, sentence in states(self._output / PRIVATE / LEDGER):
                self._showState(key, state, sentence)
        if ended:
            self._timer.stop()
            self.ui.batchButton.text = _("Start")
            self.ui.batchButton.enabled = True
            self._say(self.run.problem or _("Done."))
            if self._output.is_dir():
                text = _("Open the folder with summary.html and the tables")
                self.ui.batchLinkLabel.text = folder_link(self._output, text)

    def onClicked(self, row: int, _column: int) -> None:
        """Load the scan of a row, if it is done; its images are read in the background."""
        from .batch_study import read_study, source_names

        table = self.ui.batchTable
        if self._reading is not None or table.item(row, STATE).text() != "done":
            return
        self._key = table.item(row, SCAN).text()
        try:
            packages.ensure_nifti(source_names(self._output, self._key))
        except CTDoseSegError as error:
            self._say(str(error))
            return
        self._say(_("Reading scan {key}...").format(key=self._key))
        self._reader = self._reader or ThreadPoolExecutor(1)
        self._reading = self._reader.submit(read_study, self._output, self._key)
        self._readTimer.start(READ_POLL_MS)

    def _onRead(self) -> None:
        from .batch_study import show_study

        if self._reading is None or not self._reading.done():
            return
        self._readTimer.stop()
        read, self._reading = self._reading, None
        self._say("")
        main = slicer.util.getModuleWidget(MAIN)
        try:
            results = show_study(main.logic, read.result(), self._key)
        except CTDoseSegError as error:
            self._say(str(error))
            return
        except OSError as error:
            self._say(_("The scan cannot be read: {why}.").format(why=error.strerror))
            return
        self._say(_("Scan {key} is shown in CT Dose Segmentation.").format(key=self._key))
        slicer.util.selectModule(MAIN)
        main.showStudy(results)

    def _showState(self, key: str, state: str, sentence: str) -> None:
        table = self.ui.batchTable
        if key not in self._rows:
            row = self._rows[key] = len(self._rows)
            table.setRowCount(row + 1)
            for column in (STATE, SCAN, REASON):
                item = qt.QTableWidgetItem()
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                table.setItem(row, column, item)
        for column, text in ((STATE, state), (SCAN, key), (REASON, sentence)):
            table.item(self._rows[key], column).setText(text)

    def _say(self, text: str) -> None:
        self.ui.batchLabel.text = text


def _choose(edit: Any) -> None:
    folder = qt.QFileDialog.getExistingDirectory(None, _("Choose a folder"))
    if folder:
        edit.text = folder
