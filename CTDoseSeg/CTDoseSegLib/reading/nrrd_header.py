"""What a NRRD header has of the voxel size; ITK takes 1 mm where it has nothing, without a word.

Fields as in the definition of NRRD file format (teem.sourceforge.net/nrrd/format.html): either
``space directions`` with a ``space``, or ``spacings`` alone; ``space units`` name the unit.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from ..errors import GeometryError, InputError
from ..flags import Flag, flag
from .image import two_sizes

LARGEST_BYTES = 1 << 20
# Bytes of a voxel by the names of its type.
_BYTES = {
    **dict.fromkeys(("int8", "signed char", "uint8", "uchar", "unsigned char"), 1),
    **dict.fromkeys(("short", "int16", "short int", "signed short", "int16_t"), 2),
    **dict.fromkeys(("ushort", "uint16", "unsigned short", "uint16_t"), 2),
    **dict.fromkeys(("int", "int32", "uint", "uint32", "unsigned int", "float"), 4),
    **dict.fromkeys(("double", "int64", "uint64", "longlong", "ulonglong"), 8),
}
_MM = {"mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "centimeter": 10.0}
_MM |= {"m": 1000.0, "meter": 1000.0, "metre": 1000.0, "um": 1e-3, "micron": 1e-3, "": 1.0}


def check_nrrd(path: Path) -> tuple[float, tuple[Flag, ...]]:
    """Compare what a NRRD header states of the voxel size.

    Parameters
    ----------
    path
        ``.nrrd`` or ``.nhdr``.

    Returns
    -------
    scale : float
        Millimetres in one of the file's units of length.
    flags : tuple of Flag
        What is in doubt.

    Raises
    ------
    InputError
        If the file cannot be read, has no NRRD header, or other sizes than it states.
    GeometryError
        If the header has no voxel size, or two, or an unknown unit.
    """
    fields, header_bytes = nrrd_fields(path)
    _check_sizes(path, fields, header_bytes)
    vectors = _vectors(fields.get("space directions", ""))
    spacings = _numbers(fields.get("spacings", ""))
    lengths = np.array([math.hypot(*v) for v in vectors])
    if len(lengths) < 3 and len(spacings) < 3:
        raise GeometryError(
            f"{path.name}: no voxel size in its header (neither space directions nor spacings); "
            "write the file again with its spacing in mm."
        )
    unit, scale = _unit(fields, path.name)
    if len(lengths) == len(spacings) == 3 and (
        words := two_sizes(lengths * scale, spacings * scale, "space directions", "spacings")
    ):
        raise GeometryError(
            f"{path.name}: its header has two voxel sizes, {words}; write the file again with one."
        )
    flags = []
    if not vectors:
        flags.append(flag("orientation_unknown", "spacings without space directions; taken as LPS"))
    if scale != 1:
        flags.append(flag("unit_converted", f"{unit}, a factor of {scale:g} to mm"))
    return scale, tuple(flags)


def nrrd_fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields and key/value pairs of a NRRD header, fields in lower case, and its bytes.

    Raises
    ------
    InputError
        If the file cannot be read or has no NRRD header.
    """
    try:
        with path.open("rb") as file:
            start = file.read(LARGEST_BYTES)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror}).") from error
    if not start.startswith(b"NRRD"):
        raise InputError(f"{path.name}: not a readable NRRD file, or cut off; write it again.")
    end = re.search(rb"\r?\n\r?\n", start)
    header_bytes = end.end() if end else len(start)
    header = start[:header_bytes].decode("utf-8", "replace")
    fields: dict[str, str] = {}
    for line in header.splitlines()[1:]:
        if line.startswith("#"):
            continue
        # "field: value" is NRRD's own, "key:=value" the user's.
        if (own := re.match(r"([^:=]+):(?!=)\s*(.*)", line)) is not None:
            fields[own[1].strip().lower()] = own[2].strip()
        elif ":=" in line:
            key, value = line.split(":=", 1)
            fields[key] = value
    return fields, header_bytes


def _check_sizes(path: Path, fields: dict[str, str], header_bytes: int) -> None:
    """Refuse sizes that are no numbers, and raw voxels that are a slice more than stated.

    ITK reads as many as the header states, and reports where there are fewer.
    """
    sizes = fields.get("sizes", "").split()
    if not sizes or not all(size.isdecimal() and int(size) for size in sizes):
        raise InputError(
            f"{path.name}: the sizes in its header are {fields.get('sizes')!r}; write it again."
        )
    size = _BYTES.get(fields.get("type", "").lower())
    if fields.get("encoding", "").lower() != "raw" or size is None:
        return
    if {"data file", "datafile", "line skip", "byte skip"} & fields.keys():
        return
    stated = size * math.prod(int(n) for n in sizes)
    more = path.stat().st_size - header_bytes - stated
    if more >= stated / int(sizes[-1]):
        raise InputError(
            f"{path.name}: it holds more voxels than the sizes in its header; write it again."
        )


def _vectors(text: str) -> list[list[float]]:
    """Return the space directions of the axes that have one; ``none`` is an axis without."""
    return [_numbers(inner).tolist() for inner in re.findall(r"\(([^)]*)\)", text)]


def _numbers(text: str) -> np.ndarray:
    """Return the finite numbers of a list with commas or blanks; NaN is an axis without spacing."""
    values = []
    for word in re.split(r"[\s,]+", text.strip()):
        try:
            values.append(float(word))
        except ValueError:
            continue
    return np.array([v for v in values if math.isfinite(v) and v != 0])


def _unit(fields: dict[str, str], name: str) -> tuple[str, float]:
    text = fields.get("space units") or fields.get("units", "")
    units = set(re.findall(r'"([^"]*)"', text)) - {""}
    known = {unit for unit in units if unit.strip().lower() in _MM}
    if len(units) > 1 or known != units:
        raise GeometryError(
            f"{name}: its header has the units of length {', '.join(sorted(units))}; write the "
            "file again in mm."
        )
    unit = units.pop() if units else ""
    return unit, _MM[unit.strip().lower()]
