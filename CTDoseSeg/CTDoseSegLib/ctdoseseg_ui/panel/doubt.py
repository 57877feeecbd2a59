"""The check box "Doubt": where the network is not sure of what it drew, as a tint."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..nodes.results import Results


class DoubtTint:
    """Lays the doubt of one result over the slice views, and takes it away again.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._results: Results | None = None

    @property
    def shown(self) -> bool:
        """Whether a tint lies over the views."""
        return self._results is not None

    def offer(self, results: Results | None) -> None:
        """Enable the check box where the result has a doubt, and say what it shows."""
        able = results is not None and results.get("doubt") is not None
        box = self._ui.doubtCheckBox
        box.enabled = able
        box.toolTip = (
            _(
                "Where the network is not sure of what it drew, by its own estimate: pale from "
                "20 % on, red from 50 % on. A thin line along an edge is usual; an area is a "
                "place to look at. What you draw is no longer tinted."
            )
            if able
            else _("Only the UNet states how sure it is of each voxel.")
        )

    def show(self, results: Results) -> None:
        """Show the doubt of a result, if it has one."""
        from ..nodes.doubt import show_tint

        if self.shown:
            return
        node = results.get("doubt")
        if node is not None:
            show_tint(node)
            self._results = results

    def hide(self) -> None:
        """Take the tint away."""
        if self._results is None:
            return
        from ..nodes.doubt import hide_tint

        node, self._results = self._results.get("doubt"), None
        if node is not None:
            hide_tint(node)

    def scene_closed(self) -> None:
        """Release what is gone."""
        self._results = None
