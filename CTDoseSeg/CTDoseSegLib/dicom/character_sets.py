"""Text of DICOM elements by the character set that the file declares (PS3.5, 6.1, annexes H to K).

A byte that does not fit becomes U+FFFD, the replacement character, and an escape sequence that was
not declared stays: `is_clean` finds both, and nobody shows such a text.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator, Sequence

_ESCAPE = b"\x1b"
# What ends the effect of an escape sequence (PS3.5, 6.1.2.5.3); the last two in names alone.
_DELIMITERS = set(b"\t\n\f\r\\^=")
_LATIN = {"iso8859", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso_ir_148"}
# Words of these alphabets have no three letters in a row that are not of ASCII: two letters of a
# Chinese or Korean text are four such bytes.
_TOO_MANY = re.compile(r"[^\x00-\x7f]{3}")
# Control characters but white space, U+FFFD, and what has no character at all.
_UNCLEAN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff\ue000-\uf8ff]")
# In what bytes may be written whose declared character set is wrong or missing.
_GUESSES = (
    *("utf-8", "shift_jis", "euc_jp", "iso2022_jp_2", "gb18030", "euc_kr", "iso2022_kr", "big5"),
    *("cp1252", "iso8859_2", "cp1251", "koi8_r", "iso8859_5", "iso8859_7"),
)


def is_clean(text: str) -> bool:
    """Return whether a text was decoded without doubt and holds no control character."""
    return not _UNCLEAN.search(text)


def decode_text(raw: bytes, declared: Sequence[str]) -> str:
    r"""Decode the bytes of an element.

    Parameters
    ----------
    raw
        Of the whole element, with the backslashes between its values.
    declared
        Values of SpecificCharacterSet (0008,0005); empty where there are none.

    Returns
    -------
    str
        Not clean where bytes and character set do not fit.

    Examples
    --------
    >>> decode_text(b"\x1b$B6;It\x1b(B", ["", "ISO 2022 IR 87"])
    '胸部'
    >>> is_clean(decode_text(b"Sch\xe4del", []))
    False
    """
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    encodings = _encodings(declared)
    if encodings[0] in _LATIN and _ESCAPE not in raw:
        # Bytes that are UTF-8 by accident hardly exist, and files that are it without a word do.
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
        if encodings[0] == "iso8859":  # that of files that declare none, which is ASCII
            return raw.decode("ascii", "replace")
    text = _decoded(raw, encodings)
    if encodings[0] in _LATIN and _ESCAPE not in raw and _TOO_MANY.search(text):
        return raw.decode("ascii", "replace")
    return text


def possible_texts(raw: bytes, declared: Sequence[str]) -> tuple[str, ...]:
    """Return all that bytes may mean: one text where it is clean, else one for each coding.

    For names and IDs, which are to be recognised and never shown.
    """
    text = decode_text(raw, declared)
    if is_clean(text):
        try:  # UTF-8 that was encoded twice
            return tuple(dict.fromkeys((text, text.encode("latin-1").decode("utf-8"))))
        except UnicodeError:
            return (text,)
    texts = [text]
    for encoding in _GUESSES:
        try:
            texts.append(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return tuple(dict.fromkeys(texts))


def misread_forms(word: str) -> tuple[str, ...]:
    """Return how a word looks whose bytes were taken for those of another character set.

    Examples
    --------
    >>> "MÃ¼ller" in misread_forms("Müller")
    True
    """
    if word.isascii():
        return ()
    forms = []
    for encoding in _GUESSES:
        try:
            raw = word.encode(encoding)
        except UnicodeEncodeError:
            continue
        # The bytes of Japanese and Korean also without the escape sequences around them.
        bare = re.sub(rb"\x1b\$?[()]?[A-Z@]|\x1b\.[A-Z]|[\x0e\x0f]", b"", raw)
        forms += [bare.decode(reading, "ignore") for reading in ("latin-1", "cp1252", "ascii")]
    return tuple(dict.fromkeys(f for f in forms if len(f.strip()) >= 3 and f != word))


def _encodings(declared: Sequence[str]) -> list[str]:
    from pydicom.charset import convert_encodings

    with _quiet():
        try:
            return convert_encodings([value.strip() for value in declared] or None)
        except LookupError:
            return ["iso8859"]


def _decoded(raw: bytes, encodings: Sequence[str]) -> str:
    from pydicom.charset import decode_bytes

    with _quiet():
        try:
            return decode_bytes(raw, encodings, _DELIMITERS)
        except (UnicodeError, LookupError, ValueError):
            return raw.decode("ascii", "replace")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom's warnings off the terminal: what they are about is seen in the text."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before
