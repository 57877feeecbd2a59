"""The section "What if": another exposure, and the doses that would go with it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..nodes.results import Results
from ..parameters import UNCHANGED, Voltage

if TYPE_CHECKING:
    from ...dosimetry.what_if.answer import Hypothetical
    from ...dosimetry.what_if.change import Change
    from ..logic import CTDoseSegLogic
    from .simulation import SimulationSection

FACTORS = ("tubeCurrentFactor", "rotationTimeFactor", "ctdivolFactor")
TYPED = ("whatIfPitch", "whatIfRange_mm", "whatIfSSDE_mGy")
# What the sentences about a part of a change stand for, in the order of the panel.
_FIELDS = ("kvp_kV", "pitch", "irradiated_range_mm", "target_ssde_mGy")


class WhatIfSection:
    """Asks for the doses of another exposure while it is typed; marked as hypothetical.

    Parameters
    ----------
    ui, logic, parameters
        As for the other sections.
    simulation
        Simulates a result with another exposure.
    on_filled
        Called when the table of organ doses was filled anew.
    """

    def __init__(
        self,
        ui: Any,
        logic: CTDoseSegLogic,
        parameters: Any,
        simulation: SimulationSection,
        on_filled: Any,
    ) -> None:
        self._ui, self._logic, self._parameters = ui, logic, parameters
        self._simulation, self._on_filled = simulation, on_filled
        self._results: Results | None = None
        self._shown: tuple | None = None
        # What can be simulated: the change that is shown.
        self._change: Change | None = None
        self._organs: list[str] = []
        self._measuring = qt.QTimer()
        self._measuring.setSingleShot(True)
        self._measuring.connect("timeout()", self._on_measured)
        ui.resetWhatIfButton.connect("clicked(bool)", lambda *_: self.reset())
        ui.whatIfSimulateButton.connect("clicked(bool)", lambda *_: self._on_simulate())
        ui.whatIfOrganComboBox.connect("currentIndexChanged(int)", self._on_organ)
        for label in (ui.whatIfProblemLabel, ui.whatIfNotesLabel):
            label.setTextFormat(qt.Qt.PlainText)

    def reset(self) -> None:
        """Back to the exposure of the scan."""
        parameters = self._parameters()
        for name in FACTORS:
            setattr(parameters, name, 1.0)
        for name in TYPED:
            setattr(parameters, name, "")
        parameters.whatIfVoltage = Voltage.AS_SCANNED

    def stop(self) -> None:
        """Measure nothing any more."""
        self._measuring.stop()
        self._results = None

    def update(self, results: Results | None, *, force: bool = False) -> None:
        """Show the doses for what the parameter node states."""
        self._results = results
        parameters = self._parameters()
        self._show_present(results)
        self._ui.resetWhatIfButton.enabled = not _as_scanned(parameters)
        if results is None:
            self._say(_("Press Apply first: there is no result that could be compared."))
            return
        from .whatif_words import typed_change

        change, problems = typed_change(parameters)
        changed = bool(change.words or problems)
        chosen = (parameters.whatIfOrgan, parameters.organOrder)
        state = (results.node.GetID(), change, tuple(problems), chosen)
        if state == self._shown and not force:
            return
        first = self._shown is None or self._shown[0] != state[0]
        self._shown = state
        if not changed:
            self._say()
            if not first or force:
                self._show_doses(results, None)
            return
        answer = self._answer(results, change, problems)
        self._show_doses(results, answer)

    def _answer(
        self, results: Results, change: Change, problems: dict[str, str]
    ) -> Hypothetical | None:
        """Return the doses of a change, shown in the table; None with the reason shown."""
        from ...ct.organs import spoken_name
        from .whatif_words import comparison, missing

        try:
            if not self._logic.measuredForWhatIf(results):
                self._say(_("Measuring the organs..."))
                self._measuring.start(0)
                return None
            asked = self._logic.whatIf(results)
            problems = {**asked.problems(change), **problems}
            if problems:
                self._say(problem=" ".join(problems[n] for n in _FIELDS if n in problems))
                return None
            answer = self._logic.answer(results, change)
            lacking = missing(asked.present)
            if lacking and not answer.organs:
                self._say(problem=lacking)
                return None
        except CTDoseSegError as error:
            self._say(problem=str(error))
            return None
        self._fill_organs(answer)
        organ = self._organ()
        name = spoken_name(organ) if organ else ""
        self._ui.whatIfTable.text = comparison(asked.present, answer, organ, name)
        self._say(
            _("<b>HYPOTHETICAL</b>: {change}").format(change=html.escape(answer.change.words)),
            problem=lacking,
            notes=self._notes(results, answer, change),
        )
        self._offer(answer, change)
        self._show_current(answer)
        return answer

    def _offer(self, answer: Hypothetical, change: Change) -> None:
        """Offer the simulation of what the fast law's ratio stands in for."""
        offered = any(one.code == "hypothetical_by_law" for one in answer.flags)
        self._ui.whatIfSimulateButton.visible = offered
        self._change = change

    def _notes(self, results: Results, answer: Hypothetical, change: Change) -> str:
        """Return what to know of an answer."""
        notes = [one.message for one in answer.flags if one.code != "hypothetical"]
        if answer.change.pitch is not None:
            notes.append(
                _(
                    "Many scanners raise the tube current with the pitch, so that doses stay: on "
                    "those leave the pitch as it is."
                )
            )
        if self._logic.isSimulated(results, change):
            notes.insert(0, _("The hypothetical organ doses were simulated with these values."))
        notes.append(_("The result, the overlay and what is written to files stay as scanned."))
        return " ".join(notes)

    def _say(self, text: str = "", *, problem: str = "", notes: str = "") -> None:
        """Show one line, a reason why something is not there, and the notes of an answer."""
        ui = self._ui
        ui.whatIfLabel.text = text or _("Choose another exposure; what results is hypothetical.")
        ui.whatIfProblemLabel.text = problem
        ui.whatIfProblemLabel.visible = bool(problem)
        ui.whatIfNotesLabel.text = notes
        for widget in (
            *(ui.whatIfTable, ui.whatIfNotesLabel),
            *(ui.whatIfOrganComboBox, ui.whatIfOrganLabel),
        ):
            widget.visible = bool(notes)
        if not notes:
            self._change = None
            ui.whatIfSimulateButton.visible = False

    def _show_doses(self, results: Results, answer: Hypothetical | None) -> None:
        """Put the hypothetical doses into table and chart, or take them away, in their order."""
        from ..nodes.scene import show_doses

        doses = None
        if answer is not None:
            doses = {o.organ: o.dose_mGy for o in answer.organs if o.dose_mGy is not None} or None
        show_doses(results, doses, self._parameters().organOrder)
        self._on_filled()

    def _show_present(self, results: Results | None) -> None:
        """Show the values of the scan beside the factors and in the empty fields."""
        ui, values = self._ui, _values(results)
        parameters = self._parameters()
        current, rotation, beyond = (getattr(parameters, name) for name in FACTORS)
        for name, value, factor, unit in (
            ("tubeCurrentFactor", values["tube_current_mA"], current, "mA"),
            ("rotationTimeFactor", values["rotation_time_s"], rotation, "s"),
            ("ctdivolFactor", None, beyond, ""),
        ):
            label = getattr(ui, f"{name}Value")
            label.text = "" if value is None else _with_unit(value * factor, unit)
        ui.tubeCurrentFactorSlider.enabled = not parameters.whatIfSSDE_mGy.strip()
        for name in ("whatIfPitch", "whatIfRange_mm", "whatIfSSDE_mGy"):
            text = values[name]
            shown = _("as scanned: {value}").format(value=text) if text else _("not known")
            getattr(ui, f"{name}_edit").placeholderText = shown if results is not None else ""
        text = values["kvp_kV"]
        ui.whatIfVoltageValue.text = _("scan: {kV} kV").format(kV=text) if text else ""

    def _show_current(self, answer: Hypothetical) -> None:
        """Show the factor that reaches a target SSDE beside its slider."""
        if answer.change.target_ssde_mGy is not None:
            factor = answer.change.tube_current_factor
            self._ui.tubeCurrentFactorValue.text = _("x {factor}").format(factor=f"{factor:.3g}")

    def _organ(self) -> str:
        chosen = self._parameters().whatIfOrgan
        return chosen if chosen in self._organs else next(iter(self._organs), "")

    def _fill_organs(self, answer: Hypothetical) -> None:
        from ...ct.organs import spoken_name

        organs = [one.organ for one in answer.organs]
        box = self._ui.whatIfOrganComboBox
        if organs != self._organs:
            self._organs = []  # no choice of the user while it is filled
            box.clear()
            for organ in organs:
                box.addItem(spoken_name(organ))
            self._organs = organs
        if organs:
            box.setCurrentIndex(organs.index(self._organ()))

    def _on_organ(self, index: int) -> None:
        if 0 <= index < len(self._organs) and self._organs[index] != self._organ():
            self._parameters().whatIfOrgan = self._organs[index]

    def _on_measured(self) -> None:
        results = self._results
        if results is not None and results.node.GetScene() is not None:
            self.update(results, force=True)

    def _on_simulate(self) -> None:
        if self._results is not None and self._change is not None:
            self._simulation.start(self._results, self._change)


