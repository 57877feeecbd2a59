"""The section "Acquisition": what was read, what was typed, and what waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from slicer.i18n import tr as _

from ...errors import AcquisitionError, CTDoseSegError
from ..parameters import TYPED

# What organ doses without CTDIvol need.
NEEDED_BY_MAS = ("kvp_kV", "tube_current_mA", "rotation_time_s", "pitch")


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
        self._read: dict[str, tuple[str, str]] = {}
        self.has_dicom = False
        self.problem = ""

    def show(self, volumeNode: Any) -> None:
        """Read what DICOM states about a volume."""
        self._read, self.has_dicom, self.problem = {}, False, ""
        if volumeNode is not None:
            from ..nodes.volumes import acquisition_of

            try:
                acquisition, slices, _flags = acquisition_of(volumeNode)
            except CTDoseSegError as error:
                self.problem = str(error)
            else:
                if acquisition is not None:
                    self.has_dicom = True
                    self._read = _texts(acquisition, slices)
        for name in TYPED:
            value, _source = self._read.get(name, ("", ""))
            self._edit(name).placeholderText = value or _("not known")
        self.mark(volumeNode)
        # Where nothing is missing, one line is enough.
        complete = self.has_dicom and not self.problem and not list(self._waiting())
        self._ui.acquisitionCollapsibleButton.collapsed = complete

    def clear_typed(self) -> None:
        """Empty all fields: another volume was chosen."""
        for name in TYPED:
            setattr(self._parameters(), name, "")

    def mark(self, volumeNode: Any) -> None:
        """Mark each value as read, typed or unknown; show what waits for what is missing."""
        for name in TYPED:
            label = getattr(self._ui, f"{name}_source")
            value, source = self._read.get(name, ("", ""))
            if self._text(name):
                label.text, label.toolTip = _("typed"), _("You typed this value.")
            elif value:
                label.text, label.toolTip = _("read"), source
            else:
                label.text = _("unknown") if volumeNode is not None else ""
                label.toolTip = ""
        self._ui.acquisitionLabel.text = self._summary(volumeNode)
        line = self._line() if volumeNode is not None else ""
        title = _("Acquisition: {values}").format(values=line) if line else _("Acquisition")
        self._ui.acquisitionCollapsibleButton.text = title

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
                shown.append(text.format(value=value) + typed)
        return ", ".join(shown)

    def mark_of(self, name: str) -> str:
        """The mark beside a value, as shown."""
        return getattr(self._ui, f"{name}_source").text

    def typed(self) -> dict[str, Any]:
        """What was typed, by the names of the command line's acquisition file.

        Raises
        ------
        AcquisitionError
            If something typed is not a number, or not one that a CT can have.
        """
        from ...ct.acquisition import check_typed

        values: dict[str, Any] = {}
        for name in TYPED:
            text = self._text(name)
            if text:
                values[name] = _parsed(name, text, getattr(self._ui, f"{name}_label").text)
        check_typed(values)
        return values

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
        head, voltage = names_head(part), _number(self._value("kvp_kV"))
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
            age = _number(self._value("age_years"))
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
            text = f"{value[0]:.1f}, {value[1]:.1f}"
        else:
            text = value if isinstance(value, str) else f"{value:.4g}"
        texts[name] = (text, source)
    return texts


def _parsed(name: str, text: str, label: str) -> Any:
    shown = label.rstrip(":")
    if name == "body_part":
        return text.upper()
    try:
        if name == "irradiated_range_mm":
            return [float(part) for part in text.replace(";", ",").split(",")]
        number = float(text.replace(",", "."))
    except ValueError as error:
        raise AcquisitionError(
            _('{label}: "{text}" is not a number; write it as 120 or 0.5.').format(
                label=shown, text=text[:20]
            )
        ) from error
    if name == "phantom_cm" and number.is_integer():
        return int(number)
    return number


def _number(text: str) -> float | None:
    """Return what a field shows as a number; None where it shows none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
