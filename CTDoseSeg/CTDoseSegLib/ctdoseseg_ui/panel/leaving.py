"""The section "Export": files, the report, and DICOM objects in Slicer's database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..job import DONE
from ..module_widget import folder_link

if TYPE_CHECKING:
    from ..logic import CTDoseSegLogic
    from ..nodes.results import Results
    from .report_dialog import ReportDialog
    from .task import TaskSection


class LeavingSection:
    """Connects the buttons by which a result leaves Slicer.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    logic
        Does the work.
    task
        Shows what runs.
    start
        Starts a task: what prepares it, and what is called at its end.
    results
        Returns the result that is shown.
    update
        Called when a task has ended: the panel offers other things again.
    """

    def __init__(
        self,
        ui: Any,
        logic: CTDoseSegLogic,
        task: TaskSection,
        start: Callable[[Callable[[], Any], Callable[..., None]], None],
        results: Callable[[], Results | None],
        update: Callable[[], None],
    ) -> None:
        self._ui, self._logic, self._task = ui, logic, task
        self._start, self._results, self._update = start, results, update
        self.dialog: ReportDialog | None = None
        # Of the objects that were saved last.
        self._saved: list[str] = []
        self._staged: Any = None
        ui.exportButton.connect("clicked(bool)", lambda *_args: self._on_export())
        ui.reportButton.connect("clicked(bool)", lambda *_args: self._on_report())
        ui.dicomButton.connect("clicked(bool)", lambda *_args: self._on_dicom())
        ui.sendButton.connect("clicked(bool)", lambda *_args: self._on_send())

    def enable(self, enabled: bool) -> None:
        """Let a result leave, or not."""
        ui = self._ui
        for button in (ui.exportButton, ui.reportButton, ui.dicomButton):
            button.enabled = enabled
        ui.sendButton.enabled = enabled and bool(self._saved)

    def another(self) -> None:
        """Forget what was saved: another result is shown, or other numbers, or it is saved anew."""
        self._saved = []
        self._ui.sendButton.enabled = False
        self._ui.exportLinkLabel.text = ""

    def stop(self) -> None:
        """Close what is open."""
        if self.dialog is not None:
            self.dialog.close()
            self.dialog = None

    def _on_export(self) -> None:
        results = self._results()
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for the results"))
        if not folder or results is None:
            return

        def ended(state: str, message: str, _results: Results | None) -> None:
            self._task.ended(state, message)
            if state == DONE:
                self._ui.statusLabel.text = _("The files are written.")
                self._ui.exportLinkLabel.text = folder_link(folder, _("Open the folder"))
            self._update()

        self._ui.exportLinkLabel.text = ""
        self._start(lambda: self._logic.prepareExport(results, folder), ended)

    def _on_report(self) -> None:
        results = self._results()
        if results is not None:
            from .report_dialog import ReportDialog

            self.stop()
            self.dialog = ReportDialog(results.result)
            self.dialog.show()

    def _on_dicom(self) -> None:
        results = self._results()
        if results is None:
            return

        def prepare() -> Any:
            from .report_dialog import report_pdf

            self._staged = self._logic.prepareDICOM(results, report_pdf)
            return self._staged

        def ended(state: str, message: str, _results: Results | None) -> None:
            if state == DONE:
                from ..leaving import put_into_database

                try:
                    self._saved = put_into_database(Path(str(self._staged.output)))
                except CTDoseSegError as error:
                    self._task.show_problem(str(error))
            self._task.ended(state, message)
            if state == DONE and self._saved:
                text = _("{n} DICOM objects are in Slicer's database, in the study of the CT.")
                text = text.format(n=len(self._saved))
                self._ui.statusLabel.text = self._ui.exportLinkLabel.text = text
            self._update()

        self.another()  # a failure must not leave what was saved before
        self._start(prepare, ended)

    def _on_send(self) -> None:
        import DICOMLib

        DICOMLib.DICOMSendDialog(self._saved)
