"""The section "What if": factors on the exposure, and the doses that would go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..nodes.results import Results

if TYPE_CHECKING:
    from ..logic import CTDoseSegLogic
    from ..parameters import OrganOrder

FACTORS = ("tubeCurrentFactor", "rotationTimeFactor", "ctdivolFactor")
UNCHANGED = 1e-6


class WhatIfSection:
    """Rescales the doses of a result while the sliders move; marked as hypothetical.

    Parameters
    ----------
    ui, logic, parameters
        As for the other sections.
    on_filled
        Called when the table of organ doses was filled anew.
    """

    def __init__(self, ui: Any, logic: CTDoseSegLogic, parameters: Any, on_filled: Any) -> None:
        self._ui, self._logic, self._parameters = ui, logic, parameters
        self._on_filled = on_filled
        self._shown: tuple[str, tuple[float, ...], OrganOrder] | None = None
        ui.resetWhatIfButton.connect("clicked(bool)", lambda *_: self.reset())

    def reset(self) -> None:
        """All factors back to 1."""
        parameters = self._parameters()
        for name in FACTORS:
            setattr(parameters, name, 1.0)

    def update(self, results: Results | None, *, force: bool = False) -> None:
        """Show the doses for the factors and in the order of the parameter node."""
        parameters = self._parameters()
        factors = tuple(getattr(parameters, name) for name in FACTORS)
        changed = any(abs(f - 1.0) > UNCHANGED for f in factors)
        self._ui.resetWhatIfButton.enabled = changed
        self._show_values(results, factors)
        order = parameters.organOrder
        state = (results.node.GetID(), factors, order) if results is not None else None
        if results is None or (state == self._shown and not force):
            return
        if self._shown is None and not changed:
            self._shown = state
            return
        self._shown = state
        from ..nodes.scene import show_doses

        doses = (self._logic.hypothetical(results, *factors) if changed else None) or None
        show_doses(results, doses, order)
        self._on_filled()
        self._ui.whatIfLabel.text = (
            _(
                "<b>HYPOTHETICAL</b>: the column and the red marks are not what was scanned. "
                "Intervals, overlay, SSDE, DLP and effective dose stay those of the scan."
            )
            if changed and doses
            else _("There is no dose that could be rescaled.")
            if changed
            else _("Factors on the exposure; the doses that result are hypothetical.")
        )

    def _show_values(self, results: Results | None, factors: tuple[float, ...]) -> None:
        """The absolute value beside each factor."""
        current, rotation, beyond = factors
        values = _values(results)
        texts = {
            "tubeCurrentFactor": (values["tube_current_mA"], current, "mA"),
            "rotationTimeFactor": (values["rotation_time_s"], rotation, "s"),
            # CTDIvol follows tube current and rotation time.
            "ctdivolFactor": (values["ctdivol_mGy"], current * rotation * beyond, "mGy"),
        }
        for name, (value, factor, unit) in texts.items():
            label = getattr(self._ui, f"{name}Value")
            label.text = "" if value is None else _with_unit(value * factor, unit)


def _with_unit(value: float, unit: str) -> str:
    from ...reporting.numbers import number

    return f"{number(value)} {unit}"


def _values(results: Results | None) -> dict[str, float | None]:
    names = ("tube_current_mA", "rotation_time_s", "ctdivol_mGy")
    if results is None or results.result is None:
        return dict.fromkeys(names)
    acquisition, current = results.result.acquisition, results.result.slices.tube_current_mA
    current = current[current == current]  # not NaN, which is "not known"
    return {
        "tube_current_mA": float(current.mean()) if current.size else None,
        "rotation_time_s": acquisition.rotation_time_s,
        "ctdivol_mGy": acquisition.ctdivol_mGy,
    }
