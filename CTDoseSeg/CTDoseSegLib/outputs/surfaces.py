"""Surfaces by marching cubes: of an organ, or of all that reaches a HU; as STL and PLY."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..ct.series import AIR_HU
from ..errors import DependencyError, InputError

if TYPE_CHECKING:
    import trimesh


def surface(
    mask: np.ndarray, affine: np.ndarray, *, coarse_mm: float | None = None
) -> trimesh.Trimesh:
    """Return the closed surface of a mask by marching cubes, in LPS mm, normals outward.

    Not smoothed: every vertex lies half-way between a voxel inside and one outside.

    Parameters
    ----------
    mask
        Boolean [k, j, i], at least one voxel.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    coarse_mm
        Average voxels to about this size first, for fewer triangles.

    Returns
    -------
    trimesh.Trimesh
        Vertices and triangles.

    Raises
    ------
    InputError
        If nothing is left of the organ at `coarse_mm`.
    DependencyError
        If scikit-image or trimesh is missing.
    """
    volume, affine = _averaged(mask.astype(np.float32), affine, coarse_mm, 0.0)
    if not (volume >= 0.5).any():
        raise InputError(f"The organ is too thin for voxels of {coarse_mm:g} mm.")
    return _marched(volume, 0.5, 0.0, affine)


def threshold_surface(
    hu: np.ndarray, affine: np.ndarray, threshold_hu: float, *, coarse_mm: float | None = None
) -> trimesh.Trimesh:
    """Return the closed surface around all that has at least `threshold_hu`, in LPS mm.

    Of whole HU it lies half a HU below: where a voxel had the surface's own value, the surface
    would run through the voxel's centre, and the voxel would be neither inside nor outside.

    Parameters
    ----------
    hu
        HU, [k, j, i].
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    threshold_hu
        What has at least this many HU is inside; 350 for bone.
    coarse_mm
        As of `surface`.

    Returns
    -------
    trimesh.Trimesh
        Closed at the ends of the volume too; normals point to lower HU.

    Raises
    ------
    InputError
        If no voxel reaches the threshold, or every one does.
    DependencyError
        If scikit-image or trimesh is missing.

    Examples
    --------
    >>> hu = np.full((8, 8, 8), -1000, np.int16)
    >>> hu[2:6, 2:6, 2:6] = 1000
    >>> threshold_surface(hu, np.eye(4), 0.0).is_watertight
    True
    """
    level = math.ceil(threshold_hu) - 0.5 if hu.dtype.kind in "iu" else threshold_hu
    hu, affine = _averaged(hu, affine, coarse_mm, AIR_HU)
    low, high = float(hu.min()), float(hu.max())
    if high < level:
        raise InputError(
            f"No voxel reaches {threshold_hu:g} HU; the highest value is {high:g}. Give "
            "--threshold a lower one."
        )
    if low >= level:
        raise InputError(
            f"Every voxel has at least {threshold_hu:g} HU, so that there is no surface; the "
            f"lowest value is {low:g}. Give --threshold a higher one."
        )
    outside = min(AIR_HU, low, level - 1.0)
    return _marched(hu, level, outside, affine)


def _averaged(
    volume: np.ndarray, affine: np.ndarray, size_mm: float | None, outside: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return means over blocks of voxels of about a size, and their affine."""
    if size_mm is None:
        return volume, affine
    from skimage.measure import block_reduce

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    blocks = np.maximum(1, np.round(size_mm / spacing).astype(int))
    kji = tuple(int(n) for n in blocks[::-1])
    means = block_reduce(volume.astype(np.float32), kji, np.mean, cval=outside)
    coarse = affine.astype(float).copy()
    coarse[:3, 3] += affine[:3, :3] @ ((blocks - 1) / 2)
    coarse[:3, :3] *= blocks
    return means, coarse


def _marched(
    volume: np.ndarray, level: float, outside: float, affine: np.ndarray
) -> trimesh.Trimesh:
    try:
        import trimesh
        from skimage.measure import marching_cubes
    except ImportError as error:
        raise DependencyError(
            "Surfaces need the packages scikit-image and trimesh; install them with: "
            "pip install scikit-image trimesh"
        ) from error
    inside = volume >= level
    occupied = (np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3))
    # With the neighbours outside, between whose values and those inside the surface lies.
    box = tuple(slice(max(0, indices[0] - 1), indices[-1] + 2) for indices in occupied)
    # A border of outside, so that what the scan's end cuts is closed there.
    cut = np.pad(volume[box].astype(np.float32), 1, constant_values=np.float32(outside))
    # Where a voxel has the level's own value, scikit-image leaves holes: it is barely inside.
    cut[cut == level] += 1e-5 * np.ptp(cut)
    vertices_kji, faces, _, _ = marching_cubes(cut, level=level)
    vertices_kji = vertices_kji + [s.start - 1 for s in box]
    vertices = vertices_kji[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]
    mesh = trimesh.Trimesh(vertices * (-1.0, -1.0, 1.0), faces, process=False)
    if mesh.volume < 0:  # a left-handed affine turns the surface inside out
        mesh.invert()
    return mesh


def write_mesh(mesh: trimesh.Trimesh, folder: Path, name: str) -> list[Path]:
    """Write ``NAME.stl`` and ``NAME.ply`` with the space in their headers; returns the files."""
    # Neither format has a field for the space; 3D Slicer looks for these words in the header.
    stl = mesh.export(file_type="stl")
    header = b"CTDoseSeg, millimetres, SPACE=LPS"
    ply = mesh.export(file_type="ply")
    magic, layout, rest = ply.split(b"\n", 2)
    paths = [folder / f"{name}.stl", folder / f"{name}.ply"]
    paths[0].write_bytes(header.ljust(80) + stl[80:])
    note = b"comment " + header
    paths[1].write_bytes(b"\n".join((magic, layout, note, rest)))
    return paths
