"""Writing NIfTI-1 with the affine as it is.

ITK's writer, which SimpleITK uses, makes a sheared affine orthogonal and reports no error when
the disk is full; a volume in a wrong place or cut short must not look like a result. This one
needs numpy and zlib alone.
"""

from __future__ import annotations

import gzip
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np

DATA_TYPES = {"uint8": (2, 8), "int16": (4, 16), "float32": (16, 32), "uint16": (512, 16)}
HEADER_BYTES = 352
# ITK takes an affine for orthogonal up to about this; beyond it only the sform is right.
ORTHOGONAL = 1e-4


def write_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    """Write a volume as NIfTI-1; the same input gives the same bytes.

    Parameters
    ----------
    path
        File to write: ``.nii.gz``, compressed, or ``.nii``.
    voxels
        [k, j, i], uint8, int16, uint16 or float32.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm. Sheared ones are stored in the sform alone.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the array has another type or number of axes.
    OSError
        If the file cannot be written whole.
    """
    if voxels.ndim != 3 or voxels.dtype.name not in DATA_TYPES:
        raise ValueError(f"not a volume of a NIfTI type: {voxels.dtype} {voxels.shape}")
    stored_type = voxels.dtype.newbyteorder("<")
    with ExitStack() as stack:
        file = stack.enter_context(path.open("wb"))
        stream: BinaryIO | gzip.GzipFile = file
        if path.name.endswith(".gz"):
            stream = stack.enter_context(gzip.GzipFile("", "wb", 3, file, mtime=0))
        stream.write(_header(voxels, np.asarray(affine, float)))
        for plane in voxels:
            stream.write(np.ascontiguousarray(plane, stored_type).tobytes())
    return path


def _header(voxels: np.ndarray, affine: np.ndarray) -> bytes:
    # Field offsets: NIfTI-1 standard, nifti1.h (Data Format Working Group, 2004).
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    rotation = affine[:3, :3] / spacing
    handedness = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    orthogonal = np.abs(rotation.T @ rotation - np.eye(3)).max() < ORTHOGONAL
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, *DATA_TYPES[voxels.dtype.name])
    struct.pack_into("<8f", header, 76, handedness, *spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, HEADER_BYTES, 1.0, 0.0)
    header[123] = 2  # millimetres
    struct.pack_into("<2h", header, 252, int(orthogonal), 1)
    if orthogonal:
        proper = rotation * (1.0, 1.0, handedness)
        struct.pack_into("<6f", header, 256, *_quaternion(proper), *affine[:3, 3])
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)


def _quaternion(rotation: np.ndarray) -> np.ndarray:
    """Return b, c, d of the unit quaternion (a >= 0) of a proper rotation.

    The quaternion is the eigenvector of the largest eigenvalue of a symmetric matrix (Bar-Itzhack,
    2000): exact for half turns as well, which are the common case here.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    largest = np.linalg.eigh(matrix)[1][:, -1]
    return largest[1:] if largest[0] >= 0 else -largest[1:]
