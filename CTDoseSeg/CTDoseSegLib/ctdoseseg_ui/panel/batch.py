"""The section "Batch": starts a run in another process and shows what becomes of its scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from ...errors import CTDoseSegError

if TYPE_CHECKING:
    from ..logic import CTDoseSegLogic

POLL_MS = 500
STATE, SCAN, REASON = range(3)


class BatchSection:
    """A table of states; a click on a scan that is done loads it.

    Parameters
    ----------
    ui, logic
        As for the other sections.
    engine
        Returns the engine chosen in the panel.
    show
        Called with the results of a study that was loaded.
    report
        Called with a sentence when something went wrong.
    """

    def __init__(self, ui: Any, logic: CTDoseSegLogic, engine: Any, show: Any, report: Any) -> None:
        self._ui, self._logic = ui, logic
        self._engine, self._show, self._report = engine, show, report
        self.run: Any = None
        self._rows: dict[str, int] = {}
        self._timer = qt.QTimer()
        self._timer.connect("timeout()", self.update)
        ui.batchTable.setColumnCount(3)
        ui.batchTable.setHorizontalHeaderLabels([_("State"), _("Scan"), _("Reason")])
        ui.batchTable.connect("cellClicked(int,int)", self.onClicked)
        ui.batchButton.connect("clicked(bool)", lambda *_: self.onButton())
        ui.batchInputButton.connect("clicked(bool)", lambda *_: self._choose(ui.batchInputLineEdit))
        ui.batchOutputButton.connect(
            "clicked(bool)", lambda *_: self._choose(ui.batchOutputLineEdit)
        )
        ui.batchLabel.setTextFormat(qt.Qt.PlainText)

    def cleanup(self) -> None:
        """End the run; starting it again continues it."""
        self._timer.stop()
        if self.run is not None:
            self.run.end()
            self.run = None

    def onButton(self) -> None:
        """Start a run, or cancel the one that runs."""
        if self.run is not None and self.run.running:
            self.run.stop()
            self._ui.batchButton.enabled = False
            self._ui.batchLabel.text = _("Ending the scans that run...")
            return
        folder, output = self._ui.batchInputLineEdit.text, self._ui.batchOutputLineEdit.text
        if not folder.strip() or not output.strip():
            self._ui.batchLabel.text = _("Choose the archive and a folder for the results.")
            return
        self._rows.clear()
        self._ui.batchTable.setRowCount(0)
        try:
            self.run = self._logic.batch(folder.strip(), output.strip(), engine=self._engine())
        except CTDoseSegError as error:
            self._ui.batchLabel.text = str(error)
            return
        self._output = Path(output.strip())
        self._ui.batchButton.text = _("Cancel")
        self._ui.batchLabel.text = _("Looking at the archive...")
        self._timer.start(POLL_MS)

    def update(self) -> None:
        """Show what the run has reported."""
        from ...batch.ledger import states
        from ...batch.runner import LEDGER
        from ...batch.study import PRIVATE

        if self.run is None:
            return
        ended = not self.run.running
        if self.run.message and not self.run.stopping:
            self._ui.batchLabel.text = self.run.message
        if ended or self.run.states:
            for key, state, sentence in states(self._output / PRIVATE / LEDGER):
                self._show_state(key, state, sentence)
        if ended:
            self._timer.stop()
            self._ui.batchButton.text = _("Start")
            self._ui.batchButton.enabled = True
            self._ui.batchLabel.text = self.run.problem or _(
                "Done; summary.html and the tables are in the folder."
            )

    def _show_state(self, key: str, state: str, sentence: str) -> None:
        table = self._ui.batchTable
        if key not in self._rows:
            row = self._rows[key] = len(self._rows)
            table.setRowCount(row + 1)
            for column in (STATE, SCAN, REASON):
                item = qt.QTableWidgetItem()
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                table.setItem(row, column, item)
        for column, text in ((STATE, state), (SCAN, key), (REASON, sentence)):
            table.item(self._rows[key], column).setText(text)

    def onClicked(self, row: int, _column: int) -> None:
        """Load the scan of a row, if it is done."""
        table = self._ui.batchTable
        if table.item(row, STATE).text() != "done":
            return
        try:
            results = self._logic.loadStudy(self._output, table.item(row, SCAN).text())
        except CTDoseSegError as error:
            self._report(str(error))
            return
        self._show(results)

    def _choose(self, edit: Any) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Choose a folder"))
        if folder:
            edit.text = folder
