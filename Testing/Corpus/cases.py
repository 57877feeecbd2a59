"""All cases of the corpus; `make_corpus.py` writes them out, `README.md` lists them."""

from __future__ import annotations

from .anatomy import ANATOMY
from .base import Case
from .dose import DOSE
from .dose_reports import DOSE_REPORTS
from .effective_dose import EFFECTIVE_DOSE
from .files import FILES
from .presumed import PRESUMED
from .presumed_dicom_labels import PRESUMED_DICOM_LABELS
from .presumed_exposure import PRESUMED_EXPOSURE
from .presumed_names import PRESUMED_NAMES
from .presumed_scans import PRESUMED_SCANS
from .presumed_units import PRESUMED_UNITS
from .presumed_values import PRESUMED_VALUES
from .real import REAL
from .scanner_profiles import SCANNER_PROFILES
from .series import SERIES
from .values import VALUES
from .volumes import VOLUMES

CASES: tuple[Case, ...] = (
    *FILES,
    *SERIES,
    *VALUES,
    *DOSE,
    *EFFECTIVE_DOSE,
    *SCANNER_PROFILES,
    *DOSE_REPORTS,
    *ANATOMY,
    *VOLUMES,
    *PRESUMED,
    *PRESUMED_VALUES,
    *PRESUMED_UNITS,
    *PRESUMED_NAMES,
    *PRESUMED_DICOM_LABELS,
    *PRESUMED_SCANS,
    *PRESUMED_EXPOSURE,
    *REAL,
)


def expectation(case: Case) -> str:
    """What must happen, in a few words."""
    if case.says:
        return "refused (exit 3); the sentence says " + ", ".join(f"`{word}`" for word in case.says)
    said = "a result"
    if case.flags:
        said += " with " + ", ".join(f"`{code}`" for code in case.flags)
    if case.doses is not None:
        said += ", with organ doses" if case.doses else ", without organ doses"
    if case.check is not None:
        said += f" ({(case.check.__doc__ or case.check.__name__).strip().splitlines()[0]})"
    return said


FAMILIES = ("files", "series", "values", "dose", "anatomy", "volumes", "presumed", "real")


def table() -> str:
    """The corpus as a Markdown table."""
    lines = ["| family | case | input | what must happen |", "|---|---|---|---|"]
    for case in CASES:
        what, must = (text.replace("|", "\\|") for text in (case.what, expectation(case)))
        lines.append(f"| {case.family} | {case.name} | {what} | {must} |")
    return "\n".join(lines) + "\n"
