"""Whether a DICOM file is whole, which pydicom does not check."""

from __future__ import annotations

import struct

# VRs whose length has four bytes (PS3.5, 7.1.2).
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_UNDEFINED = 0xFFFFFFFF


def is_cut_off(content: bytes) -> bool:
    """Return whether a DICOM file ends before its data elements do.

    pydicom takes a value that the end of the file cuts short as it is: a DLP of 155.97 would be
    read as 155.9 or 15. Every element with a length must lie within what holds it; one without is
    followed to its end mark (PS3.5, 7.5). Deflated files have a checksum of their own.
    """
    position = 132 if content[128:132] == b"DICM" else 0
    syntax = b""
    while content[position : position + 2] == b"\x02\x00":
        head, length = _head(content, position, True, "<")
        value = content[position + head : position + head + length]
        if content[position + 2 : position + 4] == b"\x10\x00":
            syntax = value.strip(b"\0 ")
        position += head + length
    if syntax == b"1.2.840.10008.1.2.1.99":
        return False
    order = ">" if syntax == b"1.2.840.10008.1.2.2" else "<"
    # Some files name one syntax and are written in the other: the VR shows which.
    explicit = content[position + 4 : position + 6].isalpha()
    try:
        return _walk(content, position, len(content), explicit, order) != len(content)
    except (struct.error, EOFError):
        return True


def _walk(content: bytes, position: int, end: int, explicit: bool, order: str) -> int:
    """Return the position after the elements from `position` on, up to an end mark or `end`."""
    while position < end:
        tag = struct.unpack_from(f"{order}HH", content, position)
        if tag in ((0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)):
            return position + 8
        if tag == (0, 0):  # padding after the end, no element
            return end
        # Items have no VR.
        head, length = _head(content, position, explicit and tag[0] != 0xFFFE, order)
        if length == _UNDEFINED:
            position = _walk(content, position + head, end, explicit, order)
            if struct.unpack_from(f"{order}H", content, position - 8)[0] != 0xFFFE:
                raise EOFError
        else:
            position += head + length
        if position > end:
            raise EOFError
    return position


def _head(content: bytes, position: int, explicit: bool, order: str) -> tuple[int, int]:
    """Return the number of bytes before the value, and of the value."""
    if not explicit:
        return 8, struct.unpack_from(f"{order}I", content, position + 4)[0]
    if content[position + 4 : position + 6] in _LONG:
        return 12, struct.unpack_from(f"{order}I", content, position + 8)[0]
    return 8, struct.unpack_from(f"{order}H", content, position + 6)[0]
