"""The chart of organ doses: a row for each organ, with its name, its dose and its interval.

Slicer's plot view writes numbers along its axes and no names, so this is a widget of the module's
own, in a view's place. It draws what the table of organ doses holds, in the table's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import qt
import vtk
from slicer.i18n import tr as _

from ..nodes.colours import BLUE, GRAY, LIGHT_GRAY, ORANGE, RED, SKY
from .organ_rows import Row, rows_of, ticks_to
from .value_marks import dark

# Pixels: height of a row, of the axis, room beside the names and at the right end.
LOWEST_ROW, HIGHEST_ROW, AXIS, GAP, END = 20, 34, 20, 10, 18
# In the legend, as the marks look in the rows.
DOT, BAR, SQUARE, DIAMOND = "\u25cf", "\u251c\u2500\u2524", "\u25a1", "\u25c6"
# The part of the width that names may take.
NAMES_AT_MOST = 0.45


class _Canvas(qt.QWidget):
    """A widget that lets others draw it and hear of the mouse."""

    def __init__(self, draw: Callable[[Any], None]) -> None:
        qt.QWidget.__init__(self)
        self._draw = draw
        self.pressed: Callable[[int], None] | None = None
        self.pointed: Callable[[int], None] | None = None

    def paintEvent(self, _event: Any) -> None:
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        self._draw(painter)
        painter.end()

    def mousePressEvent(self, event: Any) -> None:
        if self.pressed is not None:
            self.pressed(event.pos().y())

    def mouseMoveEvent(self, event: Any) -> None:
        if self.pointed is not None:
            self.pointed(event.pos().y())


class OrganChart(qt.QWidget):
    """Draws a table of organ doses; one of the organs can be chosen.

    Attributes
    ----------
    on_organ
        Called with the name of an organ that was clicked.
    """

    def __init__(self) -> None:
        qt.QWidget.__init__(self)
        self.setObjectName("CTDoseSegOrganChart")
        self.on_organ: Callable[[str], None] | None = None
        self.rows: Sequence[Row] = ()
        self.chosen = ""
        self._node: Any = None
        self._tag: int | None = None
        self._ticks = ticks_to(0.0)
        self._legend = qt.QLabel()
        self._legend.setWordWrap(True)
        self._legend.setTextFormat(qt.Qt.RichText)
        self._legend.setContentsMargins(GAP, 4, GAP, 2)
        self._axis = _Canvas(self._draw_axis)
        self._axis.setFixedHeight(AXIS)
        self._body = _Canvas(self._draw_rows)
        self._body.setObjectName("organs")
        self._body.setMouseTracking(True)
        self._body.pressed, self._body.pointed = self._on_press, self._on_point
        self._area = qt.QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(qt.QFrame.NoFrame)
        self._area.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        self._area.setWidget(self._body)
        for widget in (self, self._area):
            widget.setBackgroundRole(qt.QPalette.Base)
            widget.setAutoFillBackground(True)
        column = qt.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._legend)
        column.addWidget(self._axis)
        column.addWidget(self._area, 1)
        self._update()

    def show_table(self, node: Any) -> None:
        """Follow a table of organ doses; None: none."""
        if node is self._node:
            return
        if self._node is not None and self._tag is not None:
            self._node.RemoveObserver(self._tag)
        self._node, self._tag = node, None
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._update)
        self._update()

    def choose(self, organ: str) -> None:
        """Mark an organ and bring it into view; "": none."""
        self.chosen = organ
        for n, row in enumerate(self.rows):
            if row.organ == organ:
                middle = round((n + 0.5) * self._row_height())
                self._area.ensureVisible(0, middle, 0, HIGHEST_ROW)
        self._body.update()

    def scroll_to_top(self) -> None:
        """Bring the first rows into view."""
        self._area.verticalScrollBar().value = 0

    def legend(self) -> str:
        """Return the words above the rows, without their marks."""
        return ", ".join(text for *_mark, text in self._marks())

    def _update(self, *_arguments: Any) -> None:
        table = self._node.GetTable() if self._node is not None else None
        self.rows = rows_of(table) if table is not None else ()
        self._ticks = ticks_to(max((row.highest_mGy for row in self.rows), default=0.0))
        self._body.setMinimumHeight(LOWEST_ROW * len(self.rows))
        nothing = _("No organ dose is given.") if table is not None else ""
        title = _("Organ doses (mGy)") if self.rows else nothing
        marks = (
            # As wide as its words: a mark stays beside its meaning.
            f'<span style="color: {_html(color)}">{sign}</span>&nbsp;'
            + "&nbsp;".join(escape(text).split(" "))
            for sign, color, text in self._marks()
        )
        self._legend.setText(f"<b>{title}</b>" + "".join(f" &nbsp; {mark}" for mark in marks))
        self._axis.setVisible(bool(self.rows))
        self._axis.update()
        self._body.update()

    def _marks(self) -> list[tuple[str, tuple[float, ...], str]]:
        """Return sign, colour and words of each kind of mark that the rows have."""
        blue, gray = self._blue_and_gray()
        marks = []
        if self.rows:
            marks.append((DOT, blue, _("dose")))
            marks.append((BAR, gray, _("90 % interval")))
        if any(row.fast_law_mGy is not None for row in self.rows):
            marks.append((SQUARE, ORANGE, _("fast law")))
        if any(row.hypothetical_mGy is not None for row in self.rows):
            marks.append((DIAMOND, RED, _("HYPOTHETICAL")))
        return marks

    def _blue_and_gray(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (SKY, LIGHT_GRAY) if dark(self) else (BLUE, GRAY)

    # Places ------------------------------------------------------------------------------

    def _row_height(self) -> float:
        fitting = self._body.height / max(len(self.rows), 1)
        return min(max(fitting, LOWEST_ROW), HIGHEST_ROW)

    def _names_width(self) -> int:
        metrics = qt.QFontMetrics(self.font)
        widest = max((metrics.horizontalAdvance(row.title) for row in self.rows), default=0)
        return min(widest + 2 * GAP, round(NAMES_AT_MOST * self._body.width))

    def _x(self, dose_mGy: float) -> float:
        left = self._names_width()
        return left + dose_mGy / self._ticks[-1] * (self._body.width - END - left)

    def _row_at(self, y: int) -> Row | None:
        n = int(y // self._row_height())
        return self.rows[n] if 0 <= n < len(self.rows) else None

    # Mouse -------------------------------------------------------------------------------

    def _on_press(self, y: int) -> None:
        row = self._row_at(y)
        if row is not None and self.on_organ is not None:
            self.on_organ(row.organ)

    def _on_point(self, y: int) -> None:
        row = self._row_at(y)
        self._body.setToolTip(row.words() if row is not None else "")

    # Drawing -----------------------------------------------------------------------------

    def _draw_axis(self, painter: Any) -> None:
        painter.setPen(self.palette.color(qt.QPalette.Text))
        for tick in self._ticks:
            middle = round(self._x(tick))
            painter.drawText(middle - 40, 0, 80, AXIS - 3, qt.Qt.AlignCenter, f"{tick:g}")
            painter.drawLine(middle, AXIS - 4, middle, AXIS)

    def _draw_rows(self, painter: Any) -> None:
        height, wide = self._row_height(), self._names_width()
        text = self.palette.color(qt.QPalette.Text)
        bottom = round(height * len(self.rows))
        faint = qt.QColor(text)
        faint.setAlpha(45)
        painter.setPen(faint)
        for tick in self._ticks if self.rows else ():
            painter.drawLine(round(self._x(tick)), 0, round(self._x(tick)), bottom)
        metrics = qt.QFontMetrics(self.font)
        for n, row in enumerate(self.rows):
            top = round(n * height)
            if row.organ == self.chosen:
                ground = qt.QColor(self.palette.color(qt.QPalette.Highlight))
                ground.setAlpha(90)
                painter.fillRect(0, top, self._body.width, round(height), ground)
            painter.setPen(text)
            title = metrics.elidedText(row.title, qt.Qt.ElideRight, wide - 2 * GAP)
            left = qt.Qt.AlignVCenter | qt.Qt.AlignLeft
            painter.drawText(GAP, top, wide - GAP, round(height), left, title)
            self._draw_marks(painter, row, top + round(height / 2))

    def _draw_marks(self, painter: Any, row: Row, y: int) -> None:
        blue, gray = self._blue_and_gray()
        if row.total_low_mGy is not None and row.total_high_mGy is not None:
            painter.setPen(_pen(gray))
            low, high = round(self._x(row.total_low_mGy)), round(self._x(row.total_high_mGy))
            painter.drawLine(low, y, high, y)
            for end in (low, high):
                painter.drawLine(end, y - 5, end, y + 5)
        if row.fast_law_mGy is not None:
            painter.setPen(_pen(ORANGE))
            painter.setBrush(qt.QBrush())
            painter.drawRect(round(self._x(row.fast_law_mGy)) - 6, y - 6, 12, 12)
        painter.setPen(_pen(blue))
        painter.setBrush(qt.QBrush(_color(blue)))
        painter.drawEllipse(round(self._x(row.dose_mGy)) - 3, y - 3, 6, 6)
        if row.hypothetical_mGy is not None:
            painter.save()
            painter.translate(round(self._x(row.hypothetical_mGy)), y)
            painter.rotate(45)
            painter.setPen(_pen(RED))
            painter.setBrush(qt.QBrush(_color(RED)))
            painter.drawRect(-4, -4, 8, 8)
            painter.restore()


def _color(part: Sequence[float]) -> Any:
    return qt.QColor(*(round(255 * value) for value in part))


def _html(part: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * value):02x}" for value in part)


def _pen(part: Sequence[float]) -> Any:
    pen = qt.QPen(_color(part))
    pen.setWidth(2)
    return pen
