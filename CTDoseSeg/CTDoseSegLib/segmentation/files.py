"""Label maps as files: segmentation.nii.gz with labels.csv and groups.csv."""

from __future__ import annotations

import csv
import gzip
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import OutputError
from .labelmap import Labelmap

IMAGE, LABELS, GROUPS = "segmentation.nii.gz", "labels.csv", "groups.csv"


def write_labelmap(labelmap: Labelmap, folder: str | Path) -> tuple[Path, Path, Path]:
    """Write `labelmap` into `folder`; each file appears whole or not at all.

    Returns the paths of segmentation.nii.gz, labels.csv (value, name, snomed_code, color, origin)
    and groups.csv (group, atom).

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    folder = Path(folder)
    rows = [(a.value, a.name, a.snomed_code, a.color, a.origin) for a in labelmap.atoms]
    members = [(group, name) for group, names in labelmap.groups.items() for name in names]
    header = ("value", "name", "snomed_code", "color", "origin")
    return (
        _whole(folder / IMAGE, lambda file: write_nifti(file, labelmap.labels, labelmap.affine)),
        _whole(folder / LABELS, lambda file: file.write(_csv(header, rows))),
        _whole(folder / GROUPS, lambda file: file.write(_csv(("group", "atom"), members))),
    )


def write_nifti(file: IO[bytes], labels: np.ndarray, affine: np.ndarray) -> None:
    """Write labels [k, j, i] as compressed NIfTI-1 with `affine` (IJK to RAS) as its sform.

    By hand, as the format's header is small, and ITK refuses sheared grids. The quaternion form
    is written too where the axes are orthogonal, for readers that prefer it.
    """
    size = np.linalg.norm(affine[:3, :3], axis=0)
    header = bytearray(352)
    code, bits = {np.dtype(np.uint8): (2, 8), np.dtype(np.uint16): (512, 16)}[labels.dtype]
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *labels.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, code, bits)
    form = _quaternion(affine[:3, :3] / size)
    handed = -1.0 if np.linalg.det(affine[:3, :3]) < 0 else 1.0
    struct.pack_into("<8f", header, 76, handed, *size, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352.0, 1.0, 0.0)
    header[123] = 2  # units: mm
    struct.pack_into("<2h", header, 252, 0 if form is None else 1, 1)
    struct.pack_into("<6f", header, 256, *(form or (0, 0, 0)), *affine[:3, 3])
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=4, mtime=0) as packed:
        packed.write(bytes(header))
        for image in labels.astype(labels.dtype.newbyteorder("<"), copy=False):
            packed.write(np.ascontiguousarray(image).data)


def _quaternion(axes: np.ndarray) -> tuple[float, float, float] | None:
    """Quaternion b, c, d of orthogonal `axes` (NIfTI-1: third column negated if left-handed)."""
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-6:
        return None
    r = axes * (1.0, 1.0, np.sign(np.linalg.det(axes)))
    # Eigenvector of the 4 x 4 form of the rotation: stable for every angle, 180 degrees too.
    form = np.array(
        [
            [np.trace(r), r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [0, r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]],
            [0, 0, r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1]],
            [0, 0, 0, r[2, 2] - r[0, 0] - r[1, 1]],
        ]
    )
    q = np.linalg.eigh(form, UPLO="U")[1][:, -1]
    q = q if q[0] >= 0 else -q
    return tuple(float(v) for v in q[1:])


def _csv(header: tuple[str, ...], rows: list[tuple]) -> bytes:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return "".join(lines).encode("utf-8")


class _Lines(list):
    """A list that csv can write to."""

    write = list.append


def _whole(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Write beside, then rename, so that a reader never sees half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            write(file)
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise OutputError(
            f"{path.name} cannot be written ({error.strerror}): choose another output folder or "
            "free some space."
        ) from error
    return path
