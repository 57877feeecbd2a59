"""The rows "Dose report" and "Scanner profile": which files go with the CT, and which do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from ...errors import CTDoseSegError, InputError
from .value_marks import Mark, dark

if TYPE_CHECKING:
    from ...ct.series import CTSeries

# As `nodes.dose_reports`, which is not imported before there is a volume.
AUTO, NONE = "auto", "none"


class ExposureFiles:
    """Takes files, shows them by name, and reads a volume's exposure with them.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    parameters
        Returns the parameter node.
    volume
        Returns the chosen CT.
    """

    def __init__(self, ui: Any, parameters: Callable[[], Any], volume: Callable[[], Any]) -> None:
        self._ui, self._parameters, self._volume = ui, parameters, volume
        ui.doseReportButton.connect("clicked(bool)", lambda *_: self._choose_report())
        ui.leaveOutReportButton.connect("clicked(bool)", lambda *_: self._leave_out_report())
        ui.scannerProfileButton.connect("clicked(bool)", lambda *_: self._choose_profile())
        ui.removeProfileButton.connect("clicked(bool)", lambda *_: self._remove_profile())
        for label in (ui.doseReportText, ui.scannerProfileText):
            label.setTextFormat(qt.Qt.PlainText)

    # For the analysis ----------------------------------------------------------------------

    def report(self) -> str:
        """The dose report as the logic takes it: ``auto``, ``none`` or a file."""
        node = self._parameters()
        return node.doseReportFile.strip() or (AUTO if node.useDoseReport else NONE)

    def profile(self) -> str:
        """The scanner profile as the logic takes it: a file, or empty."""
        return self._parameters().scannerProfileFile.strip()

    def clear_report(self) -> None:
        """Forget the file of a dose report: it was of another volume."""
        node = self._parameters()
        node.doseReportFile, node.useDoseReport = "", True

    def read(self, volumeNode: Any) -> tuple[CTSeries, str]:
        """Read what is known of a volume; the sentence is why its files cannot be used, or empty.

        Values of a report that cannot be used are not in what is returned.

        Raises
        ------
        CTDoseSegError
            If the volume itself cannot be used.
        """
        from ..nodes.exposures import stated_series

        problem = ""
        try:
            series = stated_series(volumeNode, self.report())
        except CTDoseSegError as error:
            series = stated_series(volumeNode, NONE)  # raises what is wrong with the volume
            problem = self._report_problem(str(error))
        self._show_report(series, volumeNode, problem)
        profile_problem = self._show_profile(series, volumeNode)
        return series, problem or profile_problem

    def nothing(self) -> None:
        """No volume is chosen, or it is no CT."""
        for label in (self._ui.doseReportText, self._ui.scannerProfileText):
            self._say(label, "")
        ui = self._ui
        for button in (ui.doseReportButton, ui.leaveOutReportButton, ui.scannerProfileButton):
            button.enabled = False
        ui.removeProfileButton.enabled = bool(self.profile() and self._volume())

    # Dose report ---------------------------------------------------------------------------

    def _report_problem(self, sentence: str) -> str:
        path = Path(self.report())
        if path.is_file():
            return sentence
        text = _(
            "The dose report {name} is not on this computer: choose it again, or leave it out."
        )
        return text.format(name=path.name)

    def _show_report(self, series: CTSeries, volumeNode: Any, problem: str) -> None:
        from ..nodes.volumes import STATED

        ui, choice = self._ui, self.report()
        used = series.dose_report is not None
        # What is kept with a volume, of sample data, has the values of its report among its own.
        kept = bool(volumeNode.GetAttribute(STATED))
        unmatched = [f.detail for f in series.flags if f.code == "rdsr_no_match"]
        unreadable = any(f.code == "rdsr_unreadable" for f in series.flags)
        if problem:
            text = problem
        elif choice == NONE and not used:
            text = _("Left out")
        elif choice not in (AUTO, NONE):
            text = Path(choice).name
        elif used:
            text = _("Found with the images")
        elif unmatched:
            text = _("Found, not used: {reason}").format(reason=unmatched[0])
        elif unreadable:
            text = _("Found, not used: it cannot be read")
        else:
            text = _("None found in the DICOM database")
        self._say(self._ui.doseReportText, text, wrong=bool(problem or unmatched or unreadable))
        ui.doseReportButton.enabled = True
        ui.leaveOutReportButton.enabled = choice != AUTO or (used and not kept)
        ui.leaveOutReportButton.text = _("Use") if choice == NONE else _("Leave out")

    def _choose_report(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            None, _("Dose report (X-Ray Radiation Dose SR)"), "", _("DICOM (*)")
        )
        if not path:
            return
        from ..nodes.exposures import stated_series

        try:
            stated_series(self._volume(), path)
        except CTDoseSegError as error:
            self._say(self._ui.doseReportText, str(error), wrong=True)
            return
        self._parameters().doseReportFile = path

    def _leave_out_report(self) -> None:
        node = self._parameters()
        out = self.report() == NONE
        node.doseReportFile = ""
        node.useDoseReport = out

    # Scanner profile -----------------------------------------------------------------------

    def _show_profile(self, series: CTSeries, volumeNode: Any) -> str:
        path = self.profile()
        self._ui.scannerProfileButton.enabled = True
        self._ui.removeProfileButton.enabled = bool(path)
        if not path:
            self._say(self._ui.scannerProfileText, _("None"))
            return ""
        try:
            scanner = _with_profile(series, volumeNode, path).scanner
        except CTDoseSegError as error:
            self._say(self._ui.scannerProfileText, str(error), wrong=True)
            return str(error)
        text = Path(path).name
        if scanner.ctdivol_ratio is not None:
            text = _("{name}: CTDIvol times {ratio:g}").format(
                name=text, ratio=scanner.ctdivol_ratio
            )
        self._say(self._ui.scannerProfileText, text)
        return ""

    def _choose_profile(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            None, _("Scanner profile"), "", _("Scanner profiles (*.json)")
        )
        if not path:
            return
        from ..nodes.exposures import stated_series

        volume = self._volume()
        try:
            _with_profile(stated_series(volume, NONE), volume, path)
        except CTDoseSegError as error:
            self._say(self._ui.scannerProfileText, str(error), wrong=True)
            return
        self._parameters().scannerProfileFile = path

    def _remove_profile(self) -> None:
        self._parameters().scannerProfileFile = ""

    def _say(self, label: Any, text: str, *, wrong: bool = False) -> None:
        label.text = label.toolTip = text
        colour = Mark.IMPOSSIBLE.colour(dark=dark(label)) if wrong else ""
        label.styleSheet = f"color: {colour};" if colour else ""


def _with_profile(series: CTSeries, volumeNode: Any, path: str) -> CTSeries:
    """Return the series as a profile corrects it; raise with a sentence where it cannot."""
    from ..exposure_choices import with_choices

    if not Path(path).is_file():
        text = _(
            "The scanner profile {name} is not on this computer: choose it again, or remove it."
        )
        raise InputError(text.format(name=Path(path).name))
    return with_choices(series, volumeNode, None, path)
