"""How a value is marked: as read, typed, inferred, unknown or impossible.

Each mark is a word, a shape and a colour, so that none of them stands alone. The colours are those
of Okabe and Ito, darker on white and lighter on black.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import qt
from slicer.i18n import tr as _

_SIDE = 16
# Sums of what is stated, with nothing assumed: the mean of all slices, the age on the day.
_AS_STATED = ("computed: mean of", "computed: birth date")


class Mark(Enum):
    """Where the value of a field comes from."""

    READ = "read"
    TYPED = "typed"
    INFERRED = "inferred"
    UNKNOWN = "unknown"
    IMPOSSIBLE = "impossible"
    NONE = ""

    def word(self) -> str:
        """Text beside the field."""
        return {
            Mark.READ: _("read"),
            Mark.TYPED: _("typed"),
            Mark.INFERRED: _("inferred"),
            Mark.UNKNOWN: _("unknown"),
            Mark.IMPOSSIBLE: _("impossible"),
            Mark.NONE: "",
        }[self]

    def colour(self, *, dark: bool) -> str:
        """Return the colour on a light or a dark field."""
        light, bright = {
            Mark.READ: ("#00694f", "#3fd0a6"),
            Mark.TYPED: ("#0062a0", "#6cbcf0"),
            Mark.INFERRED: ("#8a5a00", "#f0b23c"),
            Mark.UNKNOWN: ("#5f5f5f", "#b4b4b4"),
            Mark.IMPOSSIBLE: ("#b03a00", "#ff8a50"),
            Mark.NONE: ("#5f5f5f", "#b4b4b4"),
        }[self]
        return bright if dark else light


def mark_of_source(value: str, source: str) -> Mark:
    """Return the mark of a value that nobody typed.

    Parameters
    ----------
    value
        As shown; empty: not known.
    source
        As in `Acquisition.sources`.
    """
    if not value:
        return Mark.UNKNOWN
    guessed = "centred" in source or (
        source.startswith("computed") and not source.startswith(_AS_STATED)
    )
    return Mark.INFERRED if guessed else Mark.READ


class MarkedField:
    """A field with its mark: an icon in it, a word beside it.

    Parameters
    ----------
    edit, label
        Widgets of the field and of the word.
    """

    def __init__(self, edit: Any, label: Any) -> None:
        self._edit, self._label = edit, label
        self._action = edit.addAction(qt.QIcon(), qt.QLineEdit.LeadingPosition)
        self._help = edit.toolTip
        self._shown: tuple[Mark, bool] | None = None

    def show_read(self, value: str) -> None:
        """Show what was read, as plainly as what is typed, until something is typed."""
        palette = self._edit.palette
        role = qt.QPalette.Text if value else qt.QPalette.PlaceholderText
        plain = palette.color(role)
        if not value:
            plain = qt.QColor(Mark.UNKNOWN.colour(dark=self._dark()))
        palette.setColor(qt.QPalette.PlaceholderText, plain)
        self._edit.setPalette(palette)
        self._edit.placeholderText = value or _("not known")

    def show(self, mark: Mark, word: str, reason: str) -> None:
        """Show a mark with a word of its own, and the reason in the tooltips."""
        self._label.text = word
        self._label.toolTip = reason
        self._edit.toolTip = f"{reason}\n{self._help}" if reason else self._help
        drawn = (mark, self._dark())
        if drawn != self._shown:
            self._shown = drawn
            colour = mark.colour(dark=drawn[1])
            self._label.styleSheet = f"color: {colour};"
            self._action.setIcon(_icon(mark, colour))
        self._action.setVisible(mark is not Mark.NONE)

    def _dark(self) -> bool:
        return dark(self._edit)


def dark(widget: Any) -> bool:
    """Return whether a widget has light text on a dark ground."""
    return widget.palette.color(qt.QPalette.Base).lightness() < 128


def _icon(mark: Mark, colour: str) -> Any:
    """Draw a tick, a pencil, a wave, a question mark or a warning sign."""
    picture = qt.QPixmap(_SIDE, _SIDE)
    picture.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter()
    painter.begin(picture)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    pen = qt.QPen(qt.QColor(colour))
    pen.setWidth(2)
    painter.setPen(pen)
    for start, end in _LINES[mark]:
        painter.drawLine(*start, *end)
    painter.end()
    return qt.QIcon(picture)


# Strokes from point to point in pixels, x to the right and y down.
_LINES: dict[Mark, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = {
    Mark.READ: (((3, 8), (6, 12)), ((6, 12), (13, 3))),
    Mark.TYPED: (((4, 12), (12, 4)), ((2, 14), (4, 12)), ((10, 2), (14, 6))),
    Mark.INFERRED: (
        *(((2, 7), (5, 4)), ((5, 4), (10, 7)), ((10, 7), (14, 4))),
        *(((2, 12), (5, 9)), ((5, 9), (10, 12)), ((10, 12), (14, 9))),
    ),
    Mark.UNKNOWN: (
        *(((4, 5), (6, 2)), ((6, 2), (10, 2)), ((10, 2), (12, 5)), ((12, 5), (8, 9))),
        *(((8, 9), (8, 10)), ((8, 13), (8, 14))),
    ),
    Mark.IMPOSSIBLE: (
        *(((8, 1), (15, 14)), ((15, 14), (1, 14)), ((1, 14), (8, 1))),
        *(((8, 6), (8, 9)), ((8, 11), (8, 12))),
    ),
    Mark.NONE: (),
}
