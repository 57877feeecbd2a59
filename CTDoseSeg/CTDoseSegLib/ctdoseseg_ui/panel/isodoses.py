"""Isodose lines over the slice views, made a step at a time so that the window stays alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from slicer.i18n import tr as _

from ..nodes.results import Results
from .steps import Steps


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
        self._steps = Steps()
        # Of the dose map and the scale that the steps are made of.
        self._of: tuple[str, int, float | None] = ("", 0, None)

    def show(self, results: Results) -> None:
        """Show the lines of a result that has a dose map."""
        if self._results is not None and self._results.node is not results.node:
            self.hide()
        from ..nodes.isodoses import are_of_the_scale, remove_isodoses

        self._results = results
        if are_of_the_scale(results):
            self._show()
            return
        remove_isodoses(results)  # the scale was changed while they were hidden
        if not self._steps.active or self._of != _state(results):
            self._begin()

    def make_again(self) -> None:
        """The scale is another: so are the doses of the lines."""
        from ..nodes.isodoses import remove_isodoses

        if self._results is not None and self._results.doseMap is not None:
            remove_isodoses(self._results)
            self._begin()

    def show_again(self) -> None:
        """Other views are to show the legend."""
        if self._results is not None and self._results.get("isodoses") is not None:
            self._show()

    def hide(self) -> None:
        """Hide the lines."""
        results = self._results
        self.scene_closed()
        if results is not None and results.node.GetScene() is not None:
            from ..nodes.isodoses import hide_isodoses

            hide_isodoses(results)

    def scene_closed(self) -> None:
        """Release what is gone."""
        self._steps.stop()
        self._results = None

    def _begin(self) -> None:
        self._of = _state(self._results)
        self._steps.start(self._made(), self._show)

    def _made(self) -> Iterator[None]:
        """Make the lines, of another map where there is one meanwhile."""
        from ..nodes.isodoses import fill_isodoses

        results = self._results
        steps = fill_isodoses(results)
        while results.doseMap is not None and self._of == _state(results):
            try:
                next(steps)
            except StopIteration:
                return
            yield
        if results.doseMap is not None:
            self._of = _state(results)
            yield from self._made()

    def _show(self) -> None:
        from ..nodes.isodoses import show_isodoses

        if self._results.get("isodoses") is not None:
            show_isodoses(self._results, _("Isodoses (mGy)"), self._legend_views())


def _state(results: Results) -> tuple[str, int, float | None]:
    """Return what changes with the dose map of a result and with the scale of its CT."""
    from ..nodes.dose_colors import scale_end_of

    node = results.doseMap
    return node.GetID(), node.GetImageData().GetMTime(), scale_end_of(results)
