"""What is known of a labelled tissue: its material, and density and HU without contrast agent.

The label decides the material, HU the density. A table of HU alone takes enhanced vessels and
kidneys for bone and doubles their dose; bone is only where a label names it, or in tissue that no
label names further.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np

from ...ct.attenuation import LEAST_KV, MOST_KV, hounsfield, water_ratio
from ...ct.organs import OUTSIDE_BODY, is_bone
from ...segmentation.labelmap import BODY, BODY_REST, SKIN
from ..fast.density import UNENHANCED_G_CM3
from ..fast.iodine import ENHANCED_HU
from .materials import MATERIALS, index_of

LOWEST_HU, HIGHEST_HU = -1100, 3071
# Cortical bone has 1500 HU at 120 kV, enamel up to 3000; scanners without an extended scale store
# 3071 at most. Computed HU at 120 kV: titanium 11,600, iron 32,100; beam hardening shows less.
METAL_HU, DENSE_METAL_HU = 3000, 12000
# A denser voxel slows every photon's step everywhere in the volume (Woodcock tracking).
MOST_G_CM3 = 3.0
# Air between tube and patient is left out of patient and CTDI phantom alike; not exactly zero.
NO_AIR_G_CM3 = 1e-6
# HU above a tissue's own that noise does not reach in the mean of a voxel.
CERTAIN_HU = 80.0
# HU above its own that the mean of an organ without contrast agent does not reach, as the fast
# law's list has it for the organs it names.
ENHANCED_BY_HU = 40.0
# The same where other organs of the scan hold contrast agent, or it is stated: means of organs
# without any scatter by 9 HU (liver, note in `fast.iodine`).
ENHANCED_BESIDE_HU = 15.0
# Unlabelled tissue from here on is bone (without contrast agent in the scan; with it, and with
# bones that have labels of their own, from the second on, as vessels reach 500 HU).
REST_IS_BONE_HU, REST_IS_BONE_BESIDE_IODINE_HU = 150.0, 500.0
REST_IS_BONE_UNNAMED_HU = 300.0
# Unlabelled matter outside the body below this is air or its noise.
MATTER_HU = -800
_AIR_HU, _AIR_G_CM3 = -1000.0, 0.0012


class Kind(Enum):
    """How a label's voxels become material."""

    OUTSIDE = "outside the body"
    COUCH = "couch"
    REST = "not named further"
    SOFT = "soft tissue"
    LUNG = "lung"
    BONE = "bone"


_VESSELS = (
    *("aorta", "artery", "arteries", "vein", "veins", "vena", "trunk", "vessel", "atrium"),
    *("atrial", "ventricle", "vessels"),
)
# Material of soft tissues by the words of their names; ICRP Publication 110 has no other media.
_BY_WORD = (
    ("lens", "eye_lens"),
    *((word, "brain") for word in ("brain", "cord", "brainstem", "cerebellum")),
    *((word, "urine") for word in ("bladder", "cyst", "cerebrospinal", "eye", "renal", "amniotic")),
    *((word, "blood") for word in _VESSELS),
    *(("kidney", "kidney"), ("liver", "liver"), ("spleen", "spleen"), ("pancreas", "pancreas")),
    *(("heart", "heart_muscle"), ("myocardium", "heart_muscle"), ("thyroid", "thyroid")),
    *((word, "gut_wall") for word in ("stomach", "duodenum", "bowel", "colon", "esophagus")),
    *(("rectum", "gut_wall"), ("intestine", "gut_wall")),
    *((word, "muscle") for word in ("gluteus", "autochthon", "iliopsoas", "muscle", "tongue")),
    *((word, "cartilage") for word in ("cartilage", "cartilages", "discs")),
)
_SOFT = (
    *("trachea", "bronchi", "prostate", "adrenal", "gland", "gallbladder", "thymus", "uterus"),
    *("ovary", "testis", "salivary", "glands", "pharynx", "larynx", "airways", "nasal", "sinuses"),
    *("lesion", "tumor", "tumour", "nodule", "lesions", "tumors", "tumours", "nodules"),
    *("lymph", "node", "nodes", "wall", "contents", "lobe", "nerve", "placenta", "connective"),
)
_LUNG_PARTS = ("left", "right", "upper", "middle", "lower")
_BONE_WORDS = (
    *("mandible", "teeth", "tooth", "radius", "ulna", "tibia", "fibula", "patella", "carpal"),
    *("tarsal", "phalanges", "metacarpal", "metatarsal", "cortical", "spongiosa", "vertebra"),
    *("bone", "skull", "cranium", "sacrum", "sternum", "medullary"),
)
# What lies in bones or beside them and is none.
_FOREIGN = ("prosthesis", "screws", "cement", "implant", "pacemaker", "fillings", "stent", "clip")
# Not bone's material, although a body without it would be one. What a label names as such.
_REST = (BODY, BODY_REST, SKIN, "body_trunc", "body_extremities", "face", "breast")
_REST_WORDS = ("fat", "breast")
# HU without contrast agent, by the notes of `fast.iodine`: blood 30 to 60, liver 58, spleen 10
# less, kidneys 30 to 40, heart muscle 40 to 50. They hardly depend on the voltage.
_UNENHANCED_HU = {
    **{"blood": 45.0, "liver": 58.0, "spleen": 48.0, "kidney": 35.0, "heart_muscle": 45.0},
}


