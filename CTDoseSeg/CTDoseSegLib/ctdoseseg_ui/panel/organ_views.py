"""The tables and the chart of organ doses: in one order, with one organ chosen in all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..parameters import OrganOrder
from . import layout

# Column to the order that a click on its title chooses. Slicer's tables hold text, by which they
# would sort 10 before 9.
ORDERS = {
    "region": OrganOrder.BODY,
    "organ": OrganOrder.NAME,
    "name": OrganOrder.NAME,
    "dose_mGy": OrganOrder.DOSE,
    "hypothetical_mGy": OrganOrder.DOSE,
    "fast_law_mGy": OrganOrder.DOSE,
    "total_high_mGy": OrganOrder.UPPER,
    "volume_ml": OrganOrder.VOLUME,
    "n_flags": OrganOrder.NOTES,
}
RISING = (OrganOrder.BODY, OrganOrder.NAME)
DASH = "\N{EN DASH}"
# Pixels: of the column with the names of organs, which may hide no numbers in a narrow view.
NAMES_AT_MOST = 140


def fit_columns(view: Any) -> None:
    """Make the columns of a table of organs as wide as what they hold; long names are cut."""
    view.resizeColumnsToContents()
    view.setColumnWidth(0, min(view.columnWidth(0), NAMES_AT_MOST))


class DashForNaN(qt.QStyledItemDelegate):
    """Shows a number that is not known as a dash; Slicer's table model writes it as "nan"."""

    def displayText(self, value: Any, _locale: Any) -> str:
        return DASH if str(value).lower() in ("nan", "-nan", "-nan(ind)") else str(value)


class OrganViews:
    """Tells which organ was clicked, and shows which one is chosen.

    Parameters
    ----------
    table_view
        The panel's own table.
    parameters
        Returns the parameter node.
    on_organ
        Called with the name of an organ that was clicked.
    """

    def __init__(
        self, table_view: Any, parameters: Callable[[], Any], on_organ: Callable[[str], None]
    ) -> None:
        self._parameters, self._on_organ = parameters, on_organ
        self._own, self._followed = table_view, [table_view]
        self._connections: list[tuple[Any, str, Callable[..., None]]] = []
        # The views do not keep them.
        self._delegates: list[Any] = []
        self._choosing = False
        self._order: OrganOrder | None = None
        self._follow(table_view)

    def connect(self) -> None:
        """Follow the views of the layout too, once it made them."""
        view, chart = layout.table_view(), layout.organ_chart()
        if view is not None and view not in self._followed:
            self._followed.append(view)
            self._follow(view)
        if chart is not None:
            chart.on_organ = self._on_organ

    def cleanup(self) -> None:
        """Let go of all views."""
        for sender, signal, slot in self._connections:
            sender.disconnect(signal, slot)
        self._connections.clear()
        self._followed.clear()
        chart = layout.organ_chart()
        if chart is not None:
            chart.on_organ = None
            chart.show_table(None)

    def choose(self, organ: str) -> None:
        """Mark an organ in the tables and in the chart; "": none."""
        self._choosing = True
        try:
            for view in self._tables():
                organs = _organs_of(view)
                if organ in organs:
                    row = organs.index(organ)
                    view.selectRow(row)
                    view.scrollTo(view.model().index(row, 0))
                else:
                    view.clearSelection()
        finally:
            self._choosing = False
        chart = layout.organ_chart()
        if chart is not None:
            chart.choose(organ)

    def filled(self) -> None:
        """The table has other numbers or another order."""
        order = self._parameters().organOrder
        column = next(name for name, by in ORDERS.items() if by == order)
        direction = qt.Qt.AscendingOrder if order in RISING else qt.Qt.DescendingOrder
        if order != self._order:
            self._order = order
            self._scroll_to_top()
        for view in self._tables():
            node = view.mrmlTableNode()
            if node is None:
                continue
            header = view.horizontalHeader()
            header.setSortIndicatorShown(True)
            header.setSortIndicator(node.GetColumnIndex(column), direction)
            fit_columns(view)

    def _scroll_to_top(self) -> None:
        for view in self._tables():
            view.scrollToTop()
        chart = layout.organ_chart()
        if chart is not None:
            chart.scroll_to_top()

    def _tables(self) -> list[Any]:
        return [view for view in (self._own, layout.table_view()) if view is not None]

    def _follow(self, view: Any) -> None:
        delegate = DashForNaN(view)
        view.setItemDelegate(delegate)
        self._delegates.append(delegate)
        # Else a click on a title would choose a column.
        view.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        view.verticalHeader().setVisible(False)  # its numbers take the room of others
        header = view.horizontalHeader()
        header.setSectionsClickable(True)
        for sender, signal, slot in (
            (view, "selectionChanged()", lambda: self._on_row(view)),
            (header, "sectionClicked(int)", lambda column: self._on_title(view, column)),
        ):
            sender.connect(signal, slot)
            self._connections.append((sender, signal, slot))

    def _on_row(self, view: Any) -> None:
        # Clearing the selection is signalled too, with the former row still the current one.
        if self._choosing or not view.selectionModel().hasSelection:
            return
        organs, row = _organs_of(view), view.currentIndex().row()
        if 0 <= row < len(organs):
            self._on_organ(organs[row])

    def _on_title(self, view: Any, column: int) -> None:
        node = view.mrmlTableNode()
        name = node.GetColumnName(column) if node is not None else ""
        if name in ORDERS:
            self._parameters().organOrder = ORDERS[name]
        self.filled()  # Qt has moved the arrow


def _organs_of(view: Any) -> list[str]:
    """Return the organs of a table's rows."""
    node = view.mrmlTableNode()
    column = node.GetTable().GetColumnByName("name") if node is not None else None
    return [column.GetValue(n) for n in range(column.GetNumberOfValues())] if column else []
