"""Flags as rich text in the panel: a notice for each cause, the flags of an organ on demand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from slicer.i18n import tr as _

from ...flags import Flag
from ...flags.summary import remedy, shown_first, summarize
from .remedies import words


def notices(flags: Iterable[Flag]) -> str:
    """Return the most serious causes as rich text, and how many more there are."""
    causes = summarize(flags)
    shown = shown_first(causes)
    items = [(notice.severity, notice.text, notice.mends) for notice in shown]
    more = len(causes) - len(shown)
    last = _("{n} more: rest the pointer here to read them.").format(n=more) if more > 0 else ""
    return flag_items(items, last)


def all_notices(flags: Iterable[Flag]) -> str:
    """Return all causes as rich text, for a tool tip."""
    return flag_items((n.severity, n.text, n.mends) for n in summarize(flags))


def flag_items(items: Iterable[tuple[str, str, Sequence[str]]], last: str = "") -> str:
    """Return a list of (severity, what was found, what would mend it); empty without any."""
    table = words()
    lines = [
        f"<b>{_(severity)}</b>: {escape(f'{text} {remedy(mends, table)}'.rstrip())}"
        for severity, text, mends in items
    ]
    lines += [escape(last)] if last else []
    points = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul style='margin: 2px 0 0 -22px'>{points}</ul>" if points else ""
