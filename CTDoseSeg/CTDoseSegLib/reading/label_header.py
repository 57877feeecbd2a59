"""The label table that TotalSegmentator writes into a NIfTI file, so that names are the file's own.

It is an extension of the header (NIfTI-1, ecode 0), in the XML of Caret's label tables. Version 1
and version 2 number their labels differently; this table shows which it was.
"""

from __future__ import annotations

import gzip
import html
import re
import struct
from pathlib import Path

HEADER_BYTES = 348
LARGEST_BYTES = 1 << 20
# Read by its pattern: an XML parser would carry out what a prepared file defines.
_LABEL = re.compile(
    r'<Label\s[^>]*?Key="(\d{1,5})"[^>]*>(?:<!\[CDATA\[([^\]<]{1,200})\]\]>|([^<]{1,200}))</Label>'
)


def header_rows(path: Path) -> list[dict[str, str]]:
    """Read rows of ``value`` and ``name``; none where the file has no such table."""
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return []
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as stream:
            start = stream.read(HEADER_BYTES + 4)
            order = "<" if struct.unpack_from("<i", start)[0] == HEADER_BYTES else ">"
            offset = int(struct.unpack_from(f"{order}f", start, 108)[0])
            if start[HEADER_BYTES] == 0 or not HEADER_BYTES < offset < LARGEST_BYTES:
                return []
            text = stream.read(offset - len(start)).decode("utf-8", "replace")
    except (OSError, EOFError, struct.error, ValueError, OverflowError, IndexError):
        return []  # the reader of the voxels reports what is wrong
    rows: dict[str, str] = {}
    for value, name, plain in _LABEL.findall(text):
        rows.setdefault(value, html.unescape(name or plain).strip())
    return [{"value": value, "name": name} for value, name in rows.items()]
