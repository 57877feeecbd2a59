"""Flags with one cause as one notice, and the notices in the order of what they change.

No face: notices say what was found, where, and what follows from it. A face adds the remedy, by
`remedy` and its own table of words for `MENDS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import FLAGS, Flag, Severity, message_of, sentence
from .places import SCAN, organ_of, slice_of, slice_runs

# What a face shows before it is asked for more.
MOST_NOTICES = 8
# Of one kind, in a notice; the flags have all of them.
MOST_DETAILS = 3
NAMED_ORGANS = 6
_RANK = {"refusal": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Notice:
    """Everything that comes from one cause.

    Attributes
    ----------
    cause
        Stable name: that of the catalogue, or the code of a flag that has none.
    severity
        The worst of its flags.
    findings
        What its most serious flags found and where, in sentences; the specific ones first. Less
        serious flags add their consequences, not their findings.
    consequences
        What it does to the numbers, in parts of a sentence.
    advice
        What to do or to know about the most serious flags, in sentences.
    mends
        Names of the values and files that would mend it.
    places
        All places that it is about, each once.
    codes
        Of all of its flags, each once.
    """

    cause: str
    severity: Severity
    findings: tuple[str, ...]
    consequences: tuple[str, ...]
    advice: tuple[str, ...]
    mends: tuple[str, ...]
    places: tuple[str, ...]
    codes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The notice in sentences, without the remedy."""
        follows = (sentence("; ".join(self.consequences)),) if self.consequences else ()
        return " ".join((*self.findings, *follows, *self.advice))


def summarize(flags: Iterable[Flag]) -> tuple[Notice, ...]:
    """Make one notice of the flags that have one cause.

    What refuses all organ doses comes first, then what changes a number (what is known by how much
    before the rest), then other refusals, then the remaining warnings and information. Within
    these, what is about the whole scan comes before what is about some slices or organs.
    """
    causes: dict[str, list[Flag]] = {}
    for one in dict.fromkeys(flags):
        causes.setdefault(_cause(one), []).append(one)
    notices = [_notice(cause, members) for cause, members in causes.items()]
    return tuple(sorted(notices, key=_order))


