"""What ITK's NIfTI reader accepts without an error: cut-off files, voxels that are no numbers."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import InputError, PixelDataError

_BLOCK = 1 << 22
_FLOATS = {16: "f4", 64: "f8"}  # NIfTI's codes of data types


@dataclass(frozen=True)
class _Header:
    """Byte order, length of the file by its header, and where and what the voxels are."""

    order: str
    length: int
    offset: int
    data_type: int


def check_nifti(path: Path) -> None:
    """Refuse a NIfTI file that ITK would read as something else than what it is.

    ITK fills the voxels that are missing at the end of a file with 0, and replaces NaN and
    infinity by 0: water in a CT, background in a label map. A file without a NIfTI header is left
    to ITK, which reports it.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.

    Raises
    ------
    InputError
        If the file is shorter than its header states, or not readable.
    PixelDataError
        If it has voxels that are not finite.
    """
    packed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if packed else open(path, "rb") as file:
            start = file.read(540)
            header = _read_header(start)
            if header is None:
                return
            if header.data_type in _FLOATS or (
                packed and _gzip_length(path) != header.length % 2**32
            ):
                length = _read_through(file, start, header, path.name)
            else:
                length = header.length if packed else path.stat().st_size
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path.name}: not a readable NIfTI file, or cut off; write it again."
        ) from error
    if length < header.length:
        raise InputError(
            f"{path.name}: cut off after {length} of {header.length} bytes; copy or export it "
            "again."
        )


def _read_header(start: bytes) -> _Header | None:
    """Read the header of NIfTI-1 or -2; None if it is neither."""
    for order in "<>":
        try:
            size = struct.unpack_from(f"{order}i", start)[0]
            if size == 348:
                sizes = struct.unpack_from(f"{order}8h", start, 40)
                data_type, bits = struct.unpack_from(f"{order}2h", start, 70)
                offset = int(struct.unpack_from(f"{order}f", start, 108)[0])
            elif size == 540:
                sizes = struct.unpack_from(f"{order}8q", start, 16)
                data_type, bits = struct.unpack_from(f"{order}2h", start, 12)
                offset = struct.unpack_from(f"{order}q", start, 168)[0]
            else:
                continue
        except (struct.error, ValueError, OverflowError):
            return None
        voxels = math.prod(max(1, n) for n in sizes[1 : 1 + max(0, sizes[0])])
        return _Header(order, offset + voxels * bits // 8, offset, data_type)
    return None


def _read_through(file: BinaryIO | gzip.GzipFile, start: bytes, header: _Header, name: str) -> int:
    """Return the bytes that the file really has; its voxels are checked if they are floats."""
    length, rest = len(start), start[header.offset :] if header.offset >= 0 else b""
    kind = _FLOATS.get(header.data_type)
    skip = max(0, header.offset - len(start))
    while block := file.read(_BLOCK):
        length += len(block)
        if kind is None:
            continue
        block, skip = block[skip:], max(0, skip - len(block))
        block = rest + block
        whole = len(block) // np.dtype(kind).itemsize * np.dtype(kind).itemsize
        if not np.isfinite(np.frombuffer(block[:whole], f"{header.order}{kind}")).all():
            raise PixelDataError(
                f"{name}: it has values that are not numbers (NaN or infinite); write -1000 where "
                "there is no image."
            )
        rest = block[whole:]
    return length


def _gzip_length(path: Path) -> int:
    """Return the unpacked length modulo 2^32 of the last member of a gzip file (RFC 1952)."""
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        return struct.unpack("<I", file.read(4))[0]
