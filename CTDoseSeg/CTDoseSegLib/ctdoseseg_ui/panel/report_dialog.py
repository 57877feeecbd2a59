"""The report of a result: shown, and saved as a PDF by Qt."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import OutputError

if TYPE_CHECKING:
    from ...result import Result

SIZE = (820, 900)
FILE = "report.pdf"
MARGIN_MM = 12
LETTERS_PT = 8


class ReportDialog:
    """A window with the report, which names no patient, and a button that saves it."""

    def __init__(self, result: Result) -> None:
        from ...reporting.report.content import report_of
        from ...reporting.report.plain_page import plain_page

        self._html = plain_page(report_of(result))
        self.window = qt.QDialog()
        self.window.setWindowTitle(_("CT organ dose report"))
        self.window.resize(*SIZE)
        layout = qt.QVBoxLayout(self.window)
        self.text = qt.QTextBrowser()
        self.text.setHtml(self._html)
        layout.addWidget(self.text)
        self.saveButton = qt.QPushButton(_("Save as PDF..."))
        self.saveButton.connect("clicked(bool)", lambda *_args: self._on_save())
        layout.addWidget(self.saveButton)

    def show(self) -> None:
        """Open the window; Slicer can be used beside it."""
        self.window.show()

    def close(self) -> None:
        """Close the window."""
        self.window.close()

    def _on_save(self) -> None:
        path = qt.QFileDialog.getSaveFileName(None, _("Save the report"), FILE, _("PDF (*.pdf)"))
        if not path:
            return
        try:
            print_pdf(self._html, Path(path))
        except OutputError as error:
            slicer.util.errorDisplay(str(error))


def report_pdf(result: Result) -> bytes:
    """Return the report of a result as a PDF that Qt draws."""
    from ...reporting.report.content import report_of
    from ...reporting.report.plain_page import plain_page

    with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as folder:
        path = Path(folder) / "report.pdf"
        print_pdf(plain_page(report_of(result)), path)
        return path.read_bytes()


def print_pdf(html: str, path: Path) -> None:
    """Print HTML as a PDF on A4; a file that is there is replaced by a complete one or stays.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    # Qt reports no failure, and an old file would look like the new one.
    part = path.with_name(f"{path.stem}.part.pdf")
    try:
        part.unlink(missing_ok=True)
        _print(html, part)
        if part.stat().st_size == 0:
            raise OSError(part.name)
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(
            _("The report cannot be written to {name}; choose another folder.").format(
                name=path.name
            )
        ) from error


def _print(html: str, path: Path) -> None:
    printer = qt.QPrinter()
    printer.setOutputFormat(qt.QPrinter.PdfFormat)
    printer.setPageSize(qt.QPageSize(qt.QPageSize.A4))
    printer.setPageMargins(qt.QMarginsF(*[MARGIN_MM] * 4), qt.QPageLayout.Millimeter)
    printer.setOutputFileName(str(path))
    document = qt.QTextDocument()
    document.setDefaultFont(qt.QFont("sans-serif", LETTERS_PT))
    document.setDocumentMargin(0)
    # A document without a size of its own would be given margins once more.
    page, per_inch = printer.pageRect(qt.QPrinter.Inch), qt.QWidget().logicalDpiX()
    document.setPageSize(qt.QSizeF(page.width() * per_inch, page.height() * per_inch))
    document.setHtml(html)
    # `print` is a word of Python 2, which PythonQt and PySide leave with a line below it.
    document.print_(printer)
