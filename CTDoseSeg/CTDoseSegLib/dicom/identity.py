"""Text tags without the patient's identity."""

from __future__ import annotations

import functools
import html
import itertools
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .character_sets import is_clean, misread_forms
from .header import Header
from .identity_tags import CODED_WORDS, DATES, NAMES, NOBODY, NUMBERS
from .spelling import is_syllabic, script, skeleton, skeletons
from .written_dates import without_dates

LONGEST = 64
_ANYWHERE = 3  # letters; shorter words are removed as whole words alone
_SPACED = 6  # letters; longer words are also recognised with marks between the letters
_MOST_WORDS = 4  # of a name, whose orders are all looked for
_BETWEEN_WORDS = re.compile(r"[\^\s,\\]+")
_INSIDE_WORDS = re.compile(r"[./'’・_\-]+")
_LONE_NUMBER = re.compile(r"\d{4,}")
# Scripts that `skeleton` compares with each other.
_COMPARED = {"LATIN", "CYRILLIC"}
_SIGNS = "µμΩªº"  # letters to Unicode


def _names_nobody(name: str) -> bool:
    words = re.split(r"[\^=\s,]+", name.upper())
    return all(word in NOBODY for word in words if word)


@dataclass(frozen=True)
class Identity:
    """Who the patient is, and who cared for him: what no text may show.

    Attributes
    ----------
    names
        As DICOM writes them (``Doe^Jane=...``).
    numbers
        IDs.
    dates
        Of birth and of the study, YYYYMMDD.
    """

    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Sequence[str]]) -> Identity:
        """Return the identity that text values by keyword state."""
        numbers = [v for keyword in NUMBERS for v in values.get(keyword, ())]
        for item in values.get("OtherPatientIDsSequence", ()):
            if isinstance(item, Mapping):
                numbers += item.get("PatientID", ())
        return cls(
            _distinct(
                v for keyword in NAMES for v in values.get(keyword, ()) if not _names_nobody(v)
            ),
            _distinct(numbers),
            _distinct(v[:8] for keyword in DATES for v in values.get(keyword, ())),
        )

    def __or__(self, other: Identity) -> Identity:
        """Return both."""
        return Identity(
            _distinct((*self.names, *other.names)),
            _distinct((*self.numbers, *other.numbers)),
            _distinct((*self.dates, *other.dates)),
        )

    def removed_from(self, text: str) -> str:
        """Return a text without names, IDs, dates and control characters.

        Names are recognised without case and diacritics, in any order, run together or with marks
        between them, Cyrillic ones also in Latin letters and the other way round; words of one or
        two letters, initials among them, only where they stand alone. Dates are removed whosever
        they are. Words of a script in which no name is known cannot be compared, and go too. A
        name in Han or Hangul is not recognised in Latin letters unless the file has it so.

        Parameters
        ----------
        text
            A description.

        Returns
        -------
        str
            At most 64 characters; empty where it could not be decoded cleanly, or where a damaged
            length has swallowed the elements behind it: the patient's may be among them.

        Examples
        --------
        >>> Identity(("Doe^Jane",), ("0815",)).removed_from("Thorax DOE_JANE 815")
        'Thorax'
        """
        return self.cleaned(text)[:LONGEST].rstrip()

    def cleaned(self, text: str) -> str:
        """Return what `removed_from` does of a text of any length, whole."""
        text = _unescaped(text)
        if not is_clean(text):
            return ""
        text = unicodedata.normalize("NFC", text).translate(_WIDE)
        # Marks that are not seen go, so that they part no name.
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
        text = "".join(c if c.isprintable() else " " for c in text)
        before = text
        terms = _terms(self)
        for form in terms.misread:
            text = text.replace(form, " ")
        text = without_dates(text, self.dates)
        text = "".join(c if _comparable(c, terms.scripts) else " " for c in text)
        if terms.pattern is not None:
            text = _without(text, terms.pattern)
        words = text.split()
        if text != before:
            words = [word for word in words if any(c.isalnum() for c in word)]
        return " ".join(words)


def safe_text(header: Header, keyword: str) -> str:
    """Return a text tag without the patient's identity; see `Identity.removed_from`."""
    return Identity.of(header.values).removed_from(header.text(keyword))


def safe_code(header: Header, keyword: str) -> str:
    """Return a coded tag as it is where its words are the standard's, else as `safe_text` does.

    A patient whose name is Head must not lose the body part.
    """
    text = header.text(keyword)
    return text if is_coded(text) else safe_text(header, keyword)


def is_coded(text: str) -> bool:
    """Return whether a text consists of the standard's coded words alone."""
    words = re.findall(r"[A-Z]+", text.upper())
    written = re.fullmatch(r"[A-Za-z _\\/,.;+&()\-]*", text)
    return written is not None and set(words) <= CODED_WORDS


def without_file_name(sentence: str, name: str) -> str:
    """Return an error's sentence without the name of its file, which can be the patient's."""
    return sentence.removeprefix(f"{name}: ")


_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # full-width forms of ASCII
_ESCAPED = re.compile(r"\\?[uU]\+?([0-9A-Fa-f]{4})(?![0-9A-Fa-f])")
_PERCENT = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f]){2,}")


