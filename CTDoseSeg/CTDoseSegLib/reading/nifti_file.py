"""NIfTI files as nibabel reads them, with their fields for the voxel size compared.

A header may state the voxel size three times: in pixdim, in the rows of the sform, and by the
unit. Programs read one or another, so a file whose fields disagree has no size that could be
trusted (NIfTI-1 standard, nifti1.h, methods 1 to 3; Data Format Working Group, 2004).
"""

from __future__ import annotations

import contextlib
import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from ..errors import DependencyError, GeometryError, InputError
from ..flags import Flag, flag
from .image import Image, two_sizes

SUFFIXES = (".nii", ".nii.gz")
LARGEST_BYTES = 1 << 36
# In `Image.fields` where the header scales the values.
SCALING = "scaling"
_MM = {"mm": 1.0, "meter": 1000.0, "micron": 1e-3, "unknown": 1.0}
_TURNED = float(np.cos(np.radians(1.0)))


def is_nifti(path: Path) -> bool:
    """Return whether a file has a name of NIfTI files."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti(path: Path) -> Image:
    """Read a NIfTI file.

    nibabel reads the header. The voxels are read here, to the very end of the file: only there a
    compressed file shows that it is damaged, and a header with too few voxels that it is wrong.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    Image

    Raises
    ------
    InputError
        If the file cannot be read, is cut off or holds more than its header states.
    GeometryError
        If its header has no voxel size, or two.
    DependencyError
        If nibabel is missing.
    """
    with _reading(path), _opened(path) as file:
        header = _header(file)
        affine, flags = _affine(header, path.name)
        slope, intercept = _scaling(header)
        voxels = _voxels(file, header, slope, intercept)
        # Some programs pad the end; a whole slice more is none.
        if sum(len(block) for block in iter(lambda: file.read(1 << 20), b"")) >= voxels[0].nbytes:
            raise ValueError("more slices than the header states")
    values = len(voxels.dtype.names) if voxels.dtype.names else 1
    plain = (slope, intercept) == (1, 0)
    fields = {} if plain else {SCALING: f"slope {slope:g}, intercept {intercept:g}"}
    return Image(voxels, affine, voxels.ndim, values, flags, fields)


def nifti_type(path: Path) -> str:
    """Return the type of stored voxels as numpy names it; empty where the file cannot be read."""
    try:
        with _reading(path), _opened(path) as file:
            return str(_header(file).get_data_dtype().name)
    except (InputError, DependencyError):  # `analyze` names what is missing
        return ""


def nifti_extensions(path: Path) -> list[str]:
    """Return the texts of a header's extensions; none where the file cannot be read."""
    try:
        with _reading(path), _opened(path) as file:
            extensions = _header(file).extensions
    except InputError:
        return []
    contents = [extension.get_content() for extension in extensions]
    return [c.decode("utf-8", "replace") if isinstance(c, bytes) else str(c) for c in contents]


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into an InputError; keep nibabel off standard error."""
    nibabel = _nibabel()
    logger = nibabel.imageglobals.logger
    was, logger.disabled = logger.disabled, True
    damaged = (OSError, EOFError, ValueError, OverflowError, KeyError, struct.error, zlib.error)
    try:
        yield
    except (
        *damaged,
        nibabel.spatialimages.HeaderDataError,
        nibabel.wrapstruct.WrapStructError,
    ) as error:
        raise InputError(
            f"{path.name}: not a readable NIfTI file, cut off or damaged; copy or write it again."
        ) from error
    finally:
        logger.disabled = was


def _opened(path: Path) -> BinaryIO:
    packed = path.name.lower().endswith(".gz")
    return cast(BinaryIO, gzip.open(path, "rb") if packed else open(path, "rb"))


def _header(file: BinaryIO) -> Any:
    """Return the header as it is in the file: nibabel's check puts 1 mm where pixdim is 0."""
    nibabel = _nibabel()
    start = file.read(4)
    file.seek(0)
    sizes = {struct.unpack(f"{order}i", start)[0] for order in "<>"}
    kinds = {348: nibabel.Nifti1Header, 540: nibabel.Nifti2Header}
    kind = next((kinds[size] for size in sizes if size in kinds), None)
    if kind is None:
        raise ValueError("no NIfTI header")
    header = kind.from_fileobj(file, check=False)
    if bytes(header["magic"])[:3] not in (b"n+1", b"n+2"):
        raise ValueError("header and voxels are not in one file")
    return header