def _as_scanned(parameters: Any) -> bool:
    """Return whether nothing is chosen or typed."""
    typed = any(getattr(parameters, name).strip() for name in TYPED)
    factors = any(abs(getattr(parameters, name) - 1.0) > UNCHANGED for name in FACTORS)
    return not typed and not factors and parameters.whatIfVoltage == Voltage.AS_SCANNED


def _with_unit(value: float, unit: str) -> str:
    from ...reporting.numbers import number

    return f"{number(value)} {unit}"


def _values(results: Results | None) -> dict[str, Any]:
    """Return what the scan states: numbers, and the texts of the fields."""
    texts = ("kvp_kV", "whatIfPitch", "whatIfRange_mm", "whatIfSSDE_mGy")
    values: dict[str, Any] = dict.fromkeys(("tube_current_mA", "rotation_time_s", *texts))
    if results is None or results.result is None:
        return values
    result = results.result
    acquisition, current = result.acquisition, result.slices.tube_current_mA
    current = current[current == current]  # not NaN, which is "not known"
    values["tube_current_mA"] = float(current.mean()) if current.size else None
    values["rotation_time_s"] = acquisition.rotation_time_s
    for name, value in (
        ("kvp_kV", acquisition.kvp_kV),
        ("whatIfPitch", acquisition.pitch),
        ("whatIfSSDE_mGy", result.ssde.mean_mGy),
    ):
        if value is not None and value == value:
            values[name] = f"{value:.4g}"
    if acquisition.irradiated_range_mm is not None:
        low, high = acquisition.irradiated_range_mm
        values["whatIfRange_mm"] = f"{low:.0f}, {high:.0f}"
    return values