def shown_first(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """Return the notices that a face shows unasked: at most `MOST_NOTICES`, no information."""
    return tuple(one for one in notices if one.severity != "info")[:MOST_NOTICES]


def remedy(mends: Sequence[str], words: Mapping[str, tuple[str, str]]) -> str:
    """Return how to mend something, as one sentence in the words of a face; empty if nothing does.

    Parameters
    ----------
    mends
        Names of `MENDS`.
    words
        Name to what a face does with it (``give {what} with --rdsr``) and what it calls it (``the
        dose report``). What is done alike is done in one go; the order is that of this table.
    """
    ways: dict[str, list[str]] = {}
    for name, (way, called) in words.items():
        if name in mends:
            ways.setdefault(way, []).append(called)
    text = ", or ".join(way.format(what=_listed(names)) for way, names in ways.items())
    return sentence(text) if text else ""


def _cause(one: Flag) -> str:
    entry = FLAGS.get(one.code)
    return entry.cause or one.code if entry else one.code


def _order(notice: Notice) -> tuple[int, int, bool, bool]:
    refused = notice.severity == "refusal"
    if refused and SCAN in notice.places:
        weight = 0
    elif notice.consequences and not refused:
        weight = 1
    else:
        weight = 2 if refused else 3
    by_how_much = any(c.isdigit() for text in notice.consequences for c in text)
    everywhere = any(organ_of(p) is None and slice_of(p) is None for p in notice.places)
    return weight, _RANK[notice.severity], not by_how_much, not everywhere


def _notice(cause: str, flags: list[Flag]) -> Notice:
    by_weight = sorted(flags, key=lambda one: _RANK.get(one.severity, 0))
    worst = [one for one in by_weight if one.severity == by_weight[0].severity]
    findings: dict[str, list[Flag]] = {}
    for one in sorted(worst, key=lambda one: not one.detail):
        findings.setdefault(_found(one), []).append(one)
    advice = [FLAGS[one.code].advice for one in worst if _known(one)]
    return Notice(
        cause=cause,
        severity=by_weight[0].severity,
        findings=tuple(_finding(found, members) for found, members in findings.items()),
        consequences=tuple(_consequences(by_weight, {one.place for one in worst})),
        advice=tuple(dict.fromkeys(text for text in advice if text)),
        mends=tuple(dict.fromkeys(name for one in by_weight for name in one.mends)),
        places=tuple(dict.fromkeys(one.place for one in flags)),
        codes=tuple(dict.fromkeys(one.code for one in by_weight)),
    )


def _known(one: Flag) -> bool:
    """Whether the message is what this version says; another version's stands as it is."""
    return one.code in FLAGS and one.message == message_of(
        FLAGS[one.code], one.detail, one.consequence
    )


def _found(one: Flag) -> str:
    return FLAGS[one.code].found if _known(one) else one.message.rstrip(".")


def _finding(found: str, flags: list[Flag]) -> str:
    """One sentence: what was found, with its details and where each of them holds."""
    shown = _of_the_whole(flags) or flags
    details: dict[str, list[str]] = {}
    for one in shown:
        details.setdefault(_detail(one), []).append(one.place)
    specific = {
        detail: places
        for detail, places in details.items()
        if detail and not any(detail in other for other in details if other != detail)
    }
    if not specific:
        return sentence(found + _about([one.place for one in shown]))
    return sentence(f"{found}: {_some(specific)}")


def _detail(one: Flag) -> str:
    """The detail, where it is not part of the finding already."""
    return one.detail.rstrip(".") if one.detail not in _found(one) else ""


def _consequences(flags: list[Flag], found_at: set[str]) -> Iterable[str]:
    """What follows, each once; with its organs where they are not those that were found."""
    kinds: dict[str, list[Flag]] = {}  # several codes may have one consequence
    for one in flags:
        if one.consequence and _known(one):
            kinds.setdefault(FLAGS[one.code].consequence or one.code, []).append(one)
    found: dict[str, None] = {}
    for members in kinds.values():
        texts: dict[str, list[str]] = {}
        for one in _of_the_whole(members) or members:
            texts.setdefault(one.consequence, []).append(one.place)
        elsewhere = {one.place for one in members} != found_at
        found[_some(texts) if elsewhere or len(texts) > 1 else next(iter(texts))] = None
    return found


def _of_the_whole(flags: list[Flag]) -> list[Flag]:
    """Those of the whole scan, which stand for those of its slices and organs."""
    return [one for one in flags if organ_of(one.place) is None and slice_of(one.place) is None]


def _some(texts: Mapping[str, list[str]]) -> str:
    """Texts with the places that they are about, and how many more there are."""
    shown = [text + _about(places, text) for text, places in texts.items()]
    if len(shown) > MOST_DETAILS + 1:  # one more is as short as saying that there is one more
        shown = [*shown[:MOST_DETAILS], f"and {len(shown) - MOST_DETAILS} more"]
    return "; ".join(shown)


def _about(places: list[str], text: str = "") -> str:
    """Organs and slices in brackets; nothing for the scan, or the organ that begins the text."""
    organs = list(dict.fromkeys(o for p in places if (o := organ_of(p)) is not None))
    if len(organs) == 1 and text.startswith(organs[0].replace("_", " ")):
        organs = []
    slices = [k for p in places if (k := slice_of(p)) is not None]
    parts = []
    if len(organs) > NAMED_ORGANS:
        parts.append(f"{len(organs)} organs")
    elif organs:
        parts.append(", ".join(organs).replace("_", " "))
    if slices:
        parts.append(f"slices {slice_runs(slices)}")
    return f" ({'; '.join(parts)})" if parts and SCAN not in places else ""


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join((*(", ".join(names[:-1]),) * (len(names) > 1), names[-1]))
