"""The section "Acquisition": what was read, what was typed, and what waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ...errors import AcquisitionError, CTDoseSegError
from ..parameters import TYPED
from .exposure_files import ExposureFiles
from .presets import PresetRow
from .typed_values import RANGE, number, parsed, range_text
from .value_marks import Mark, MarkedField, mark_of_source

if TYPE_CHECKING:
    from ...ct.series import CTSeries
    from .range_in_views import RangeInViews

# What organ doses without CTDIvol need.
NEEDED_BY_MAS = ("kvp_kV", "tube_current_mA", "rotation_time_s", "pitch")
_RDSR = "rdsr"


class AcquisitionSection:
    """Shows the exposure of the chosen volume and takes what the user types.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    parameters
        Returns the parameter node.
    """

    def __init__(self, ui: Any, parameters: Callable[[], Any]) -> None:
        self._ui, self._parameters = ui, parameters
        # Name to the value as text and its source.
        self._read: dict[str, tuple[str, str]] = {}
        self.has_dicom = False
        self.problem = ""
        self._volume: Any = None
        self._files = ExposureFiles(ui, parameters, lambda: self._volume)
        self._presets = PresetRow(ui, parameters)
        self._range: RangeInViews | None = None
        self._fields = {name: MarkedField(self._edit(name), self._source(name)) for name in TYPED}
        # The files that were read.
        self._shown: tuple[str, ...] = ()

    def stop(self) -> None:
        """Let go of everything; before the module is unloaded."""
        if self._range is not None:
            self._range.stop()

    def files(self) -> tuple[str, str]:
        """Dose report and scanner profile as the logic takes them."""
        return self._files.report(), self._files.profile()

    def show(self, volumeNode: Any) -> None:
        """Read what DICOM and dose report state about a volume."""
        another = volumeNode is not self._volume
        self._volume, self._shown = volumeNode, self.files()
        self._read, self.has_dicom, self.problem = {}, False, ""
        name = ""
        if volumeNode is None:
            self._files.nothing()
        else:
            try:
                series, self.problem = self._files.read(volumeNode)
            except CTDoseSegError as error:
                self.problem = str(error)
                self._files.nothing()
            else:
                from ...measurement.ctdi_check import with_checked_ctdivol

                series = with_checked_ctdivol(series)  # which may infer the CTDI phantom
                self.has_dicom = bool(series.acquisition.sources)
                self._read = _texts(series.acquisition, series.slices)
                name = _scanner_and_protocol(series)
        self._presets.propose(name)
        for field in TYPED:
            self._fields[field].show_read(self._read.get(field, ("", ""))[0])
        self._follow(volumeNode)
        self.mark(volumeNode)
        if another:  # where nothing is missing, one line is enough
            complete = self.has_dicom and not self.problem and not list(self._waiting())
            self._ui.acquisitionCollapsibleButton.collapsed = complete

    def clear_typed(self) -> None:
        """Empty all fields: another volume was chosen."""
        for name in TYPED:
            setattr(self._parameters(), name, "")
        self._files.clear_report()

    def mark(self, volumeNode: Any) -> None:
        """Mark each value by where it comes from; show what waits for what is missing."""
        if self._shown != self.files() and volumeNode is not None:
            self.show(volumeNode)  # with another dose report or profile
            return
        for name in TYPED:
            self._fields[name].show(*self._mark(name, volumeNode))
        self._ui.acquisitionLabel.text = self._summary(volumeNode)
        line = self._line() if volumeNode is not None else ""
        title = _("Acquisition: {values}").format(values=line) if line else _("Acquisition")
        self._ui.acquisitionCollapsibleButton.text = title
        self._presets.update()
        if self._range is not None:
            self._range.update()

    def _mark(self, name: str, volumeNode: Any) -> tuple[Mark, str, str]:
        """Return mark, word and reason of a field."""
        value, source = self._read.get(name, ("", ""))
        if reason := self._impossible(name):
            return Mark.IMPOSSIBLE, Mark.IMPOSSIBLE.word(), reason
        if self._text(name):
            return Mark.TYPED, Mark.TYPED.word(), _("You typed this value.")
        if volumeNode is None:
            return Mark.NONE, "", ""
        mark = mark_of_source(value, source)
        if source.startswith(_RDSR):
            word = _("dose report") if mark is Mark.READ else mark.word()
            return mark, word, f"{_('From the dose report.')} {_detail(source)}".strip()
        return mark, mark.word(), source

    def _impossible(self, name: str) -> str:
        """Return why what is typed cannot be; empty if it can."""
        text = self._text(name)
        if not text:
            return ""
        try:
            parsed(name, text, self._label(name))
        except AcquisitionError as error:
            return str(error)
        return ""

    def _follow(self, volumeNode: Any) -> None:
        """Let the irradiated range be dragged in the views of a volume."""
        if self._range is None:
            if volumeNode is None:
                return
            from .range_in_views import RangeInViews

            self._range = RangeInViews(
                self._ui,
                self._parameters,
                lambda: self._read.get(RANGE, ("",))[0],
                lambda: self.show(self._volume),
            )
        self._range.follow(volumeNode if not self.problem else None)

    def _line(self) -> str:
        """Return the values that doses are scaled with, in one line."""
        shown = []
        for name, text in (
            ("kvp_kV", _("{value} kV")),
            ("ctdivol_mGy", _("CTDIvol {value} mGy")),
            ("phantom_cm", _("{value} cm phantom")),
            ("pitch", _("pitch {value}")),
        ):
            if value := self._value(name):
                typed = _(" (typed)") if self._text(name) else ""
                typed = _(" (impossible)") if self._impossible(name) else typed
                shown.append(text.format(value=value) + typed)
        return ", ".join(shown)

    def typed(self) -> dict[str, Any]:
        """What was typed, by the names of the command line's acquisition file.

        Raises
        ------
        AcquisitionError
            If something typed is not a number, or not one that a CT can have.
        """
        return {
            name: parsed(name, text, self._label(name))
            for name in TYPED
            if (text := self._text(name))
        }

    def _label(self, name: str) -> str:
        return getattr(self._ui, f"{name}_label").text

    def _source(self, name: str) -> Any:
        return getattr(self._ui, f"{name}_source")

    def _edit(self, name: str) -> Any:
        return getattr(self._ui, f"{name}_edit")

    def _known(self, name: str) -> bool:
        return bool(self._value(name))

    def _value(self, name: str) -> str:
        """What was typed, else what was read."""
        return self._text(name) or self._read.get(name, ("",))[0]

    def _text(self, name: str) -> str:
        return getattr(self._parameters(), name).strip()

    def _summary(self, volumeNode: Any) -> str:
        if volumeNode is None:
            return _("Choose a volume to see what DICOM states about its exposure.")
        if self.problem:
            return self.problem
        if wrong := list(filter(None, map(self._impossible, TYPED))):
            return "\n".join(wrong)  # a line each; the label is plain text
        begin = (
            _("Read from DICOM; type to replace a value.")
            if self.has_dicom
            else _("This volume has no DICOM tags: type what you know.")
        )
        waiting = list(self._waiting())
        if not waiting:
            return begin
        return " ".join((begin, _("Size and WED need nothing more;"), "; ".join(waiting) + "."))

    def _waiting(self) -> Iterator[str]:
        """Yield which results wait for which values."""
        from ...dosimetry.applicability import ADULT_YEARS, is_limb, names_head
        from ...measurement.ctdi_per_mas import REFERENCE_KVP
        from ...measurement.ssde import anatomy_of

        part, known = self._value("body_part"), self._known("ctdivol_mGy")
        if not known and anatomy_of(part) == "head":
            yield _("SSDE needs CTDIvol (16 cm phantom)")
        elif not known:
            yield _("SSDE needs CTDIvol")
        head, voltage = names_head(part), number(self._value("kvp_kV"))
        by_mas = not head and voltage in (None, REFERENCE_KVP)
        if is_limb(part) or (by_mas and all(map(self._known, NEEDED_BY_MAS))):
            return
        if not known and by_mas:
            yield _(
                "organ doses wait for CTDIvol, or for tube current, rotation time and pitch at "
                "120 kV"
            )
        elif not known:
            yield _("organ doses wait for CTDIvol")
        elif not self._known("phantom_cm"):
            age = number(self._value("age_years"))
            if age is not None and age < ADULT_YEARS:
                yield _("organ doses of a child wait for the CTDI phantom")


def _texts(acquisition: Any, slices: Any) -> dict[str, tuple[str, str]]:
    """Return name to the value as text and its source."""
    texts = {}
    for name in TYPED:
        source = acquisition.sources.get(name, "")
        if name == "tube_current_mA":
            known = [s.tube_current_mA for s in slices if s.tube_current_mA is not None]
            if known:
                mean = sum(known) / len(known)
                remainder = "" if max(known) - min(known) < 1 else _(", mean of modulated")
                texts[name] = (f"{mean:.4g}{remainder}", source)
            continue
        value = getattr(acquisition, name)
        if value is None:
            continue
        if isinstance(value, tuple):
            text = range_text(value)
        else:
            text = value if isinstance(value, str) else f"{value:.4g}"
        texts[name] = (text, source)
    return texts


def _detail(source: str) -> str:
    """Return how a value of the dose report came about; empty where it is stated as it is."""
    return source.removeprefix(_RDSR).strip(": ")


def _scanner_and_protocol(series: CTSeries) -> str:
    """Return a name for values that are typed for such scans; the texts hold no identity."""
    report = series.dose_report
    protocols = {placed.event.protocol for placed in report.own} if report is not None else set()
    protocol = protocols.pop() if len(protocols) == 1 else series.description
    return " ".join(filter(None, (series.acquisition.model, protocol)))
