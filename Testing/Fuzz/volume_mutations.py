"""Mutations of NIfTI and NRRD volumes: header fields, bytes, length, compression."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np

AFFINE = np.array([[-8.0, 0, 0, 190], [0, -8, 0, 190], [0, 0, 5, 100], [0, 0, 0, 1]])
# Offset, type and name of NIfTI-1's fields that a reader uses (nifti1.h).
FIELDS = (
    *((40 + 2 * n, "h", f"dim[{n}]") for n in range(8)),
    *((70, "h", "datatype"), (72, "h", "bitpix")),
    *((76 + 4 * n, "f", f"pixdim[{n}]") for n in range(4)),
    *((108, "f", "vox_offset"), (112, "f", "scl_slope"), (116, "f", "scl_inter")),
    *((123, "B", "xyzt_units"), (252, "h", "qform_code"), (254, "h", "sform_code")),
    *((256 + 4 * n, "f", f"quatern[{n}]") for n in range(3)),
    *((280 + 4 * n, "f", f"srow[{n}]") for n in range(12)),
    (344, "I", "magic"),
)
VALUES = (0, 1, -1, 2, 3, 7, 16, 64, 255, 1000, 30000, -30000)
REALS = (0.0, -1.0, 2.0, 1e9, -1e9, 1e-9, float("nan"), float("inf"), 0.5)
NRRD = (
    "NRRD0005", "type: short", "dimension: 3", "space: left-posterior-superior",
    "sizes: 48 48 6", "space directions: (8,0,0) (0,8,0) (0,0,5)", "kinds: domain domain domain",
    "endian: little", "encoding: raw", "space origin: (-190,-190,100)",
)  # fmt: skip
WORDS = ("", "none", "nan", "-8", "0", "1e9", "double", "4", "(8,0,0)", "(0,0,0)", "big", "gzip")


def voxels() -> np.ndarray:
    """Return a body in air, int16 [k, j, i]."""
    hu = np.full((6, 48, 48), -1000, np.int16)
    hu[:, 8:40, 6:42] = 40
    hu[:, 16:30, 12:20] = -750
    return hu


def nifti_bytes() -> bytes:
    image = nibabel.Nifti1Image(voxels().T, AFFINE)
    image.header.set_xyzt_units("mm")
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 1)
    return image.to_bytes()


def nrrd_bytes(lines: tuple[str, ...] = NRRD) -> bytes:
    return "\n".join([*lines, "", ""]).encode() + voxels().tobytes()


def mutate_nifti(rng: np.random.Generator, data: bytes, path: Path) -> str:
    """Write a mutated NIfTI file to `path`; returns what was done."""
    way = int(rng.integers(5))
    changed = bytearray(data)
    if way <= 1:
        offset, kind, name = FIELDS[rng.integers(len(FIELDS))]
        values = REALS if kind == "f" else VALUES
        value = values[rng.integers(len(values))]
        if kind in "BI":
            value %= 256
        struct.pack_into(f"<{kind}", changed, offset, value)
        words = f"{name}={value}"
    elif way == 2:
        place = int(rng.integers(0, 352))
        changed[place] ^= 1 << int(rng.integers(8))
        words = f"bit flipped at {place}"
    elif way == 3:
        length = int(rng.integers(0, len(data)))
        changed, words = changed[:length], f"cut after {length}"
    else:
        place = int(rng.integers(0, 352))
        more = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), dtype=np.uint8))
        changed[place:place] = more
        words = f"{len(more)} inserted at {place}"
    packed = bytes(changed)
    if path.name.endswith(".gz"):
        packed = gzip.compress(packed, 1, mtime=0)
        if rng.integers(4) == 0:
            place = int(rng.integers(0, len(packed)))
            packed = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
            words += f", gzip damaged at {place}"
    path.write_bytes(packed)
    return words


def mutate_nrrd(rng: np.random.Generator, path: Path) -> str:
    """Write a mutated NRRD file to `path`; returns what was done."""
    lines = list(NRRD)
    way = int(rng.integers(5))
    n = int(rng.integers(1, len(lines)))
    if way == 0:
        words = f"without {lines.pop(n)!r}"
    elif way == 1:
        word = WORDS[rng.integers(len(WORDS))]
        lines[n] = f"{lines[n].split(':')[0]}: {word}"
        words = lines[n]
    elif way == 2:
        field, _, value = lines[n].partition(": ")
        parts = value.split(" ")
        parts[rng.integers(len(parts))] = WORDS[rng.integers(len(WORDS))]
        lines[n] = f"{field}: {' '.join(parts)}"
        words = lines[n]
    elif way == 3:
        data = nrrd_bytes()
        length = int(rng.integers(0, len(data)))
        path.write_bytes(data[:length])
        return f"cut after {length}"
    else:
        data = bytearray(nrrd_bytes())
        # Not a digit: another one is the number that stands there.
        places = [n for n in range(200) if not chr(data[n]).isdigit()]
        place = places[rng.integers(len(places))]
        data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))
        return f"bit flipped at {place}"
    path.write_bytes(nrrd_bytes(tuple(lines)))
    return words
