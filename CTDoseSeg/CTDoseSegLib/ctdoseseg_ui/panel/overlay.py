"""What lies over the CT in the slice views: the dose of each organ, or that of every voxel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from ..nodes.results import Results
from . import layout
from .dose_probe import DoseProbe
from .dose_scale import DoseScale
from .isodoses import IsodoseLines
from .steps import Steps

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
        # Role of what is shown or being made; empty: nothing.
        self.role = ""
        self._probe = DoseProbe(ui.doseProbeLabel)
        self._scale = DoseScale(ui, self._on_scale)
        self._lines = IsodoseLines(_legend_views)
        self._steps = Steps()
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

    def update(self, results: Results, after_ms: int) -> None:
        """Fill the overlay again, if it is shown, after a pause; what is shown stays until then."""
        if self.role == "overlay":
            self._steps.start(self._made(results), self._put, after_ms)
        elif self.role:
            self._scale.show(results, self._node)

    def _show(self, results: Results, role: str) -> None:
        if self.role == role:
            return
        self.hide()
        self._results, self.role = results, role
        self._probe.follow(results)
        if role == "overlay":
            self.update(results, 0)
        else:
            self._put()

    def _made(self, results: Results) -> Iterator[None]:
        """Make the overlay, as long as its result is there."""
        with slicer.util.tryWithErrorDisplay(_("The overlay cannot be made.")):
            for _step in self._logic.overlaySteps(results):
                if results.volume is None or results.segmentation is None:
                    return
                yield

    def _put(self) -> None:
        """Lay what is made over the CT."""
        self._node = self._results.get(self.role)
        if self._node is None:
            self.hide()
            return
        slicer.util.setSliceViewerLayers(foreground=self._node)
        self._color()

    def _color(self) -> None:
        """Show the colours of the CT's scale, and a legend that says what they mean."""
        from ..nodes.dose_colors import color_doses, scale_end_of, show_legend

        if self._node is None or self._node.GetScene() is None:  # removed from the scene
            return
        of_voxels = self.role == "doseMap"
        doses = slicer.util.arrayFromVolume(self._node)
        end_mGy = scale_end_of(self._results, doses)
        color_doses(self._node, end_mGy, smooth=of_voxels)
        title = _("Dose (mGy)") if of_voxels else _("Organ means (mGy)")
        if doses.max() > end_mGy:  # which have the top colour too
            title += "\n" + _("top: {dose:g} or more").format(dose=end_mGy)
        show_legend(self._node, title, _legend_views())
        self._scale.show(self._results, self._node)

    def _on_scale(self) -> None:
        self._color()
        self._lines.make_again()

    def layout_changed(self) -> None:
        """Other views are shown: the legends go where there is room for them."""
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
        self._steps.stop()
        self._results, self._node, self.role = None, None, ""
        self._probe.stop()
        self._scale.show(None, None)


def _legend_views() -> tuple[str, ...]:
    """Return the views that show the legends: in the module's layout the largest one alone."""
    return ("vtkMRMLSliceNodeRed",) if layout.shown() else ()