@dataclass(frozen=True)
class Tissue:
    """What a label is made of.

    Attributes
    ----------
    kind
        How its voxels become material.
    material
        Name in `MATERIALS`, without contrast agent.
    most_g_cm3
        Density without contrast agent, where HU are as high as that or higher.
    unenhanced_hu
        HU at that density.
    enhanced
        True where its HU are those of contrast agent.
    shows_contrast
        True for blood and the organs of which the fast law judges by HU whether a scan holds
        contrast agent.
    """

    kind: Kind
    material: str
    most_g_cm3: float
    unenhanced_hu: float
    enhanced: bool = False
    shows_contrast: bool = False


@dataclass(frozen=True)
class HULaws:
    """HU of materials at a tube voltage.

    Attributes
    ----------
    kvp
        In kV, within the table of attenuation.
    """

    kvp: float

    @classmethod
    def at(cls, kvp: float | None) -> HULaws:
        """Return the laws at a voltage, or at the nearest that has HU; 120 kV for None."""
        return cls(float(np.clip(120.0 if kvp is None else kvp, LEAST_KV, MOST_KV)))

    @property
    def hu_per_mg_ml(self) -> float:
        """HU that a milligram of iodine adds to a millilitre.

        Examples
        --------
        >>> round(HULaws(120.0).hu_per_mg_ml, 1), round(HULaws(80.0).hu_per_mg_ml, 1)
        (25.2, 40.2)
        """
        return water_ratio("I", self.kvp)

    def hu(self, material: str, density_g_cm3: float | None = None) -> float:
        """Return the HU of a material, at its own density or another."""
        return _hu(material, density_g_cm3, self.kvp)

    def tissue(self, name: str, mean_hu: float, *, contrast: bool = False) -> Tissue:
        """Return what a label is made of.

        Parameters
        ----------
        name
            Of the label.
        mean_hu
            Of its pixels, without those that a bone beside it lifts; NaN where it has none.
        contrast
            True where the scan is known to hold contrast agent.
        """
        kind = kind_of(name)
        material = _material_of(name, kind)
        if kind in (Kind.COUCH, Kind.OUTSIDE, Kind.BONE):
            return Tissue(kind, material, MOST_G_CM3, float("inf"))
        density = _density(material)
        # Fat and breast are mixed by their HU, of fat and of what is as dense as muscle.
        if kind is not Kind.REST or name == SKIN:
            density = UNENHANCED_G_CM3.get(name, density)
        if kind is Kind.LUNG:
            density = UNENHANCED_G_CM3["lung"]
        own = _UNENHANCED_HU.get(material, self.hu(material, density))
        threshold = ENHANCED_HU.get(name, own + ENHANCED_BY_HU)
        if contrast:
            threshold = own + ENHANCED_BESIDE_HU
        may_hold = kind is Kind.SOFT and material != "cartilage"
        enhanced = may_hold and bool(mean_hu > threshold)
        shows = name in ENHANCED_HU or material == "blood"
        return Tissue(kind, material, density, own, enhanced, shows)

    def density_table(self, tissues: Sequence[Tissue], bone_hu: float) -> np.ndarray:
        """Return density by tissue and HU, float32 [tissue, HU from `LOWEST_HU`].

        Parameters
        ----------
        tissues
            In the order of the labels.
        bone_hu
            From here on what is not named further is bone.
        """
        return np.stack([self._density_of(tissue, bone_hu) for tissue in tissues])

    def _density_of(self, tissue: Tissue, bone_hu: float) -> np.ndarray:
        hu = np.arange(LOWEST_HU, HIGHEST_HU + 1, dtype=float)
        if tissue.kind is Kind.OUTSIDE:
            density = np.where(hu < MATTER_HU, NO_AIR_G_CM3, 1.0 + hu / 1000.0)
        elif tissue.kind is Kind.COUCH:
            density = (1.0 + hu / 1000.0) / self._ratio("carbon")
        elif tissue.kind is Kind.BONE:
            density = self._bone_density(hu)
        else:
            density = self._soft_density(tissue, hu)
            if tissue.kind is Kind.REST:
                density = np.where(hu < bone_hu, density, self._bone_density(hu))
        density = np.where(hu >= METAL_HU, MOST_G_CM3, density)
        return density.clip(NO_AIR_G_CM3, MOST_G_CM3).astype(np.float32)

    def _soft_density(self, tissue: Tissue, hu: np.ndarray) -> np.ndarray:
        """Return the density between air, fat and the tissue, and above it that of water's law.

        What is far above the tissue's own HU is contrast agent, of which ten milligrams in a
        millilitre add 250 HU and hardly any mass. In an organ that is enhanced as a whole all that
        is above is; elsewhere noise must be allowed its upper half.
        """
        fat_hu, own = self.hu("adipose"), tissue.unenhanced_hu
        if tissue.kind is Kind.LUNG:
            density = np.interp(hu, (_AIR_HU, own), (_AIR_G_CM3, tissue.most_g_cm3))
        else:
            known_hu = (_AIR_HU, min(fat_hu, own - 1.0), own)
            known = (_AIR_G_CM3, min(_density("adipose"), tissue.most_g_cm3), tissue.most_g_cm3)
            density = np.interp(hu, known_hu, known)
        above = np.maximum(hu - own, 0.0) / 1000.0
        if tissue.enhanced:
            return density
        return density + np.where(above * 1000.0 < CERTAIN_HU, above, 0.0)

    def _bone_density(self, hu: np.ndarray) -> np.ndarray:
        """Return the density of marrow and mineral bone mixed by volume, below marrow of fat.

        HU and density of a mixture are both linear in the parts of the volume.
        """
        marrow_hu = (self.hu("red_marrow") + self.hu("yellow_marrow")) / 2
        marrow = (_density("red_marrow") + _density("yellow_marrow")) / 2
        cortex_hu, cortex = self.hu("cortical_bone"), _density("cortical_bone")
        mixed = marrow + (hu - marrow_hu) * (cortex - marrow) / (cortex_hu - marrow_hu)
        below = np.interp(hu, (_AIR_HU, marrow_hu), (_AIR_G_CM3, marrow))
        return np.where(hu < marrow_hu, below, mixed)

    def _ratio(self, material: str) -> float:
        """Return a material's attenuation per gram over that of water."""
        return self.hu(material, 1.0) / 1000.0 + 1.0


