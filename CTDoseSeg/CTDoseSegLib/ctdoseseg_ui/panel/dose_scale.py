"""Where the colours of doses end: a number of the CT, which the user may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..nodes.results import Results


class DoseScale:
    """The spin box of the scale and its button.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    on_change
        Called when the scale is another.
    """

    def __init__(self, ui: Any, on_change: Callable[[], None]) -> None:
        self._ui, self._on_change = ui, on_change
        self._results: Results | None = None
        # The volume that is shown in these colours.
        self._node: Any = None
        ui.doseScaleSpinBox.connect("valueChanged(double)", self._on_value)
        ui.doseScaleButton.connect("clicked(bool)", lambda *_: self._fit())
        self.show(None, None)

    def show(self, results: Results | None, node: Any) -> None:
        """Show the scale of what lies over the CT; None: nothing does."""
        self._results, self._node = results, node
        box, shown = self._ui.doseScaleSpinBox, node is not None
        for widget in (box, self._ui.doseScaleButton, self._ui.doseScaleLabel):
            widget.enabled = shown
        if not shown:
            self._ui.doseScaleButton.toolTip = ""
            return
        from ..nodes.dose_colors import scale_end_of, share_above

        box.blockSignals(True)
        box.value = scale_end_of(results) or 0.0
        box.blockSignals(False)
        above = _("{percent:.0f} % of what is shown has more and the last colour.")
        self._ui.doseScaleButton.toolTip = (
            _("Choose a round dose that suits what is shown.")
            + " "
            + above.format(percent=100.0 * share_above(results, node))
        )

    def _on_value(self, value: float) -> None:
        from ..nodes.dose_colors import set_scale_end

        if self._results is not None and value > 0:
            set_scale_end(self._results, value)
            self._on_change()

    def _fit(self) -> None:
        from ..nodes.dose_colors import fit_scale

        if self._results is not None:
            fit_scale(self._results, self._node)
            self._on_change()
