"""Every text of the report by its name, so that a translation is another table like this one."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "title": "CT organ dose report",
    "scan": "Scan",
    "patient": "Patient",
    "age": "{years} years",
    "oldest": "{years} years or older",
    "male": "male",
    "female": "female",
    "scanner": "Scanner",
    "protocol": "Exposure",
    "effective_mAs": "effective {value} mAs",
    "created": "Analysed",
    "version": "Software",
    "slices": "{n} slices, z {low} to {high} mm",
    "described": "{description}; {slices}",
    "not_known": "not known",
    "answer": "Dose",
    "ctdivol": "CTDIvol",
    "ctdivol_value": "{value} mGy, {phantom} cm phantom",
    "ctdivol_no_phantom": "{value} mGy, phantom not known",
    "dlp": "DLP",
    "dlp_value": "{value} mGy cm",
    "at_least": "at least {value}",
    "ssde": "SSDE (mean)",
    "wed": "Water-equivalent diameter (mean)",
    "mGy": "{value} mGy",
    "mm": "{value} mm",
    "mSv": "{value} mSv",
    "interval_mGy": "90 % interval {low} to {high} mGy",
    "interval_mm": "90 % interval {low} to {high} mm",
    "interval_mSv": "90 % interval {low} to {high} mSv",
    "interval_of_corrected": "90 % interval of the mean, corrected for what the field of view cuts "
    "off, {low} to {high} mm",
    "effective": "Effective dose",
    "effective_specific": "Effective dose, size-specific",
    "published": "published values {low} to {high} mSv",
    "only_published": "the only published value",
    "lowest_by": "at least {high} mSv by the highest published factor",
    "factor": "{coefficients}, {range}, {source}; of a reference person, not of this patient",
    "specific": "ICRP 103, {share} % of the weights predicted; of a reference person of this size",
    "not_given": "not given: {reason}",
    "peak_skin": "Peak skin dose",
    "peak_skin_value": "{value} mGy over {area} cm2",
    "uterus": "Uterus region",
    "uterus_value": "{value} mGy",
    "uterus_below": "below {value} mGy",
    "judge": "a medical physicist must judge it",
    "confidence": "Confidence",
    "confidence_value": "{word}: the 90 % interval of the organ in the middle goes from {below} % "
    "below to {above} % above its dose; {reason}",
    "notices": "To know first",
    "more_notices": "{n} more stand in the full result",
    "events": "Irradiation events of the dose report",
    "event": "Event",
    "event_kind": "Kind",
    "event_counted": "In the organ doses' total",
    "yes": "yes",
    "no": "no",
    "total": "DLP of the whole report {value} mGy cm, as stated",
    "organs": "Organ doses",
    "organ": "Organ",
    "dose": "Dose (mGy)",
    "interval": "90 % interval (mGy)",
    "examination_dose": "All events (mGy)",
    "part_seen": "{organ}, {percent} % seen",
    "no_organs": "No organ has a dose.",
    "no_dose": "No dose",
    "basis": "Organ doses are means over the part of the organ in the images, {basis}. Bars show "
    "the dose, lines its 90 % interval with all uncertainties.",
    "by_ctdivol": "by the fast law, scaled by CTDIvol",
    "by_mas": "by the fast law, scaled by effective mAs",
    "by_montecarlo": "simulated in this CT by Monte Carlo",
    "by_published": "by the published networks, without intervals",
    "by_model": "by the model {name}",
    "along": "Along the body",
    "along_alt": "Size, tube current, CTDIvol and SSDE of every slice",
    "overlay": "What was taken for which organ",
    "key": "Colours",
    "overlay_alt": "Slices of the CT with the organs in colour",
    "sources": "Where the numbers come from",
    "from_image": "the images",
    "from_rdsr": "the dose report",
    "from_user": "typed by the user",
    "from_else": "{source}",
    "budget": "What makes the interval of a dose (median over organs)",
    "budget_part": "{what}: {percent} %",
    "method": "Method",
    "drawn_by": "Organs drawn by {engine}.",
    "model": "Dose model: {name} {version}, SHA-256 {sha256}.",
    "simulated": "Simulated with {millions} million photons, beam {beam}.",
    "doubted": "* a warning of its own, or not surely drawn: {organs}. organ_doses.csv has the "
    "flags.",
    "profile": "Scanner profile: {name}.",
    "no_profile": "No profile of this scanner: CTDIvol as displayed.",
    "inputs": "{n} input files; SHA-256 of the first {sha256}.",
    "limits": "Estimates for research. They do not replace a physicist's judgement, are not to be "
    "used for decisions about a patient, and effective dose is no measure of a person's risk. No "
    "reference level is shown, for the software knows none that holds where you are.",
    "patient_left_out": "The patient is not named.",
}


class Words:
    """Gives the texts of one table with their values filled in.

    Parameters
    ----------
    texts
        Name to text; a name that is missing is taken from `TEXTS`.

    Examples
    --------
    >>> Words()("mGy", value="1.23")
    '1.23 mGy'
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = {**TEXTS, **(texts or {})}

    def __call__(self, name: str, /, **values: object) -> str:
        text = self._texts[name]
        return text.format(**values) if values else text
