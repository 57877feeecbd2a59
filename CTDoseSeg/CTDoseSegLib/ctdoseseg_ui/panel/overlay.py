"""What lies over the CT in the slice views: the dose of each organ, or that of every voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from ..nodes.results import Results

if TYPE_CHECKING:
    from ..logic import CTDoseSegLogic
    from ..parameters import CTDoseSegParameterNode

# Role of the volume that each check box shows.
OF_PARAMETER = {"showOverlay": "overlay", "showDoseMap": "doseMap"}


class Overlay:
    """Shows one of the volumes of a result as the foreground, with its legend.

    Parameters
    ----------
    ui, logic
        As for the sections of the panel.
    """

    def __init__(self, ui: Any, logic: CTDoseSegLogic) -> None:
        self._ui, self._logic = ui, logic
        self._node: Any = None
        # Role of what is shown; empty: nothing.
        self.role = ""

    def offer(self, results: Results | None) -> None:
        """Enable what the result has."""
        has = results is not None
        self._ui.overlayCheckBox.enabled = has and bool(results.doses())
        box = self._ui.doseMapCheckBox
        box.enabled = has and results.doseMap is not None
        box.toolTip = (
            _(
                "Dose in mGy to what the voxel is made of, as simulated; the volume beside it in "
                "the scene has its statistical uncertainty."
            )
            if box.enabled
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

    def update(self, results: Results) -> None:
        """Fill the overlay again, if it is shown."""
        if self.role == "overlay":
            self._logic.showOverlay(results)

    def _show(self, results: Results, role: str) -> None:
        from ..nodes.scene import show_legend

        if self.role == role:
            return
        self.hide()
        if role == "overlay":
            with slicer.util.tryWithErrorDisplay(_("The overlay cannot be made."), waitCursor=True):
                self._logic.showOverlay(results)
        self._node = results.get(role)
        slicer.util.setSliceViewerLayers(foreground=self._node)
        show_legend(self._node, True)
        self.role = role

    def hide(self) -> None:
        """Take it away."""
        if not self.role:
            return
        from ..nodes.scene import show_legend

        node, self._node, self.role = self._node, None, ""
        if node is not None and node.GetScene() is not None:
            show_legend(node, False)
        slicer.util.setSliceViewerLayers(foreground=None)

    def scene_closed(self) -> None:
        """Release what is gone."""
        self._node, self.role = None, ""
