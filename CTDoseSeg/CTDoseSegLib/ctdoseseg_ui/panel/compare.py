"""The section "Compare": what sets the result shown apart from another one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..nodes.results import MARK, Results
from . import layout
from .organ_views import DashForNaN, fit_columns

if TYPE_CHECKING:
    from ...result import Comparison

# After an edit, a change of choice or of the scene: several at once are one.
UPDATE_MS = 300


class CompareSection:
    """Keeps table and chart of a comparison up to date while the section is open.

    Parameters
    ----------
    ui, parameters
        As for the other sections.
    """

    def __init__(self, ui: Any, parameters: Any) -> None:
        self._ui, self._parameters = ui, parameters
        self._results: Results | None = None
        self._other: Results | None = None
        # Whether the scene holds nodes of the comparison of the result shown.
        self._made = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._update)
        ui.compareSelector.addAttribute("vtkMRMLTextNode", MARK)
        ui.compareLabel.setTextFormat(qt.Qt.RichText)
        self._dashes = DashForNaN(ui.compareTableView)
        ui.compareTableView.setItemDelegate(self._dashes)
        ui.compareTableView.verticalHeader().setVisible(False)
        ui.compareCollapsibleButton.connect("contentsCollapsed(bool)", self._on_collapsed)
        ui.keepButton.connect("clicked(bool)", lambda *_: self.keep())

    def follow(self, results: Results | None) -> None:
        """Compare another result; None: none."""
        before, self._results = self._results, results
        if before is not None and (results is None or results.node is not before.node):
            self._remove(before)
        self._made = results is not None and results.get("comparisonTable") is not None
        self.refresh()

    def refresh(self) -> None:
        """Something changed: offer the section where there is a choice, and compare later."""
        results, ui = self._results, self._ui
        ui.keepButton.enabled = results is not None
        if results is None:
            ui.compareCollapsibleButton.visible = False
            return
        from ..nodes.comparison import comparable

        ui.compareCollapsibleButton.visible = bool(comparable(results))
        if self._open:
            self._timer.start(UPDATE_MS)
        elif self._made:
            self._remove(results)

    def keep(self) -> None:
        """Keep the numbers of the result as they are, and compare with them."""
        from ..nodes.comparison import keep

        if self._results is None:
            return
        self._other = keep(self._results)
        self._parameters().comparedResult = self._other.node
        self._ui.compareCollapsibleButton.visible = True
        self._ui.compareCollapsibleButton.collapsed = False
        self.refresh()

    def stop(self) -> None:
        """Compare nothing; the nodes stay with the scene that is saved or closed."""
        self._timer.stop()
        self._results = self._other = None
        self._made = False
        self._ui.compareTableView.setMRMLTableNode(None)
        self._ui.compareLabel.text = ""

    @property
    def _open(self) -> bool:
        # Not by what is visible: the panel itself is not while another module is open.
        return self._results is not None and not self._ui.compareCollapsibleButton.collapsed

    def _on_collapsed(self, collapsed: bool) -> None:
        if not collapsed:
            self._timer.start(0)
        elif self._results is not None and not _busy():
            self._remove(self._results)

    def _choose(self) -> Results | None:
        """Return the result to compare with; the likeliest, where none is chosen."""
        from ..nodes.comparison import comparable

        parameters = self._parameters()
        node, some = parameters.comparedResult, comparable(self._results)
        nodes = [other.node for other in some]
        if node not in nodes:
            node = nodes[0] if nodes else None
            parameters.comparedResult = node
        if node is None:
            return None
        if self._other is None or self._other.node is not node:
            self._other = Results(node)  # which keeps what it has read
        return self._other

    def _update(self) -> None:
        if not self._open or _busy() or self._results.node.GetScene() is None:
            return
        from ..nodes.comparison import show_comparison

        other = self._choose()
        if other is None:
            self._remove(self._results)
            return
        try:
            comparison = show_comparison(self._results, other)
        except CTDoseSegError as error:
            self._remove(self._results)
            text = _("These results cannot be compared: {why}")
            self._ui.compareLabel.text = escape(text.format(why=error))
            return
        self._made = True
        self._ui.compareLabel.text = _words(comparison)
        table = self._results.get("comparisonTable")
        if self._ui.compareTableView.mrmlTableNode() is not table:
            self._ui.compareTableView.setMRMLTableNode(table)
        fit_columns(self._ui.compareTableView)
        layout.fill(self._results, self._parameters().lowerChart.value)

    def _remove(self, results: Results) -> None:
        from ..nodes.comparison import remove_comparison

        self._timer.stop()
        self._made = False
        self._ui.compareTableView.setMRMLTableNode(None)
        self._ui.compareLabel.text = ""
        if results.node.GetScene() is not None:
            remove_comparison(results)
            if results is self._results:
                layout.fill(results, self._parameters().lowerChart.value)


def _busy() -> bool:
    return bool(slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting())


def _words(comparison: Comparison) -> str:
    """Return how many organs differ, the numbers of the scan and the notes; rich text."""
    from ...flags.summary import summarize
    from ...reporting.comparison import quantity_lines

    both = [organ for organ in comparison.organs if organ.ratio is not None]
    doses = [(organ.dose_a_mGy, organ.dose_b_mGy) for organ in comparison.organs]
    text = _(
        "<b>{n} of {all}</b> organ doses differ by more than the uncertainty that they do not "
        "share; {alone} have a dose in one result alone. First the other result, then this "
        "one."
    ).format(
        n=sum(bool(organ.differs) for organ in both),
        all=len(both),
        alone=sum((a is None) != (b is None) for a, b in doses),
    )
    lines = [text, *map(escape, quantity_lines(comparison))]
    scan = [one for quantity in comparison.quantities for one in quantity.flags]
    lines += [escape(notice.text) for notice in summarize((*comparison.flags, *scan))]
    return "<br>".join(lines)
