"""What contrast agent adds to the doses of organs that the published figures do not name."""

from __future__ import annotations

from collections.abc import Mapping

from ..fast.iodine import ADDED, added_by_iodine

_SIDES = ("kidney_left", "kidney_right")
# Blood of any vessel as that of the aorta, bowel as bowel, by this project's judgement: at most as
# much, and nothing where the agent is elsewhere.
_LIKE = {
    **dict.fromkeys(("superior_vena_cava", "inferior_vena_cava", "vessels"), "aorta"),
    **dict.fromkeys(
        (f"iliac_{v}_{s}" for v in ("artery", "vena") for s in ("left", "right")), "aorta"
    ),
    "portal_vein_and_splenic_vein": "aorta",
    "lung_vessels": "pulmonary_artery",
    "duodenum": "small_bowel",
    "thyroid_gland": "kidney_left",
    "salivary_glands": "pancreas",
    "parotid_gland_left": "pancreas",
    "parotid_gland_right": "pancreas",
}


def iodine_of(organ: str, enhanced: Mapping[str, float]) -> tuple[float, float] | None:
    """Return the least and the most that iodine adds to an organ's dose; None for nothing.

    Parameters
    ----------
    organ
        Name in the table of organs.
    enhanced
        Organs that hold contrast agent by their HU (`fast.iodine.enhanced_organs`).

    Examples
    --------
    >>> iodine_of("inferior_vena_cava", {"aorta": 200.0})
    (0.0, 0.53)
    >>> iodine_of("kidney", {"aorta": 200.0}) is None
    True
    """
    if organ == "kidney":
        return ADDED[_SIDES[0]] if any(side in enhanced for side in _SIDES) else None
    if organ in _LIKE:
        return (0.0, ADDED[_LIKE[organ]][1]) if enhanced else None
    return added_by_iodine(organ, enhanced)
