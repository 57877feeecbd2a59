"""What lies over the CT in the slice views: the dose of each organ, or that of every voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from ..nodes.results import Results
from . import layout
from .dose_probe import DoseProbe
from .dose_scale import DoseScale
from .isodoses import IsodoseLines

if TYPE_CHECKING:
    from ..logic import CTDoseSegLogic
    from ..parameters import CTDoseSegParameterNode


class Overlay:
    """Shows one of the volumes of a result as the foreground, with legend, scale and isodose lines.

    Parameters
    ----------
    ui, logic
        As for the sections of the panel.
    """

    def __init__(self, ui: Any, logic: CTDoseSegLogic) -> None:
        self._ui, self._logic = ui, logic
        self._results: Results | None = None
        self._node: Any = None
        # Role of what is shown; empty: nothing.
        self.role = ""
        self._probe = DoseProbe(ui.doseProbeLabel)
        self._scale = DoseScale(ui, self._on_scale)
        self._lines = IsodoseLines(_legend_views)
        self._probe.stop()

    def offer(self, results: Results | None) -> None:
        """Enable what the result has."""
        has = results is not None
        self._ui.overlayCheckBox.enabled = has and bool(results.doses())
        able = has and results.doseMap is not None
        self._ui.isodosesCheckBox.enabled = able
        box = self._ui.doseMapCheckBox
        box.enabled = able
        box.toolTip = (
            _(
                "Dose in mGy to what the voxel is made of, as simulated; the volume beside it in "
                "the scene has its statistical uncertainty."
            )
            if able
            else _("Only Monte Carlo gives the dose of every voxel.")
        )

    def follow(self, results: Results, parameters: CTDoseSegParameterNode) -> None:
        """Show what is ticked; of two the one that was ticked last."""
        if parameters.showOverlay and parameters.showDoseMap:
            former = "showDoseMap" if self.role == "doseMap" else "showOverlay"
            setattr(parameters, former, False)
        if parameters.showDoseMap and results.doseMap is not None:
            self._show(results, "doseMap")
        elif parameters.showOverlay and results.doses():
            self._show(results, "overlay")
        else:
            self.hide()
        if self.role:
            slicer.util.setSliceViewerLayers(foregroundOpacity=parameters.overlayOpacity)
        if self.role == "doseMap" and parameters.showIsodoses:
            self._lines.show(results)
        else:
            self._lines.hide()

    def update(self, results: Results) -> None:
        """Fill the overlay again, if it is shown."""
        if self.role == "overlay":
            self._logic.showOverlay(results)
        if self.role:
            self._scale.show(results, self._node)

    def _show(self, results: Results, role: str) -> None:
        if self.role == role:
            return
        self.hide()
        if role == "overlay":
            with slicer.util.tryWithErrorDisplay(_("The overlay cannot be made."), waitCursor=True):
                self._logic.showOverlay(results)
        self._results, self._node, self.role = results, results.get(role), role
        slicer.util.setSliceViewerLayers(foreground=self._node)
        self._color()
        self._probe.follow(results)

    def _color(self) -> None:
        """Show the colours of the CT's scale, and a legend that says what they mean."""
        from ..nodes.dose_colors import color_doses, scale_end_of, show_legend

        of_voxels = self.role == "doseMap"
        doses = slicer.util.arrayFromVolume(self._node)
        color_doses(self._node, scale_end_of(self._results, doses), smooth=of_voxels)
        title = _("Dose (mGy)") if of_voxels else _("Organ means (mGy)")
        show_legend(self._node, title, _legend_views())
        self._scale.show(self._results, self._node)

    def _on_scale(self) -> None:
        self._color()
        self._lines.make_again()

    def layout_changed(self) -> None:
        """Other views are shown: the legends go where there is room for them."""
        if self.role:
            self._color()
            self._lines.show_again()

    def hide(self) -> None:
        """Take it away."""
        self._lines.hide()
        if not self.role:
            return
        from ..nodes.dose_colors import hide_legend

        node = self._node
        self._forget()
        if node is not None and node.GetScene() is not None:
            hide_legend(node)
        slicer.util.setSliceViewerLayers(foreground=None)

    def scene_closed(self) -> None:
        """Release what is gone."""
        self._lines.scene_closed()
        self._forget()

    def _forget(self) -> None:
        self._results, self._node, self.role = None, None, ""
        self._probe.stop()
        self._scale.show(None, None)


def _legend_views() -> tuple[str, ...]:
    """Return the views that show the legends: in the module's layout the largest one alone."""
    return ("vtkMRMLSliceNodeRed",) if layout.shown() else ()
