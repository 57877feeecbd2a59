"""The report as PDF by matplotlib: the same rows as the HTML page, on A4."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from ..figure import GREY, INK, PALE, new_figure
from ..numbers import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .pictures import Key, ReportPicture
    from .rows import OrganRow, Report

_A4_IN = (8.27, 11.69)
_MARGIN_IN, _GAP_IN = 0.55, 0.09
_BODY_PT, _SMALL_PT, _HEADING_PT, _TITLE_PT = 8.5, 7.0, 9.5, 15.0
_LINE = 1.32
_PT_PER_IN = 72.0
_TWO_COLUMNS_FROM = 11
_PICTURE_IN = 1.8
# From a colour of the key to its name.
_SWATCH_IN = 0.11
_BAR = "#9DB8CC"


class Sheet:
    """Pages that are filled from the top; a new one begins where the rest does not fit."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.begin()

    def begin(self) -> None:
        """Begin a page."""
        self.figures.append(new_figure(*_A4_IN, layout=None))
        self.y_in = _A4_IN[1] - _MARGIN_IN

    @property
    def width_in(self) -> float:
        """Between the margins."""
        return _A4_IN[0] - 2 * _MARGIN_IN

    def need(self, height_in: float) -> None:
        """Begin a page where less room than this is left."""
        if self.y_in - height_in < _MARGIN_IN:
            self.begin()

    def write(
        self,
        text: str,
        x_in: float,
        y_in: float,
        *,
        size: float = _BODY_PT,
        right: bool = False,
        bold: bool = False,
        color: str = INK,
    ) -> None:
        """Write one line; its top is at `y_in`, its place across counts from the margin."""
        self.figures[-1].text(
            (_MARGIN_IN + x_in) / _A4_IN[0],
            y_in / _A4_IN[1],
            text,
            size=size,
            ha="right" if right else "left",
            va="top",
            weight="bold" if bold else "normal",
            color=color,
            parse_math=False,
        )

    def paragraph(
        self,
        text: str,
        x_in: float,
        width_in: float,
        *,
        size: float = _BODY_PT,
        color: str = INK,
        bold: bool = False,
    ) -> float:
        """Write lines from the present height on; return their height. The height stays."""
        lines = wrapped(text, width_in, size, bold=bold)
        for line_number, line in enumerate(lines):
            y_in = self.y_in - line_number * height(size)
            self.write(line, x_in, y_in, size=size, color=color, bold=bold)
        return len(lines) * height(size)

    def heading(self, text: str) -> None:
        """Write a heading."""
        self.need(0.5)
        self.y_in -= _GAP_IN
        self.write(text, 0.0, self.y_in, size=_HEADING_PT, bold=True)
        self.y_in -= height(_HEADING_PT)

    def rule(self) -> None:
        """Draw a thin line across."""
        from matplotlib.lines import Line2D

        left, y = _MARGIN_IN / _A4_IN[0], (self.y_in + 0.025) / _A4_IN[1]
        self.figures[-1].add_artist(Line2D([left, 1 - left], [y, y], color=PALE, lw=0.6))


def height(size_pt: float) -> float:
    """Return the height of a line in inches."""
    return size_pt * _LINE / _PT_PER_IN


def wrapped(text: str, width_in: float, size_pt: float, *, bold: bool = False) -> list[str]:
    """Return a text as lines that fit into a width; a word that is longer than one is broken."""

    def fits(line: str) -> bool:
        return len(line) < 2 or drawn_width_in(line, size_pt, bold=bold) <= width_in

    lines, line = [], ""
    for word in re.split(r"\s", text):
        longer = f"{line} {word}" if line else word
        if line and not fits(longer):
            lines.append(line.rstrip())
            longer = word
        while not fits(longer):
            letters = next(n for n in range(len(longer) - 1, 0, -1) if fits(longer[:n]))
            lines.append(longer[:letters])
            longer = longer[letters:]
        line = longer
    return [*lines, line.rstrip()]


