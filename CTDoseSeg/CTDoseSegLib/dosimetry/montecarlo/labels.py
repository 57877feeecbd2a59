"""The labels of a scan with what they are made of, and the skin over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ct.organs import OUTSIDE_BODY
from ...segmentation.labelmap import BODY, BODY_REST, SKIN
from ...segmentation.threshold.skin import enclosed, outer_shell
from ..scan import Scan
from .blocks import PixelLaws
from .tissue_laws import (
    DENSE_METAL_HU,
    LOWEST_HU,
    METAL_HU,
    REST_IS_BONE_BESIDE_IODINE_HU,
    REST_IS_BONE_HU,
    REST_IS_BONE_UNNAMED_HU,
    HULaws,
    Kind,
    Tissue,
    means_hu,
)
from .upright import Slice, Upright

SKIN_MM = 2.0
# A label map with one of these leaves nothing of the body without a label.
_WHOLE = (BODY, BODY_REST, SKIN, "body_trunc", "subcutaneous_fat")


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a map, the first being that of no label, and what they are made of.

    Attributes
    ----------
    names
        Of the labels; the first is empty.
    tissues
        What they are made of, [label].
    laws
        HU of materials at the tube's voltage.
    pixel_laws
        Density by label and HU.
    bone_hu
        From here on what no label names further is bone.
    contrast
        True where the scan holds contrast agent, so that what no label names further may.
    body_values
        Values of the label map that are body.
    has_body
        True where the map has a body, so that what has no label is outside of it.
    """

    names: tuple[str, ...]
    tissues: tuple[Tissue, ...]
    laws: HULaws
    pixel_laws: PixelLaws
    bone_hu: float
    contrast: bool
    body_values: tuple[int, ...]
    has_body: bool


def labels_of(scan: Scan) -> Labels:
    """Return the labels of a scan.

    Parameters
    ----------
    scan
        With measurements of its label map.
    """
    atoms = scan.labelmap.atoms
    measured = scan.measurements
    laws = HULaws.at(scan.series.acquisition.kvp_kV)
    means = means_hu(measured.names, measured.counts, measured.sums)
    has_body = any(a.name in _WHOLE for a in atoms)
    stated = scan.series.acquisition.contrast
    tissues: tuple[Tissue, ...] = ()
    contrast = bool(stated)
    for _ in range(2):  # an organ that surely holds contrast agent makes others likely to
        unlabelled = laws.tissue("" if has_body else BODY_REST, float("nan"))
        named = (laws.tissue(a.name, means.get(a.name, np.nan), contrast=contrast) for a in atoms)
        tissues = (unlabelled, *named)
        contrast |= any(tissue.enhanced and tissue.shows_contrast for tissue in tissues)
    bones_named = any(tissue.kind is Kind.BONE for tissue in tissues)
    # Where bones have labels, what is as dense and has none is a vessel, unless none was enhanced.
    contrast |= bones_named and stated is None
    bone_hu = REST_IS_BONE_HU
    if contrast:
        bone_hu = REST_IS_BONE_BESIDE_IODINE_HU if bones_named else REST_IS_BONE_UNNAMED_HU
    position = np.zeros(int(np.iinfo(scan.labelmap.labels.dtype).max) + 1, np.int32)
    position[[atom.value for atom in atoms]] = np.arange(1, len(atoms) + 1)
    pixel_laws = PixelLaws(
        position=position,
        density_g_cm3=laws.density_table(tissues, bone_hu),
        lowest_hu=LOWEST_HU,
        is_bone=np.array([tissue.kind is Kind.BONE for tissue in tissues]),
        metal_hu=METAL_HU,
        dense_metal_hu=DENSE_METAL_HU,
    )
    return Labels(
        names=("", *(atom.name for atom in atoms)),
        tissues=tissues,
        laws=laws,
        pixel_laws=pixel_laws,
        bone_hu=bone_hu,
        contrast=contrast,
        body_values=tuple(a.value for a in atoms if a.name not in OUTSIDE_BODY),
        has_body=has_body,
    )


class SkinOf:
    """Finds the skin of a slice: the body's outer 2 mm, beside the air around it.

    Parameters
    ----------
    image
        The slices.
    body_values
        Values of the label map that are body.
    """

    def __init__(self, image: Upright, body_values: tuple[int, ...]) -> None:
        self._seen = image.seen
        self._spacing = (image.pixel_mm[1], image.pixel_mm[0])
        self._values = np.array(body_values)

    def __call__(self, image: Slice) -> np.ndarray:
        lookup = np.zeros(max(int(image.labels.max()), int(self._values.max())) + 1, bool)
        lookup[self._values] = True
        body = lookup[image.labels]
        solid = body if self._seen is None else body | ~self._seen
        holes = enclosed(~solid, np.zeros_like(solid))
        return body & outer_shell(solid | holes, self._spacing, SKIN_MM)
