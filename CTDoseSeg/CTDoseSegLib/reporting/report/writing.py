"""The report's files: ``report.html`` and ``report.pdf``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .content import report_of
from .page import report_page
from .pdf_page import report_pdf
from .pictures import report_pictures

if TYPE_CHECKING:
    from ...ct.series import CTSeries
    from ...result import Result
    from ...segmentation.labelmap import Labelmap

HTML, PDF = "report.html", "report.pdf"
REPORT_FILES = (HTML, PDF)


def make_pdf_report(
    result: Result, series: CTSeries | None = None, labelmap: Labelmap | None = None
) -> bytes:
    """Return the report as a PDF file; parameters as of `write_report`."""
    return report_pdf(report_of(result), report_pictures(result, series, labelmap))


def write_report(
    result: Result,
    folder: Path,
    series: CTSeries | None = None,
    labelmap: Labelmap | None = None,
) -> list[Path]:
    """Write the report of a result as HTML and as PDF.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    folder
        Existing folder.
    series, labelmap
        The images; without them the picture of the organs is left out.

    Returns
    -------
    list of Path

    Raises
    ------
    DependencyError
        If jinja2 or matplotlib is missing; nothing is written then.

    Examples
    --------
    >>> import tempfile
    >>> from CTDoseSegLib import read_result
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_report(read_result("results"), Path(folder))
    >>> [path.name for path in files]
    ['report.html', 'report.pdf']
    """
    report, pictures = report_of(result), report_pictures(result, series, labelmap)
    page, pdf = report_page(report, pictures), report_pdf(report, pictures)
    written = [folder / HTML, folder / PDF]
    written[0].write_text(page, encoding="utf-8", newline="\n")
    written[1].write_bytes(pdf)
    return written