def kind_of(name: str) -> Kind:
    """Return how a label becomes material; what is not known is judged by its HU alone.

    Examples
    --------
    >>> kind_of("vertebrae_L1").value, kind_of("kidney_left").value, kind_of("couch").value
    ('bone', 'soft tissue', 'couch')
    >>> kind_of("implant").value
    'not named further'
    """
    words = name.lower().split("_")
    if not name:
        return Kind.OUTSIDE
    if name in OUTSIDE_BODY:
        return Kind.COUCH
    if any(word in _FOREIGN for word in words):
        return Kind.REST
    if "cartilage" in name:
        return Kind.SOFT
    if is_bone(name) or any(word.startswith(_BONE_WORDS) for word in words):
        return Kind.BONE
    if name in _REST or any(word in _REST_WORDS for word in words):
        return Kind.REST
    if words[0] == "lung" and (len(words) == 1 or words[1] in _LUNG_PARTS):
        return Kind.LUNG
    known = {word for word, _ in _BY_WORD} | set(_SOFT)
    return Kind.SOFT if any(word in known for word in words) else Kind.REST


def _material_of(name: str, kind: Kind) -> str:
    if kind is Kind.LUNG:
        return "lung"
    if kind is Kind.COUCH:
        return "carbon"
    words = name.lower().split("_")
    if kind is Kind.BONE:
        return "teeth" if {"teeth", "tooth"} & set(words) else "cortical_bone"
    if kind is Kind.SOFT:
        named = (material for word, material in _BY_WORD if word in words)
        return next(named, "soft_tissue")
    return "muscle" if kind is Kind.REST else "soft_tissue"


def means_hu(names: Iterable[str], counts: np.ndarray, sums: np.ndarray) -> dict[str, float]:
    """Return the mean HU of atoms from counts and sums by slice, [k, atom]; NaN without voxels."""
    total, count = sums.sum(axis=0, dtype=float), counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return dict(zip(names, (total / count).tolist(), strict=True))


def _density(material: str) -> float:
    return MATERIALS[index_of(material)].density_g_cm3


@lru_cache(maxsize=512)
def _hu(material: str, density_g_cm3: float | None, kvp: float) -> float:
    of = MATERIALS[index_of(material)]
    density = of.density_g_cm3 if density_g_cm3 is None else density_g_cm3
    return hounsfield(of.mass_fractions, density, kvp)