def drawn_width_in(text: str, size_pt: float, *, bold: bool = False) -> float:
    """Return the width in inches of a line as it is drawn, letters not drawn together."""
    return size_pt * sum(_advance(letter, bold=bold) for letter in text) / _PT_PER_IN


@lru_cache(maxsize=1024)
def _advance(letter: str, *, bold: bool) -> float:
    """Return how far a letter goes, as a part of its size."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(weight="bold" if bold else "normal")))
    font.set_size(100, _PT_PER_IN)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 2**16 / 100


def report_pdf(report: Report, pictures: Mapping[str, ReportPicture] | None = None) -> bytes:
    """Return the report as a PDF file.

    Parameters
    ----------
    report
        What it states.
    pictures
        As of `page.report_page`.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    new_figure(1, 1)
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    # Letters that can be searched for and copied.
    with rc_context({"pdf.fonttype": 42, "font.family": "sans-serif"}):
        sheet = Sheet()
        _head(sheet, report)
        _answer(sheet, report)
        _notices(sheet, report)
        _events(sheet, report)
        _organs(sheet, report)
        _pictures(sheet, report, pictures or {})
        _foot(sheet, report)
        file = BytesIO()
        about = {"Title": report.words("title"), "Creator": "CTDoseSeg", "CreationDate": None}
        with PdfPages(file, metadata=about) as pages:
            for figure in sheet.figures:
                pages.savefig(figure)
    return file.getvalue()


def _head(sheet: Sheet, report: Report) -> None:
    sheet.write(report.words("title"), 0.0, sheet.y_in, size=_TITLE_PT, bold=True)
    sheet.write(report.notice, sheet.width_in, sheet.y_in - 0.03, right=True, bold=True)
    sheet.y_in -= height(_TITLE_PT) + 0.04
    text = "    ".join(f"{row.name}: {row.value}" for row in report.head)
    sheet.y_in -= sheet.paragraph(text, 0.0, sheet.width_in, color=GREY)


def _answer(sheet: Sheet, report: Report) -> None:
    sheet.heading(report.words("answer"))
    for row in report.answer:
        name = sheet.paragraph(row.name, 0.0, 2.15)
        room = (4.0 if row.note else sheet.width_in) - 2.25
        value = sheet.paragraph(
            row.value, 2.25, room, bold=len(wrapped(row.value, room, _BODY_PT, bold=True)) < 2
        )
        note = sheet.paragraph(row.note, 4.0, sheet.width_in - 4.0, color=GREY)
        sheet.y_in -= max(name, value, note) + 0.03
        sheet.rule()


def _notices(sheet: Sheet, report: Report) -> None:
    if not report.notices:
        return
    sheet.heading(report.words("notices"))
    for text in (*report.notices, *([report.more] if report.more else [])):
        sheet.write("•", 0.0, sheet.y_in)
        sheet.y_in -= sheet.paragraph(text, 0.12, sheet.width_in - 0.12) + 0.02


def _events(sheet: Sheet, report: Report) -> None:
    if not report.events:
        return
    say = report.words
    sheet.heading(say("events"))
    places = (0.0, 0.5, 4.0, 5.1, 5.3)
    headings = (say("event"), say("event_kind"), "CTDIvol (mGy)", "DLP (mGy cm)")
    for row in ((*headings, say("event_counted")), *report.events):
        sheet.need(height(_SMALL_PT))
        for place, text, at in zip(places, row, range(5), strict=True):
            room = (0.45, 2.4, 2.0, 2.0, sheet.width_in - 5.3)[at]
            shown = wrapped(text, room, _SMALL_PT)[0]
            sheet.write(shown, place, sheet.y_in, size=_SMALL_PT, right=at in (2, 3))
        sheet.y_in -= height(_SMALL_PT)
    if report.event_total:
        sheet.y_in -= sheet.paragraph(report.event_total, 0.0, sheet.width_in, size=_SMALL_PT)


