"""Anatomy of patients: the machine-made label maps of the development data, as materials.

What becomes of what the label maps leave open (thresholds and depths by judgement):

- "body" is divided by the patient's own CT: fat between -170 and -30 HU, gas below -300 HU,
  else ``body_rest`` with the composition of muscle; so bowel and its contrast medium are
  ``body_rest``;
- 255 ("ignore") within 4 mm of an abdominal organ in the slice is that organ's, if it is no fat or
  gas; what is left (heart, mediastinum, effusions) is divided like "body", but its soft tissue
  takes up the iodine of the heart's wall. So a body has no undecided voxel, but no heart either;
- bone above 500 HU is cortical, else spongiosa; couches are left out, since they would be bent.

The labels' own faults stay: kidneys that were not identified are ``body_rest``, ribs have gaps.
"""

from __future__ import annotations

import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from scipy import ndimage

from CTDoseSegLib.ct.geometry import SAME_GRID_MM, Grid
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.reading.reader import read_series

HELD_BACK = ("lungdx_A0002_thorax", "example_ct_dicom")
FAT_HU, PARTLY_GAS_HU, GAS_HU, CORTEX_HU = -30.0, -170.0, -300.0, 500.0
RIM_MM = 4.0
SMOOTHING_MM = 1.2  # of the patient's CT, against its noise
IN_SLICE = ndimage.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]


class Material(NamedTuple):
    """Atom, tissue and who takes up iodine alike (empty: takes up none)."""

    atom: str
    tissue: str
    iodine: str = ""


# By value; 1 to 12 are those of the label maps, 0 is the air around.
MATERIALS = {
    1: Material("body_rest", "muscle", "muscle"),
    3: Material("lung_left", "lung", "lungs"),
    4: Material("lung_right", "lung", "lungs"),
    5: Material("trachea", "air"),
    6: Material("bone", "spongiosa_lumbar", "bone_spongiosa"),
    7: Material("liver", "liver", "liver"),
    8: Material("spleen", "spleen", "spleen"),
    9: Material("kidney_left", "kidney", "kidneys"),
    10: Material("kidney_right", "kidney", "kidneys"),
    11: Material("stomach", "gut_contents"),
    12: Material("urinary_bladder", "urine", "urinary_bladder_contents"),
    20: Material("subcutaneous_fat", "adipose"),
    21: Material("torso_fat", "adipose"),
    22: Material("body_rest", "air"),
    23: Material("stomach", "air"),
    24: Material("bone", "cortical_bone"),
    25: Material("body_rest", "soft", "heart_myocardium"),
    26: Material("skin", "skin"),
}
BODY, COUCH, BONE, STOMACH, UNDECIDED = 1, 2, 6, 11, 255
LUNGS, ABDOMINAL = (3, 4), (7, 8, 9, 10, 11)
FAT_UNDER_SKIN, INNER_FAT, GAS, STOMACH_GAS, CORTEX, SOFT, SKIN = 20, 21, 22, 23, 24, 25, 26
UNNAMED = (BODY, FAT_UNDER_SKIN, INNER_FAT, SOFT)


@dataclass(frozen=True)
class Anatomy:
    """Materials of a patient, uint8 [k, j, i]: to the head, the back and the patient's left."""

    name: str
    materials: np.ndarray
    spacing_mm: tuple[float, float, float]  # along k, j, i


def read_anatomy(name: str, data: Path) -> Anatomy:
    """Return the anatomy of a label map of the development data.

    Raises
    ------
    InputError
        If the patient is kept out of training, or the label map does not lie on the CT.
    """
    if name in HELD_BACK:
        raise InputError(f"{name} is kept out of training and for evaluation only; choose another.")
    drawn, ct = nib.load(data / "labels" / f"{name}.nii.gz"), _read_ct(name, data)
    grid = Grid(ct.shape[::-1], ct.affine)
    if drawn.shape != ct.shape or grid.apart_mm(Grid(grid.shape, drawn.affine)) > SAME_GRID_MM:
        raise InputError(f"The label map of {name} does not lie on its CT.")
    (labels, spacing), (hu, _) = _upright(drawn), _upright(ct)
    return Anatomy(name, materials_of(labels, hu, spacing), spacing)


