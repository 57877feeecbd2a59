"""Which organs the law is fitted for, and by which bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...dosimetry.doses import RED_MARROW
from ...dosimetry.montecarlo.marrow import SCORE, active_share
from .table import LearnedBody

HEAD_BODIES, TRUNK_BODIES = "head_neck", "trunk"
# Region to its organs. Those of the head are learned on heads, the others on trunks; what both
# have is in both.
REGIONS: Mapping[str, tuple[str, ...]] = {
    "chest": (
        *("lung", "lung_left", "lung_right"),
        *("lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right"),
        *("lung_middle_lobe_right", "lung_lower_lobe_right", "lung_vessels"),
        *("heart", "heart_myocardium", "heart_atrium_left", "heart_atrium_right"),
        *("heart_ventricle_left", "heart_ventricle_right", "aorta", "pulmonary_artery"),
        *("superior_vena_cava", "esophagus", "trachea", "lung_trachea_bronchia", "thymus"),
        *("breast", "breast_left", "breast_right", "thyroid_gland"),
    ),
    "abdomen": (
        *("liver", "spleen", "stomach", "pancreas", "gallbladder", "duodenum"),
        *("kidney", "kidney_left", "kidney_right"),
        *("adrenal_gland", "adrenal_gland_left", "adrenal_gland_right"),
        *("small_bowel", "colon", "inferior_vena_cava", "portal_vein_and_splenic_vein"),
    ),
    "pelvis": (
        *("urinary_bladder", "uterus", "ovary", "ovary_left", "ovary_right", "prostate"),
        *("testis", "testis_left", "testis_right"),
        *("iliac_artery_left", "iliac_artery_right", "iliac_vena_left", "iliac_vena_right"),
        *("iliopsoas_left", "iliopsoas_right"),
    ),
    "trunk": (
        *("skin", "skeletal_muscle", "subcutaneous_fat", "torso_fat", "spinal_cord", "vessels"),
        RED_MARROW,
    ),
    "head": (
        *("brain", "eye", "eye_left", "eye_right", "eye_lens", "eye_lens_left", "eye_lens_right"),
        *("salivary_glands", "parotid_gland_left", "parotid_gland_right", "tongue"),
        *("submandibular_gland_left", "submandibular_gland_right", "larynx", "pharynx"),
        *("optic_nerve", "thyroid_gland", "esophagus", "trachea", "spinal_cord"),
        *("skin", "skeletal_muscle", "subcutaneous_fat", "vessels", RED_MARROW),
    ),
}
# Fewer bodies than this do not make a law.
LEAST_BODIES = 25


def bodies_of(region: str) -> str:
    """Return the kind of body that a region's organs are learned on."""
    return HEAD_BODIES if region == "head" else TRUNK_BODIES


def is_learned(organ: str, kind: str) -> bool:
    """Return whether bodies of a kind teach the law an organ, or the marrow of a bone."""
    return organ.startswith(SCORE) or any(
        organ in organs for region, organs in REGIONS.items() if bodies_of(region) == kind
    )


def with_marrow(body: LearnedBody) -> LearnedBody:
    """Return a body with red marrow as an organ: its sites by their share of the active marrow."""
    sites = [name for name in body.organs if name.startswith(SCORE)]
    if not sites:
        return body
    where = [body.organs.index(name) for name in sites]
    sex = str(body.about.get("sex") or "")[:1].upper()
    age = body.about.get("age_y")
    part = np.array([active_share(name.removeprefix(SCORE), age, sex) for name in sites])
    part = np.where(body.share[where].sum(axis=1) > 0, part, 0.0)
    if not part.sum() > 0:
        return body
    part = part / part.sum()

    def mean(values: np.ndarray) -> np.ndarray:
        return np.concatenate((values, (part @ values[where])[None]))

    return replace(
        body,
        organs=(*body.organs, RED_MARROW),
        response=mean(body.response),
        share=mean(body.share),
        noise=np.append(body.noise, float(np.linalg.norm(part * body.noise[where]))),
        beam_terms=mean(body.beam_terms),
        medium_terms=np.concatenate((body.medium_terms, np.zeros((1, body.medium_terms.shape[1])))),
        depth_mm=mean(body.depth_mm),
        cut=np.append(body.cut, True),
        iodine_mg_ml=np.append(body.iodine_mg_ml, 0.0),
        mass_g=mean(body.mass_g),
    )
