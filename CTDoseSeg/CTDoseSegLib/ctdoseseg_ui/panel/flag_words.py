"""Flags as rich text in the panel: a notice for each cause, the flags of an organ on demand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from slicer.i18n import tr as _

from ...flags import Flag, sentence
from ...flags.summary import Notice, remedy, shown_first, summarize
from ..parameters import TYPED
from .library_words import translated
from .remedies import words

# What is shown unasked; the rest is one click away.
MOST_NOTICES = 3
# Addresses of links: show all, go to a field, set a field.
ALL, FEWER, FIELD, SET = "all", "fewer", "field:", "set:"
_PHANTOMS_CM = (32, 16)


def notices(flags: Iterable[Flag], *, every: bool = False) -> str:
    """Return the causes that change the numbers most, in brief, each with what mends it; rich text.

    Parameters
    ----------
    flags
        Of a result.
    every
        All causes in full, not the first three.
    """
    causes = summarize(flags)
    shown = causes if every else shown_first(causes)[:MOST_NOTICES]
    more = len(causes) - len(shown)
    link = ""
    if every:
        link = _link(FEWER, _("Show fewer"))
    elif more > 0:
        link = _link(ALL, _("Show {n} more").format(n=more))
    texts = [one.text if every else _brief(one) for one in shown]
    lines = [_notice(n.severity, text, n.mends) for n, text in zip(shown, texts, strict=True)]
    return _list(lines, link)


def _brief(notice: Notice) -> str:
    """Return what was found first and what follows from it first."""
    return " ".join((*notice.findings[:1], *(sentence(c) for c in notice.consequences[:1])))


def flag_items(items: Iterable[tuple[str, str, Sequence[str]]]) -> str:
    """Return a list of (severity, what was found, what would mend it); empty without any."""
    table = words()
    return _list(
        [
            f"<b>{translated(severity)}</b>: {escape(f'{text} {remedy(mends, table)}'.rstrip())}"
            for severity, text, mends in items
        ]
    )


def _notice(severity: str, text: str, mends: Sequence[str]) -> str:
    """Return a notice with links to the fields that mend it."""
    table = words()
    fields = [name for name in mends if name in TYPED]
    others = remedy([name for name in mends if name not in TYPED], table)
    links = [_field(name, table[name][1]) for name in table if name in fields]
    mended = " " + _("Enter {fields}.").format(fields=_(" or ").join(links)) if links else ""
    return f"<b>{translated(severity)}</b>: {escape(f'{text} {others}'.rstrip())}{mended}"


def _field(name: str, called: str) -> str:
    """Return a link to a field; of the CTDI phantom, which is one of two, to each of them."""
    if name != "phantom_cm":
        return _link(f"{FIELD}{name}", called)
    sizes = (_link(f"{SET}{name}={size}", f"{size} cm") for size in _PHANTOMS_CM)
    return _("the CTDI phantom ({sizes})").format(sizes=" / ".join(sizes))


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _list(lines: list[str], last: str = "") -> str:
    lines = [*lines, last] if last else lines
    points = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul style='margin: 2px 0 0 -22px'>{points}</ul>" if points else ""
