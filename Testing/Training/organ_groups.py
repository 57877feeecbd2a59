"""Groups of organs that figures and tables show together."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "chest": ("lung", "heart", "aorta", "esophagus", "thymus", "breast", "thyroid_gland"),
    "upper abdomen": (
        *("liver", "spleen", "stomach", "pancreas", "kidney", "gallbladder", "adrenal_gland"),
    ),
    "bowel and pelvis": (
        *("small_bowel", "colon", "urinary_bladder", "uterus", "ovary", "prostate", "testis"),
    ),
    "head and neck": ("brain", "salivary_glands", "tongue", "eye", "eye_lens"),
    "skin, muscle, marrow": ("skin", "skeletal_muscle", "red_marrow"),
}


def group_of(organ: str) -> str | None:
    """Return the group of an organ; None for parts of organs and what no group has."""
    return next((name for name, organs in GROUPS.items() if organ in organs), None)
