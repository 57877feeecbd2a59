"""The needed tags of one slice, as read from its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# In `Header.problems` where the pixels are fewer than their element states.
PIXELS = "PixelData"


@dataclass(frozen=True)
class Header:
    """The needed tags of one slice (one frame of a multi-frame file).

    Attributes
    ----------
    path
        File of the slice.
    values
        Keyword to a tuple of floats (numbers) or strings (everything else); absent and empty
        values are not in it. Sequences are tuples of such mappings.
    transfer_syntax
        UID, as written in the file's meta group (implicit little endian where there is none).
    pixel_offset, pixel_bytes
        Where the uncompressed pixels of this slice start in the file, None where they must be
        decoded; and how many bytes of them the file has.
    frame
        Index of the frame in its file.
    problems
        Keywords whose values could not be read.
    file_number
        Place of the file in the order of reading, from 1; 0 where it was not counted.
    """

    path: str
    values: Mapping[str, Any]
    transfer_syntax: str
    pixel_offset: int | None = None
    pixel_bytes: int = 0
    frame: int = 0
    problems: tuple[str, ...] = field(default=())
    file_number: int = 0

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return os.path.basename(self.path)

    def text(self, keyword: str) -> str:
        """Return all values joined by a backslash, empty where absent."""
        return "\\".join(str(v) for v in self.values.get(keyword, ()))

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return all values of a text tag."""
        return self.values.get(keyword, ())

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return all values of a number tag."""
        return self.values.get(keyword, ())

    def number(self, keyword: str) -> float | None:
        """Return the first value, None where absent."""
        values = self.values.get(keyword, ())
        return values[0] if values else None

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return the first value as a whole number."""
        value = self.number(keyword)
        return default if value is None else int(value)