def _scaling(header: Any) -> tuple[float, float]:
    """Return slope and intercept; 1 and 0 where the header has none."""
    slope, intercept = header.get_slope_inter()
    return (1.0, 0.0) if slope is None else (float(slope), float(intercept or 0.0))


def _voxels(file: BinaryIO, header: Any, slope: float, intercept: float) -> np.ndarray:
    """Return voxels [..., k, j, i]; whole numbers stay so where the header does not scale them."""
    shape, kind = header.get_data_shape(), header.get_data_dtype()
    offset = int(header["vox_offset"])
    if not shape or min(shape) < 1 or int(header["bitpix"]) != 8 * kind.itemsize:
        raise ValueError("sizes or types that contradict one another")
    if math.prod(shape) * kind.itemsize > LARGEST_BYTES or not header.sizeof_hdr <= offset < 2**24:
        raise ValueError("sizes that no CT has")
    file.seek(offset)
    voxels = np.empty(shape[::-1], kind)
    view, done = memoryview(voxels.data).cast("B"), 0
    while done < len(view):
        read = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not read:
            raise EOFError
        done += read
    if kind.names:
        return voxels
    voxels = voxels.astype(kind.newbyteorder("="), copy=False)
    if (slope, intercept) == (1, 0):
        return voxels
    return np.asarray(voxels * np.float64(slope) + np.float64(intercept), np.float32)


def _affine(header: Any, name: str) -> tuple[np.ndarray, tuple[Flag, ...]]:
    """Return the affine to RAS in mm, and what is in doubt about it."""
    unit, scale = _unit(header, name)
    pixdim = np.abs(np.array(header["pixdim"][1:4], float))
    if not np.isfinite(pixdim).all():
        raise GeometryError(f"{name}: pixdim is not a number; write the file again.")
    sform, qform = _sform(header, name), _qform(header)
    if sform is None and not pixdim.all():
        raise GeometryError(
            f"{name}: no voxel size in its header (pixdim is 0); write the file again with its "
            "spacing in mm."
        )
    if sform is not None and pixdim.all():
        lengths = np.linalg.norm(sform[:3, :3], axis=0)
        if words := two_sizes(lengths * scale, pixdim * scale, "sform", "pixdim"):
            raise GeometryError(
                f"{name}: its header has two voxel sizes, {words}; write the file again with one."
            )
    flags: list[Flag] = []
    if sform is not None and qform is not None:
        flags += _frames(sform, qform)
    if sform is None and qform is None:
        flags.append(flag("orientation_unknown", "no sform and no qform; taken as RAS"))
    chosen = next((a for a in (sform, qform) if a is not None), np.diag([*pixdim, 1.0]))
    if unit not in ("mm", "unknown"):
        flags.append(flag("unit_converted", f"{unit}, a factor of {scale:g} to mm"))
    return np.diag([scale, scale, scale, 1.0]) @ np.asarray(chosen, float), tuple(flags)


def _unit(header: Any, name: str) -> tuple[str, float]:
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError as error:
        raise GeometryError(
            f"{name}: its header has an unknown unit of length; write the file again in mm."
        ) from error
    return unit, _MM[unit]


def _sform(header: Any, name: str) -> np.ndarray | None:
    """Return the sform; None where its code marks it as not set."""
    affine, code = header.get_sform(coded=True)
    if not code:
        return None
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise GeometryError(
            f"{name}: its sform spans no volume, an axis has no length or two are parallel; write "
            "the file again."
        )
    return np.asarray(affine, float)


def _qform(header: Any) -> np.ndarray | None:
    """Return the qform; None where it is not set or no rotation."""
    from nibabel.spatialimages import HeaderDataError

    try:
        affine, code = header.get_qform(coded=True)
    except (ValueError, HeaderDataError):
        return None
    if not code or not np.isfinite(affine).all():
        return None
    return np.asarray(affine, float)


def _frames(sform: np.ndarray, qform: np.ndarray) -> list[Flag]:
    """Flag sform and qform that put the volume elsewhere; the sizes were compared before."""
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        return [flag("orientation_disagrees", "one is the mirror image of the other")]
    cosines = [
        float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        for a, b in zip(sform[:3, :3].T, qform[:3, :3].T, strict=True)
    ]
    if min(cosines) < _TURNED:
        angle = float(np.degrees(np.arccos(max(-1.0, min(cosines)))))
        return [flag("orientation_disagrees", f"an axis differs by {angle:.0f} degrees")]
    return []


def _nibabel() -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise DependencyError(
            "Reading NIfTI files needs the package nibabel: install it, or save the file as NRRD."
        ) from error
    return nibabel
