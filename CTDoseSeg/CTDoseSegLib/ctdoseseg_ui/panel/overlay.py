"""What lies over the CT in the slice views: the dose of each organ, or that of every voxel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import qt
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
        self._results: Results | None = None
        # Of the overlay that is being filled.
        self._steps: Iterator[None] | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._tick)

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

    def update(self, results: Results, after_ms: int) -> None:
        """Fill the overlay again, if it is shown, after a pause; what is shown stays until then."""
        if self.role == "overlay":
            self._begin(results)
            self._timer.start(after_ms)

    def _show(self, results: Results, role: str) -> None:
        if self.role == role:
            return
        self.hide()
        self.role = role
        if role == "overlay":
            self._begin(results)
            self._tick()
        else:
            self._reveal(results)

    def _begin(self, results: Results) -> None:
        """From the first voxel on; it is shown when the last one is filled."""
        self._results, self._steps = results, self._logic.overlaySteps(results)

    def _tick(self) -> None:
        steps, more = self._steps, False
        if steps is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The overlay cannot be made.")):
            more = next(steps, False) is None
            if not more:
                self._reveal(self._results)
        if more:
            self._timer.start(0)
        else:
            self._steps = None

    def _reveal(self, results: Results) -> None:
        from ..nodes.scene import show_legend

        node = results.get(self.role)
        if self._node is not None or node is None:
            return
        self._node = node
        slicer.util.setSliceViewerLayers(foreground=node)
        show_legend(node, True)

    def stop(self) -> None:
        """Fill nothing."""
        self._timer.stop()
        self._steps = None

    def hide(self) -> None:
        """Take it away; one that is being filled does not come."""
        self.stop()
        if not self.role:
            return
        from ..nodes.scene import show_legend

        node, self._node, self.role = self._node, None, ""
        if node is None:
            return
        if node.GetScene() is not None:
            show_legend(node, False)
        slicer.util.setSliceViewerLayers(foreground=None)

    def scene_closed(self) -> None:
        """Release what is gone."""
        self.stop()
        self._node, self.role = None, ""
