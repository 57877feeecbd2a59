"""`slicer.i18n` in English."""

from __future__ import annotations


def tr(text):
    """The text itself; anything but a string raises, as it would not be translated."""
    if not isinstance(text, str):
        raise TypeError(f"Only text can be translated, not {text!r}.")
    return text


def translate(_context, text):
    """The text itself."""
    return tr(text)


def getContext(sourceFile):
    """Name of the source file without its ending."""
    from pathlib import Path

    return Path(sourceFile).stem
