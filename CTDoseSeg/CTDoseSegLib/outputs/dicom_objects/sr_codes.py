"""The codes of the measurement report: what is measured, its unit, and how (PS3.16)."""

from __future__ import annotations

from typing import Any

# Of what the project names itself; identified in the report's CodingSchemeIdentificationSequence.
SCHEME = "99CTDOSESEG"
SCHEME_NAME = "CTDoseSeg methods and flags"
_LONGEST_VALUE, _LONGEST_MEANING = 16, 64

TITLE = ("126000", "DCM", "Imaging Measurement Report")
# CID 100.
PROCEDURE = ("25045-6", "LN", "CT unspecified body region")
VOLUME = ("118565006", "SCT", "Volume")
ATTENUATION = ("112031", "DCM", "Attenuation Coefficient")
ABSORBED_DOSE = ("128513", "DCM", "Absorbed Dose")
MEAN = ("373098007", "SCT", "Mean")
POSITION = ("113994", "DCM", "Longitudinal Position Z")
WED_AT = ("113995", "DCM", "Water Equivalent Diameter At Longitudinal Position Z")
SSDE_AT = ("113993", "DCM", "Size Specific Dose Estimate At Longitudinal Position Z")
MEAN_WED = ("113990", "DCM", "Arithmetic Average of Dw(z)")
SSDE = ("113930", "DCM", "Size Specific Dose Estimate")
MEAN_OF_SSDE = ("113989", "DCM", "Arithmetic Average of SSDE(z)")
MEAN_CTDIVOL = ("113830", "DCM", "Mean CTDIvol")
DLP = ("113838", "DCM", "DLP")
EFFECTIVE_DOSE = ("113839", "DCM", "Effective Dose")
PLUS, MINUS = "371886008", "371885007"
FLAG = ("flag", SCHEME, "Flag of this number")

CM3 = ("cm3", "UCUM", "cubic centimeter")
HU = ("[hnsf'U]", "UCUM", "Hounsfield unit")
MM = ("mm", "UCUM", "millimeter")
MGY = ("mGy", "UCUM", "milligray")
MGY_CM = ("mGy.cm", "UCUM", "milligray centimeter")
MSV = ("mSv", "UCUM", "millisievert")

METHODS = {
    "ctdivol": ("dose-ctdivol", "Organ dose model scaled by CTDIvol"),
    "mas": ("dose-mas", "Organ dose model scaled by effective mAs"),
    "montecarlo": ("dose-montecarlo", "Monte Carlo simulation in this CT"),
    "published": ("dose-published", "Published organ dose networks"),
}


def concept(code: tuple[str, str, str]) -> Any:
    """Return a code as highdicom takes it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(*code)


def own(value: str, meaning: str) -> Any:
    """Return a code of the project's own scheme, cut to what DICOM allows."""
    return concept((value[:_LONGEST_VALUE], SCHEME, meaning[:_LONGEST_MEANING]))


def method_of(route: str) -> Any:
    """Return how an organ's dose was estimated.

    Parameters
    ----------
    route
        As in `dosimetry.doses.OrganDose`.
    """
    value, meaning = METHODS.get(route, (f"dose-{route}", f"Organ dose by {route}"))
    return own(value, meaning)


def uncertainties() -> Any:
    """Return what the report's measurement uncertainties are, as an evaluation of the scan."""
    from highdicom.sr import QualitativeEvaluation

    name = own("uncertainty", "Measurement uncertainties of this report")
    return QualitativeEvaluation(name, own("interval-90", "90 % intervals, all uncertainties"))
