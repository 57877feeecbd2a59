"""Density of an organ by its HU, without what contrast agent adds to them."""

from __future__ import annotations

import numpy as np

_LEAST = 0.01  # g/cm3, of thin air
_BLOOD = (
    *("aorta", "pulmonary_artery", "pulmonary_vein", "superior_vena_cava", "inferior_vena_cava"),
    *("portal_vein_and_splenic_vein", "brachiocephalic_trunk", "atrial_appendage_left"),
    *("heart_atrium_left", "heart_atrium_right", "heart_ventricle_left", "heart_ventricle_right"),
    *(f"subclavian_artery_{side}" for side in ("left", "right")),
    *(f"common_carotid_artery_{side}" for side in ("left", "right")),
    *(f"brachiocephalic_vein_{side}" for side in ("left", "right")),
    *(f"iliac_{vessel}_{side}" for vessel in ("artery", "vena") for side in ("left", "right")),
    *("lung_vessels", "lung_arteries", "lung_veins", "vessels"),
)
_MUSCLES = (
    *(f"gluteus_{part}us_{s}" for part in ("maxim", "medi", "minim") for s in ("left", "right")),
    *(f"{name}_{side}" for name in ("autochthon", "iliopsoas") for side in ("left", "right")),
    *("skeletal_muscle", "tongue"),
)
# Its medium "miscellaneous" holds salivary glands, trachea, bronchi, thymus and pharynx.
_MISCELLANEOUS = (
    *("trachea", "lung_trachea_bronchia", "thymus", "salivary_glands", "larynx", "pharynx"),
    *(f"{gland}_gland_{s}" for gland in ("parotid", "submandibular") for s in ("left", "right")),
)
# Densities in g/cm3 of the adult media of ICRP Publication 110, the man's but for uterus and
# ovaries. In place of what it does not have, by this project's judgement: the wall's density for
# hollow organs with their contents, as both have the same there; the bladder's for the gallbladder;
# its other soft tissue's for the prostate and the larynx; the brain's for spinal cord and optic
# nerve; the mammary gland's for the breast; the blood's for the lung, where the blood holds the
# contrast agent and air keeps the mean far below. Of ICRU Report 44: lens and red marrow.
UNENHANCED_G_CM3 = {
    **dict.fromkeys(_BLOOD, 1.06),
    **dict.fromkeys(_MUSCLES, 1.05),
    **dict.fromkeys(("lung", "lung_left", "lung_right"), 1.06),
    **dict.fromkeys((f"lung_{part}_lobe_left" for part in ("upper", "lower")), 1.06),
    **dict.fromkeys((f"lung_{part}_lobe_right" for part in ("upper", "middle", "lower")), 1.06),
    **dict.fromkeys(("kidney", "kidney_left", "kidney_right"), 1.05),
    **dict.fromkeys(("liver", "heart", "heart_myocardium", "pancreas", "brain"), 1.05),
    **dict.fromkeys(("spinal_cord", "optic_nerve", "eye", "eye_left", "eye_right"), 1.05),
    **dict.fromkeys(("eye_lens", "eye_lens_left", "eye_lens_right"), 1.07),
    **dict.fromkeys(("spleen", "stomach", "duodenum", "small_bowel", "colon"), 1.04),
    **dict.fromkeys(("gallbladder", "urinary_bladder", "thyroid_gland"), 1.04),
    **dict.fromkeys(("ovary", "ovary_left", "ovary_right"), 1.04),
    **dict.fromkeys(("esophagus", "prostate", "uterus", "red_marrow", *_MISCELLANEOUS), 1.03),
    **dict.fromkeys(("adrenal_gland", "adrenal_gland_left", "adrenal_gland_right"), 1.03),
    **dict.fromkeys(("breast", "breast_left", "breast_right"), 1.02),
    **dict.fromkeys(("subcutaneous_fat", "torso_fat"), 0.95),
    "skin": 1.09,
}


def density(organ: str, hu: np.ndarray) -> np.ndarray:
    """Return an organ's density in g/cm3 by its HU: 1 + HU / 1000, as of water and air mixed.

    Ten milligrams of iodine in a millilitre add about 250 HU and hardly any mass. So a soft organ
    is never denser than its tissue without contrast agent (ICRP Publication 110): HU above that
    density are presumed to be of iodine or barium, and of lime, iron or a drug where these lift
    them. Below it HU are taken as they are: little contrast agent, or some beside air or fat,
    stays counted, by at most the difference to the tissue. Bones, and organs that are not in
    `UNENHANCED_G_CM3`, go by their HU alone; nothing is less dense than thin air.

    Parameters
    ----------
    organ
        Name in the table of organs.
    hu
        Mean HU of the organ, in each slice.

    Examples
    --------
    >>> density("kidney_left", np.array([35.0, 200.0])).tolist()
    [1.035, 1.05]
    """
    most = UNENHANCED_G_CM3.get(organ, np.inf)
    return np.asarray(np.clip(hu / 1000.0 + 1.0, _LEAST, most))
