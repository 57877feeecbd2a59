"""The report as HTML of tables alone, for readers without style sheets such as Qt's."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from ..numbers import number

if TYPE_CHECKING:
    from .rows import Report


def plain_page(report: Report) -> str:
    """Return the report as HTML that Qt's text documents draw.

    Parameters
    ----------
    report
        What it states.

    Returns
    -------
    str
        Everything that was not written by this project is escaped.
    """
    say = report.words
    parts = [
        f"<h2>{escape(say('title'))}</h2><p><b>{escape(report.notice)}</b></p>",
        _table((row.name, row.value) for row in report.head),
        f"<h4>{escape(say('answer'))}</h4>",
        _table((row.name, row.value, row.note) for row in report.answer),
    ]
    if report.notices:
        more = (report.more,) if report.more else ()
        items = "".join(f"<li>{escape(text)}</li>" for text in (*report.notices, *more))
        parts.append(f"<h4>{escape(say('notices'))}</h4><ul>{items}</ul>")
    if report.events:
        names = (say("event"), say("event_kind"), "CTDIvol (mGy)", "DLP (mGy cm)")
        heading = (*names, say("event_counted"))
        parts.append(f"<h4>{escape(say('events'))}</h4>")
        parts.append(_table((heading, *report.events)))
        parts.append(f"<p>{escape(report.event_total)}</p>")
    parts.append(f"<h4>{escape(say('organs'))}</h4>")
    if report.organs:
        titles = (say("organ"), say("dose"), say("interval"))
        totals = (say("examination_dose"),) if report.has_totals else ()
        rows = [
            (
                *(organ.name, organ.dose, organ.interval),
                *((number(organ.total_mGy),) if report.has_totals else ()),
            )
            for organ in report.organs
        ]
        parts.append(_table(((*titles, *totals), *rows)))
        parts.append(f"<p>{escape(report.doubted)}</p>")
    else:
        parts.append(f"<p>{escape(say('no_organs'))}</p>")
    for row in report.refused:
        parts.append(f"<p>{escape(say('no_dose'))}: {escape(row.name)} ({escape(row.value)}).</p>")
    parts.append(f"<h4>{escape(say('sources'))}</h4>")
    parts.append(_table((row.name, row.value) for row in report.sources))
    if report.budget:
        parts.append(f"<p>{escape(say('budget'))}: {escape('; '.join(report.budget))}.</p>")
    parts.append(f"<h4>{escape(say('method'))}</h4><p>{escape(' '.join(report.method))}</p>")
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = (
        "<tr>" + "".join(f"<td style='padding-right: 12px'>{escape(text)}</td>" for text in row)
        for row in rows
    )
    return f"<table>{''.join(f'{line}</tr>' for line in lines)}</table>"
