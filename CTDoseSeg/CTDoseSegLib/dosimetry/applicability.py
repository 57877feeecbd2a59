"""Who the patient is and what part of the body the scanner names, as dose engines ask for it."""

from __future__ import annotations

import re
import unicodedata

from ..ct.acquisition import Acquisition

ADULT_YEARS = 18.0
_TRUNK = (
    *("CHEST", "THORA", "TORAX", "LUNG", "HEART", "ABDOM", "PELVI", "TRUNK", "LIVER"),
    *("WHOLEBODY", "BRUST", "BAUCH", "BECKEN"),
)
# Found anywhere in the text, without accents: names of head and limbs in the scanners' languages.
_HEAD_PARTS = (
    *("HEAD", "BRAIN", "SKULL", "ORBIT", "SINUS", "KOPF", "SCHADEL", "CRANE", "CRANI", "CABEZA"),
)
_LIMB_PARTS = (
    *("EXTREMIT", "EXTREMID", "HUMERUS", "ELBOW", "FOREARM", "WRIST", "FINGER", "FEMUR", "THIGH"),
    *("KNEE", "ANKLE", "GENOU", "RODILLA", "SPRUNGGELENK"),
)
# Found as words of their own, or in the plural.
_HEAD_WORDS = ("EAR", "IAC", "FACE", "JAW", "TETE", "TESTA")
_LIMB_WORDS = (
    *("ARM", "HAND", "LEG", "CALF", "FOOT", "FEET"),
    *("TOE", "KNIE", "FUSS", "BEIN", "PIED", "JAMBE", "BRAS", "PIERNA", "BRAZO", "MANO"),
)
_EDGE_PARTS = (
    *("NECK", "CSPINE", "CSPN", "CERVIC", "SHOULDER", "CLAVIC", "HALS", "SCHULTER", "CUELLO"),
    *("EPAULE", "HOMBRO", "HUFTE", "HANCHE", "CADERA"),
)
_EDGE_WORDS = ("HIP", "COU", "HWS")


def is_child(acquisition: Acquisition) -> bool:
    """Return True where the patient is known to be under 18."""
    return acquisition.age_years is not None and acquisition.age_years < ADULT_YEARS


def names_head(body_part: str | None) -> bool:
    """Return True where it names the head and no part of the trunk."""
    return _names(body_part, _HEAD_PARTS, _HEAD_WORDS)


def is_limb(body_part: str | None) -> bool:
    """Return True where it names a limb and no part of head or trunk."""
    limb = _names(body_part, _LIMB_PARTS, _LIMB_WORDS)
    return limb and not names_head(body_part)


def at_the_edge_of_the_trunk(body_part: str | None) -> bool:
    """Return True where it names neck, shoulder or hip and no part of the trunk."""
    return _names(body_part, _EDGE_PARTS, _EDGE_WORDS)


def _names(body_part: str | None, parts: tuple[str, ...], words: tuple[str, ...]) -> bool:
    decomposed = unicodedata.normalize("NFKD", (body_part or "").upper())
    text = "".join(c for c in decomposed if not unicodedata.combining(c))
    # "C-SPINE" and "C SPINE" are one word as the scanners mean it.
    joined = re.sub(r"[^A-Z]+", "", text)
    if any(part in joined for part in _TRUNK):
        return False
    written = {word.removesuffix("S") for word in re.split(r"[^A-Z]+", text)} - {""}
    return any(part in joined for part in parts) or any(
        word.removesuffix("S") in written for word in words
    )