def _read_ct(name: str, data: Path) -> nib.Nifti1Image:
    for path in (f"{name}_derived.nii.gz", f"totalsegmentator_reference/{name}.nii.gz"):
        if (data / "ct" / path).exists():
            return nib.load(data / "ct" / path)
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(data / "ct" / f"{name}.tar.xz") as archive:
            archive.extractall(scratch, filter="data")
        series = read_series(scratch)
    return nib.Nifti1Image(series.hu.transpose(2, 1, 0), series.affine)


def _upright(image: nib.Nifti1Image) -> tuple[np.ndarray, tuple[float, float, float]]:
    image = nib.as_closest_canonical(image)
    i, j, k = (float(v) for v in np.linalg.norm(image.affine[:3, :3], axis=0))
    return np.asarray(image.dataobj)[::-1, ::-1].transpose(2, 1, 0), (k, j, i)


def materials_of(
    labels: np.ndarray, hu: np.ndarray, spacing_mm: tuple[float, float, float]
) -> np.ndarray:
    """Return the materials of a label map and its CT, uint8 [k, j, i]."""
    made = np.where(labels == COUCH, 0, labels).astype(np.uint8)
    in_plane = np.array(spacing_mm[1:])
    sigma = (0, *(SMOOTHING_MM / in_plane))
    layer = 1 + round(2.0 / float(in_plane.mean()))
    unnamed = np.isin(labels, (BODY, UNDECIDED))
    # Means over unnamed tissue alone: lungs and the air around would make fat of its edges.
    weight = ndimage.gaussian_filter(unnamed.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(unnamed, hu, 0).astype(np.float32), sigma)
    mean = total / np.maximum(weight, 1e-3)
    deep = ndimage.binary_erosion(made > 0, IN_SLICE, layer, border_value=1)
    shell = unnamed & ~deep
    gas = unnamed & deep & (mean < GAS_HU)
    fat = unnamed & (mean > PARTLY_GAS_HU) & (mean < FAT_HU) | shell
    # A thin line of either along a lung is tissue that its voxels share with the lung.
    along_lung = ndimage.binary_dilation(np.isin(labels, LUNGS), IN_SLICE, layer) & deep
    for mask in (gas, fat):
        mask &= ~along_lung | ndimage.binary_opening(mask, IN_SLICE)
    # Fat that hangs together with the skin by more than a gap of the muscle's wall.
    wide = ndimage.binary_erosion(fat, IN_SLICE, layer, border_value=1) | shell
    outer = ndimage.binary_propagation(shell, IN_SLICE, wide)
    outer = fat & ndimage.binary_dilation(outer, IN_SLICE, layer)
    made[unnamed & (labels == UNDECIDED)] = SOFT
    _give_rims(made, labels, spacing_mm)
    made[fat] = INNER_FAT
    made[outer] = FAT_UNDER_SKIN
    made[gas] = GAS
    made[(labels == STOMACH) & (hu < GAS_HU)] = STOMACH_GAS
    dense = ndimage.gaussian_filter(hu.astype(np.float32), [s / 2 for s in sigma]) > CORTEX_HU
    made[(labels == BONE) & dense] = CORTEX
    return made


def _give_rims(
    made: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]
) -> None:
    """Give undecided voxels beside an abdominal organ to the nearest one, slice by slice."""
    for k in np.flatnonzero((labels == UNDECIDED).any(axis=(1, 2))):
        organ = np.isin(labels[k], ABDOMINAL)
        if not organ.any():
            continue
        away_mm, (j, i) = ndimage.distance_transform_edt(
            ~organ, sampling=spacing_mm[1:], return_indices=True
        )
        rim = (labels[k] == UNDECIDED) & (away_mm <= RIM_MM)
        made[k][rim] = labels[k][j, i][rim]
