"""What the header states that the values of a series are: Hounsfield units, or something else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..dicom.header import Header
from ..dicom.identity import safe_text
from ..flags import Flag, flag

# Image types whose values are no CT numbers, or not calibrated ones. PS3.3 C.8.15.2.1.1.5 has those
# of materials as value 4; VMI and MAT_REMOVED (iodine: virtual non-contrast) stay in HU.
_IMAGE_TYPES = {
    *("PERFUSION", "RCBF", "RCBV", "MTT", "EFFECTIVE_Z", "CBCT"),
    *("MAT_SPECIFIC", "MAT_FRACTIONAL", "MAT_VALUE_BASED", "MAT_MODIFIED"),
    *("EFF_ATOMIC_NUM", "ELECTRON_DENSITY"),
}
# PS3.3 C.11.1.1.2: optical density, mg/ml, effective atomic number, electron densities, per cent.
_RESCALE_TYPES = {"OD", "MGML", "Z_EFF", "ED", "EDW", "PCT"}
_IN_HU = {"", "HU", "HU_MOD"}
_GAP = r"[\s_/-]*"
_MAPS = re.compile(
    rf"\b(?:IODINE|JOD|IOD|CALCIUM|HAP|FAT|WATER|URIC{_GAP}ACID){_GAP}"
    rf"(?:MAPS?\b|OVERLAY|DENSITY|CONC|NO{_GAP}(?:WATER|IODINE|CALCIUM|HAP|FAT)\b|UPTAKE|QUANT"
    rf"|\((?:WATER|IODINE|CALCIUM|HAP|FAT)\))"
    rf"|\bZ{_GAP}EFF|\bEFF(?:ECTIVE)?{_GAP}(?:Z\b|ATOMIC)|ATOMIC{_GAP}NUM"
    rf"|\bELECTRON{_GAP}DENSITY|\bRHO(?:{_GAP}Z)?\b|\bPBV\b|PERFUSED{_GAP}BLOOD"
    rf"|\bPERFUSION{_GAP}MAPS?\b"
)
# Iodine in the name of an image that was made from others, unless it was taken out of it.
_IODINE = re.compile(r"\b(?:(?P<out>NO|MINUS|WITHOUT|NON)[\s_-]*)?IODINE(?P<after>.*)")
_TAKEN_OUT = re.compile(r"REMOV|SUPP|SUBTR|FREE|CONTRAST")
# A number before the unit is the strength of a contrast agent.
_UNIT = re.compile(r"(?P<number>\d[\d.,]*[\s(\[]*)?MG(?:\s*I)?\s*/\s*(?:ML|CM\^?3|CC)\b")
_BONE = re.compile(
    rf"\bBONES?{_GAP}(?:REMOV|SUBTR|SUB\b|FREE|LESS|STRIP|SUPPR|OFF\b)\w*|\bDEBON(?:E|ING)"
    rf"|\b(?:NO|WITHOUT|W/?O|MINUS){_GAP}BONES?\b(?!{_GAP}(?:ALG|KERN|WIND|RECON|FILT|PLUS))"
    rf"|\b(?:CALCIUM|CA){_GAP}(?:SUPP|REMOV|SUBTR)\w*"
    rf"|KNOCHEN{_GAP}(?:FREI|ENTF|SUBTR)\w*"
)
_CONE_BEAM = re.compile(r"\bCBCT\b|CONE.?BEAM|\bOBI\b")


def value_flags(headers: Sequence[Header]) -> list[Flag]:
    """Flag what a series' header states of its values, where these are not plain Hounsfield units.

    Parameters
    ----------
    headers
        Of its slices; at least one.

    Returns
    -------
    list of Flag
        ``not_hu``, or ``rescale_type`` where an unknown type is stated.
    """
    reason = _why_not_hu(headers[0])
    # A name may stand in any text.
    stated = {
        safe_text(h, "RescaleType").upper() or "another unit"
        for h in headers
        if h.text("RescaleType").upper() not in _IN_HU
    }
    if other := sorted(stated & _RESCALE_TYPES):
        reason = reason or f"RescaleType (0028,1054) is {', '.join(other)}"
    if reason:
        return [flag("not_hu", reason)]
    return [flag("rescale_type", ", ".join(sorted(stated)))] if stated else []


def _why_not_hu(header: Header) -> str:
    """Return what image type, description and model state against HU; no text of the file's own."""
    kinds = [value.upper().strip() for value in header.texts("ImageType")]
    text = header.text("SeriesDescription").upper()
    if other := sorted(_IMAGE_TYPES & set(kinds)):
        return f"the images are described as {', '.join(other)}"
    if seen := _CONE_BEAM.search(f"{header.text('ManufacturerModelName').upper()} {text}"):
        return f"the images are described as {seen[0]}"
    if any(unit["number"] is None for unit in _UNIT.finditer(text)):
        return "the series' description gives their unit as mg/ml"
    derived = kinds[:1] != ["ORIGINAL"]
    for name in (text, *(kinds[2:] if derived else ())):
        name = name.replace("_", " ")
        if seen := _MAPS.search(name):
            return f"the images are described as {seen[0]}"
        iodine = _IODINE.search(name) if derived else None
        if iodine and not iodine["out"] and not _TAKEN_OUT.search(iodine["after"]):
            return "the images are described as IODINE"
        if derived and (seen := _BONE.search(name)):
            return f"bone was removed from the images, which are described as {seen[0]}"
    return ""
