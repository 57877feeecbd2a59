"""Isodose lines over the slice views, made a step at a time so that the window stays alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..nodes.results import Results


class IsodoseLines:
    """Shows the isodose lines of one result at a time, and makes them where there are none.

    Parameters
    ----------
    legend_views
        Returns the IDs of the views that show their legend; none: all of them.
    """

    def __init__(self, legend_views: Callable[[], tuple[str, ...]]) -> None:
        self._legend_views = legend_views
        self._results: Results | None = None
        self._steps: Iterator[None] | None = None
        # Of the dose map that the steps are made of.
        self._of: tuple[str, int] = ("", 0)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._advance)

    def show(self, results: Results) -> None:
        """Show the lines of a result that has a dose map."""
        if self._results is not None and self._results.node is not results.node:
            self.hide()
        self._results = results
        if results.get("isodoses") is not None:
            self._show()
        elif self._steps is None or self._of != _state(results):
            self._begin()

    def make_again(self) -> None:
        """The scale is another: so are the doses of the lines."""
        from ..nodes.isodoses import remove_isodoses

        if self._results is not None:
            remove_isodoses(self._results)
            self._begin()

    def show_again(self) -> None:
        """Other views are to show the legend."""
        if self._results is not None and self._results.get("isodoses") is not None:
            self._show()

    def hide(self) -> None:
        """Hide the lines."""
        results, self._results, self._steps = self._results, None, None
        self._timer.stop()
        if results is not None and results.node.GetScene() is not None:
            from ..nodes.isodoses import hide_isodoses

            hide_isodoses(results)

    def scene_closed(self) -> None:
        """Release what is gone."""
        self._timer.stop()
        self._results = self._steps = None

    def _begin(self) -> None:
        from ..nodes.isodoses import fill_isodoses

        self._of = _state(self._results)
        self._steps = fill_isodoses(self._results)
        self._timer.start(0)

    def _advance(self) -> None:
        results = self._results
        if results is None or results.doseMap is None or slicer.mrmlScene.IsClosing():
            self._steps = None
        elif self._of != _state(results):  # simulated anew meanwhile
            self._begin()
        elif next(self._steps, _END) is _END:
            self._steps = None
            self._show()
        else:
            self._timer.start(0)

    def _show(self) -> None:
        from ..nodes.isodoses import show_isodoses

        show_isodoses(self._results, _("Isodoses (mGy)"), self._legend_views())


_END: Any = object()


def _state(results: Results) -> tuple[str, int]:
    """Return what changes with the dose map of a result."""
    node = results.doseMap
    return node.GetID(), node.GetImageData().GetMTime()