def _unescaped(text: str) -> str:
    """Return a text with the escapes of HTML, URLs and programs replaced, if they spell letters."""

    def percent(match: re.Match[str]) -> str:
        spelt = urllib.parse.unquote(match[0], errors="replace")
        return spelt if is_clean(spelt) else match[0]

    def code(match: re.Match[str]) -> str:
        spelt = chr(int(match[1], 16))
        return spelt if spelt.isalpha() else match[0]

    return _ESCAPED.sub(code, _PERCENT.sub(percent, html.unescape(text)))


@dataclass(frozen=True)
class _Terms:
    """What to look for: in the skeleton, in the text itself, and the scripts of the names."""

    pattern: re.Pattern[str] | None
    misread: tuple[str, ...]
    scripts: frozenset[str]


@functools.lru_cache(maxsize=64)
def _terms(who: Identity) -> _Terms:
    patterns: set[str] = set()
    misread: set[str] = set()
    # Names that could not be decoded are there in all ways that they may be meant, in any script.
    certain = all(is_clean(name) for name in who.names)
    for name in who.names:
        for group in name.split("="):
            words = _words(group)
            patterns |= _name_patterns(words)
            for word in words:
                misread.update(misread_forms(word))
    for number in who.numbers:
        patterns |= _number_patterns(number)
    patterns.discard("")
    # The longest first, and last what counts only where it stands alone.
    longest_first = sorted(patterns, key=lambda p: (p.startswith("(?"), -len(p), p))
    return _Terms(
        re.compile("|".join(longest_first)) if longest_first else None,
        tuple(sorted(misread, key=lambda form: (-len(form), form))),
        frozenset(script(c) for name in who.names for c in name) if certain else frozenset(),
    )


def _words(group: str) -> list[str]:
    """Split a component group of a name into words.

    At hyphens and the like only into long ones: the CT of a study's CRLM-CT-17 is no name.
    """
    words: list[str] = []
    for word in filter(None, _BETWEEN_WORDS.split(group)):
        parts = [part for part in _INSIDE_WORDS.split(word) if part]
        long = all(len(part) >= _ANYWHERE or is_syllabic(part[0]) for part in parts)
        words += parts if long else [word, *(part for part in parts if len(part) > _ANYWHERE)]
    return words


def _name_patterns(words: Sequence[str]) -> set[str]:
    """Return the patterns of one component group of a name (PS3.5, 6.2.1.1)."""
    patterns = {_word_pattern(spelling) for word in words for spelling in skeletons(word)}
    words = [skeleton(word).text.strip() for word in words]
    for count in range(2, min(len(words), _MOST_WORDS) + 1):
        for order in itertools.permutations(words[:_MOST_WORDS], count):
            joined = "".join(order)
            if len(joined) >= _ANYWHERE:
                patterns.add(_spaced(joined) if len(joined) >= _SPACED else " ?".join(order))
    # Family and given name can stand together without a mark, and be quoted one by one.
    together = "".join(words)
    if all(is_syllabic(c) for c in together):
        patterns |= {together[k : k + 2] for k in range(len(together) - 1)}
    return patterns


def _word_pattern(word: str) -> str:
    if any(is_syllabic(c) for c in word):
        return re.escape(word)
    if len(word) >= _SPACED:
        return _spaced(word)
    if len(word.replace(" ", "")) >= _ANYWHERE:
        return _escaped(word)
    return rf"(?<![^ ]){_escaped(word)}(?![^ ])"


def _number_patterns(number: str) -> set[str]:
    parts = skeleton(number).text.split()
    joined = "".join(parts).lstrip("0")
    if not joined:
        return set()
    if len(joined) < _ANYWHERE:
        return {rf"(?<![^ ])0*{_escaped(joined)}(?![^ ])"}
    # Marks of an ID are left out, and others put in; so are zeros in front.
    patterns = {"0*" + (_spaced(joined) if len(joined) >= _SPACED else _escaped(joined))}
    patterns.add(" ?".join(_escaped(part) for part in parts))
    lone = (match.lstrip("0") for match in _LONE_NUMBER.findall(number))
    return patterns | {rf"(?<!\d)0*{digits}(?!\d)" for digits in lone if len(digits) >= _ANYWHERE}


def _spaced(word: str) -> str:
    return " ?".join(re.escape(c) for c in word if c != " ")


def _escaped(word: str) -> str:
    return " ?".join(re.escape(part) for part in word.split())


def _without(text: str, pattern: re.Pattern[str]) -> str:
    """Replace what the pattern finds in the skeleton of a text, until it finds nothing more."""
    while True:
        reduced = skeleton(text)
        spans = [match.span() for match in pattern.finditer(reduced.text) if match[0].strip()]
        if not spans:
            return text
        letters = list(text)
        for start, end in spans:
            # To the last letter that went into the skeleton: two may have become one there.
            stop = reduced.places[end] if end < len(reduced.places) else len(text)
            for place in range(reduced.places[start], max(stop, reduced.places[end - 1] + 1)):
                letters[place] = " "
        text = "".join(letters)


def _comparable(character: str, known: frozenset[str]) -> bool:
    kind = script(character)
    if not kind or kind == "LATIN" or kind in known or character in _SIGNS:
        return True
    return kind in _COMPARED and (not known or bool(known & _COMPARED))


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value and not value.isspace()))
