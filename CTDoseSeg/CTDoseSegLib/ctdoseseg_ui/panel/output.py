"""The selector "Result": which result of the CT is shown, and which one Apply fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import CTDoseSegError
from ..nodes.results import MARK, NEW, VERSION, Results


class ResultSelector:
    """Keeps the chosen result one of the chosen CT; the newest, unless the user chose another.

    Parameters
    ----------
    ui, parameters
        As for the other sections.
    show
        Called with the result to show; None: none.
    report
        Called with a sentence when one cannot be read.
    """

    def __init__(
        self,
        ui: Any,
        parameters: Any,
        show: Callable[[Results | None], None],
        report: Callable[[str], None],
    ) -> None:
        self._ui, self._parameters = ui, parameters
        self._show, self._report = show, report
        # Node IDs of the result that is chosen, and of the one before.
        self._chosenID = self._formerID = ""
        # Node IDs of the results that were in the scene when it was looked at last.
        self._known: set[str] = set()
        ui.resultSelector.addAttribute("vtkMRMLTextNode", MARK, VERSION)

    @property
    def chosen(self) -> Results | None:
        """The chosen result of the chosen CT; None for a new one."""
        parameters = self._parameters()
        results = _results(parameters.result)
        own = results is not None and results.volume is parameters.inputVolume
        return results if own and parameters.inputVolume is not None else None

    @property
    def into(self) -> str:
        """Which result Apply fills, as in `Results.create`."""
        return self.chosen.node.GetID() if self.chosen is not None else NEW

    def volume_of_other(self) -> Any:
        """Return the CT of a chosen result that is of another CT than the chosen one; else None."""
        parameters = self._parameters()
        results = _results(parameters.result)
        volume = results.volume if results is not None else None
        return volume if volume is not parameters.inputVolume else None

    def follow(self, volume: Any) -> None:
        """Choose the newest result of another CT, unless one of it is chosen."""
        self._known = _ids()
        if self.chosen is None:
            newest = Results.of_volume(volume)
            self._parameters().result = newest.node if newest is not None else None

    def take(self, results: Results) -> None:
        """Choose a result that was made, and show it."""
        self._known, self._chosenID = _ids(), results.node.GetID()
        self._parameters().result = results.node
        self._show(results)

    def show_chosen(self) -> None:
        """Show the chosen result, where another one is chosen than before."""
        results = self.chosen
        identifier = results.node.GetID() if results is not None else ""
        if identifier != self._chosenID:
            self._formerID, self._chosenID = self._chosenID, identifier
            self._show(results)

    def removed(self, node: Any) -> None:
        """Choose another result of the CT, where the chosen one was removed."""
        # The selector lets go of a removed node by itself, before or after this.
        last = self._chosenID or self._formerID
        if last and node.GetID() == last:
            self.follow(self._parameters().inputVolume)

    def whole(self, results: Results | None) -> bool:
        """Return whether a result can be shown; reports one that cannot be read."""
        try:
            return results is not None and bool(results.result) and results.doseTable is not None
        except CTDoseSegError as error:
            self._report(str(error))
            return False

    def scene_closed(self) -> None:
        """Nothing is chosen any more."""
        self._chosenID = self._formerID = ""
        self._known = set()

    def take_new(self) -> None:
        """Choose a result of the CT that was made without the panel."""
        known, self._known = self._known, _ids()
        newest = Results.of_volume(self._parameters().inputVolume)
        if newest is not None and newest.node.GetID() not in known:
            self._parameters().result = newest.node

    def update(self, *, running: bool) -> None:
        """Offer the choice where there is one."""
        some = Results.of_volume(self._parameters().inputVolume) is not None
        for widget in (self._ui.resultSelector, self._ui.resultSelectorLabel):
            widget.visible = some
        self._ui.resultSelector.enabled = not running


def show_alone(results: Results, *, switched: bool) -> None:
    """Hide what other results of the CT drew; show this one's segmentation where it was switched.

    What the user hid of a result that goes on being shown stays hidden.
    """
    own = results.segmentation
    for other in Results.all():
        # Of another CT too, whose contours would lie over this one.
        if other.segmentation is not own:
            show_segmentation(other.segmentation, False)
    if switched:
        show_segmentation(own, True)


def show_segmentation(segmentation: Any, shown: bool) -> None:
    """Show or hide a segmentation; None: nothing."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is not None:
        display.SetVisibility(shown)


def _results(node: Any) -> Results | None:
    return Results(node) if node is not None and node.GetAttribute(MARK) == VERSION else None


def _ids() -> set[str]:
    return {results.node.GetID() for results in Results.all()}