def _organs(sheet: Sheet, report: Report) -> None:
    say = report.words
    sheet.heading(say("organs"))
    if not report.organs:
        sheet.y_in -= sheet.paragraph(say("no_organs"), 0.0, sheet.width_in)
    n_columns = 2 if len(report.organs) >= _TWO_COLUMNS_FROM else 1
    size = _SMALL_PT if n_columns == 2 else _BODY_PT
    left = list(report.organs)
    while left:
        lines = max(int((sheet.y_in - _MARGIN_IN) / height(size)) - 1, 0)
        if lines < min(3, len(left)):
            sheet.begin()
            continue
        taken, left = left[: n_columns * lines], left[n_columns * lines :]
        rows = -(-len(taken) // n_columns)
        for column in range(n_columns):
            part = taken[column * rows : (column + 1) * rows]
            _organ_table(sheet, report, part, column, n_columns, size)
        sheet.y_in -= (rows + 1) * height(size) + 0.03
    if report.basis:
        sheet.need(2 * height(_SMALL_PT))
        sheet.y_in -= sheet.paragraph(report.basis, 0.0, sheet.width_in, size=_SMALL_PT)
    if report.doubted:
        sheet.need(3 * height(_SMALL_PT))
        sheet.y_in -= sheet.paragraph(report.doubted, 0.0, sheet.width_in, size=_SMALL_PT)
    if report.refused:
        listed = "; ".join(f"{row.name} ({row.value})" for row in report.refused)
        text = f"{say('no_dose')}: {listed}."
        sheet.need(len(wrapped(text, sheet.width_in, _SMALL_PT)) * height(_SMALL_PT))
        sheet.y_in -= sheet.paragraph(text, 0.0, sheet.width_in, size=_SMALL_PT)


def _organ_table(
    sheet: Sheet, report: Report, rows: list[OrganRow], column: int, n_columns: int, size: float
) -> None:
    if not rows:
        return
    gap_in = 0.3
    width = (sheet.width_in - gap_in * (n_columns - 1)) / n_columns
    left = column * (width + gap_in)
    names, total = 0.36 * width, 0.15 * width if report.has_totals else 0.0
    dose_right = left + names + 0.09 * width
    interval_right = left + width - total
    bar_left, bar_right = dose_right + 0.1, interval_right - 0.24 * width
    say, y_in = report.words, sheet.y_in
    headings = [(say("organ"), left, False), (say("dose"), dose_right, True)]
    headings.append((say("interval"), interval_right, True))
    if report.has_totals:
        headings.append((say("examination_dose"), left + width, True))
    for text, at, right in headings:
        sheet.write(text, at, y_in, size=size, right=right, color=GREY)
    for organ in rows:
        y_in -= height(size)
        shown = wrapped(organ.name, names - 0.05 * width, size)[0]
        sheet.write(shown, left, y_in, size=size)
        sheet.write(organ.dose, dose_right, y_in, size=size, right=True)
        sheet.write(organ.interval, interval_right, y_in, size=size, right=True)
        if report.has_totals:
            sheet.write(number(organ.total_mGy), left + width, y_in, size=size, right=True)
        _bar(sheet, organ, (bar_left, bar_right), y_in - 0.45 * height(size), report.highest_mGy)


def _bar(
    sheet: Sheet, organ: OrganRow, across_in: tuple[float, float], y_in: float, highest_mGy: float
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    def at(value_mGy: float) -> float:
        left, right = across_in
        return (_MARGIN_IN + left + (right - left) * value_mGy / highest_mGy) / _A4_IN[0]

    figure, thick = sheet.figures[-1], 0.07
    box = ((at(0.0), (y_in - thick / 2) / _A4_IN[1]), at(organ.dose_mGy) - at(0.0))
    figure.add_artist(Rectangle(*box, thick / _A4_IN[1], fc=_BAR, ec="none"))
    if organ.low_mGy is not None and organ.high_mGy is not None:
        y = y_in / _A4_IN[1]
        ends = [at(organ.low_mGy), at(organ.high_mGy)]
        figure.add_artist(Line2D(ends, [y, y], color=INK, lw=1.2))


def _pictures(sheet: Sheet, report: Report, pictures: Mapping[str, ReportPicture]) -> None:
    if not pictures:
        return
    from matplotlib.image import imread

    keys = [key for picture in pictures.values() for key in picture.keys]
    places, lines = _key_places(report.words("key"), keys, sheet.width_in)
    sheet.need(_PICTURE_IN + 0.3 + lines * height(_SMALL_PT))
    sheet.y_in -= _GAP_IN
    width = (sheet.width_in - 0.2) / 2
    for column, (name, picture) in enumerate(pictures.items()):
        left = (_MARGIN_IN + column * (width + 0.2)) / _A4_IN[0]
        box = (left, (sheet.y_in - _PICTURE_IN) / _A4_IN[1])
        axes = sheet.figures[-1].add_axes((*box, width / _A4_IN[0], _PICTURE_IN / _A4_IN[1]))
        axes.imshow(imread(BytesIO(picture.png)), interpolation="antialiased")
        axes.set_axis_off()
        axes.set_anchor("NW")
        sheet.write(
            report.words(name),
            column * (width + 0.2),
            sheet.y_in - _PICTURE_IN - 0.02,
            size=_SMALL_PT,
            color=GREY,
        )
    sheet.y_in -= _PICTURE_IN + height(_SMALL_PT) + 0.04
    if keys:
        sheet.write(f"{report.words('key')}:", 0.0, sheet.y_in, size=_SMALL_PT, color=GREY)
        for key, (x_in, line) in zip(keys, places, strict=True):
            _colour(sheet, key, x_in, sheet.y_in - line * height(_SMALL_PT))
    sheet.y_in -= lines * height(_SMALL_PT)


def _key_places(
    title: str, keys: Sequence[Key], width_in: float
) -> tuple[list[tuple[float, int]], int]:
    """Return where each colour stands, across and in which line, and how many lines there are."""
    x_in, line, places = drawn_width_in(title, _SMALL_PT) + _SWATCH_IN, 0, []
    for key in keys:
        needed_in = _SWATCH_IN + drawn_width_in(key.name, _SMALL_PT)
        if x_in + needed_in > width_in:
            x_in, line = 0.0, line + 1
        places.append((x_in, line))
        x_in += needed_in + _SWATCH_IN
    return places, line + 1 if keys else 0


def _colour(sheet: Sheet, key: Key, x_in: float, y_in: float) -> None:
    """Draw one colour and write its name; the line's top is at `y_in`."""
    from matplotlib.patches import Rectangle

    figure, side = sheet.figures[-1], 0.07
    if key.fill:
        at = ((_MARGIN_IN + x_in) / _A4_IN[0], (y_in - 0.015 - side) / _A4_IN[1])
        size = (side / _A4_IN[0], side / _A4_IN[1])
        figure.add_artist(Rectangle(at, *size, fc=key.fill, ec=key.edge or "none", lw=0.6))
    sheet.write(key.name, x_in + (_SWATCH_IN if key.fill else 0.0), y_in, size=_SMALL_PT)


def _foot(sheet: Sheet, report: Report) -> None:
    say = report.words
    width = (sheet.width_in - 0.3) / 2
    sources = [f"{row.name}: {row.value}" for row in report.sources]
    if report.budget:
        sources.append(f"{say('budget')}: {'; '.join(report.budget)}.")
    left = [line for text in sources for line in wrapped(text, width, _SMALL_PT)]
    right = wrapped(" ".join(report.method), width, _SMALL_PT)
    sheet.need(max(len(left), len(right)) * height(_SMALL_PT) + 0.3)
    sheet.y_in -= _GAP_IN
    top = sheet.y_in
    for x_in, title, lines in ((0.0, "sources", left), (width + 0.3, "method", right)):
        sheet.y_in = top
        sheet.write(say(title), x_in, sheet.y_in, size=_HEADING_PT, bold=True)
        sheet.y_in -= height(_HEADING_PT)
        for line in lines:
            sheet.write(line, x_in, sheet.y_in, size=_SMALL_PT)
            sheet.y_in -= height(_SMALL_PT)
