"""What an organ is called in DICOM: SNOMED code, side, colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...ct.organs import organ, spoken_name
from ...segmentation.labelmap import BODY, BODY_REST, COUCH, HEADREST

if TYPE_CHECKING:
    import pydicom

# Parts of the label map that are no anatomy, or no organ.
NO_SEGMENT = (COUCH, HEADREST, BODY_REST)
_SIDES = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
# PS3.16 CID 7151 has none for these, and neither has SNOMED CT as far as we know: the code of
# "Anatomical structure" says no more than is true, the meaning names what it is.
_STRUCTURE = "91723000"
_OWN = {BODY: "38266002"}
_LONGEST = 64  # characters of a code meaning


def code_of(name: str) -> Any:
    """Return the coded concept of an organ, without its side.

    Parameters
    ----------
    name
        In the table of organs; another name is an anatomical structure of that name.

    Returns
    -------
    highdicom.sr.CodedConcept
    """
    from highdicom.sr import CodedConcept

    code = _OWN.get(name) or organ(name).snomed_code or _STRUCTURE
    stem = name.removesuffix("_left").removesuffix("_right")
    return CodedConcept(code, "SCT", spoken_name(stem)[:_LONGEST])


def side_of(name: str) -> Any:
    """Return the coded concept of an organ's side; None where it has none."""
    from highdicom.sr import CodedConcept

    for side, (code, meaning) in _SIDES.items():
        if name.endswith(f"_{side}"):
            return CodedConcept(code, "SCT", meaning)
    return None


def side_item(name: str) -> pydicom.Dataset | None:
    """Return the side as an item of a code sequence."""
    import pydicom

    concept = side_of(name)
    if concept is None:
        return None
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator = concept.value, concept.scheme_designator
    item.CodeMeaning = concept.meaning
    return item


def rgb(color: str) -> tuple[int, int, int]:
    """Return the three values, 0 to 255, of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue
