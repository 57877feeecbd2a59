"""Everything of an analysis as a folder: tables, pictures, label map and result.json."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DependencyError, InputError
from .files.staging import RESULT, staged_folder
from .outputs.dicom_objects.kinds import FILES as DICOM_FILES
from .outputs.dicom_objects.writing import write_dicom_objects
from .outputs.dose_maps import DOSE_MAP_FILES, write_dose_map
from .outputs.dose_volume import DOSE_VOLUME, write_dose_volume
from .outputs.inference_arrays import INFERENCE_ARRAYS, incomplete, write_inference_arrays
from .outputs.result_json import write_result_json
from .outputs.tables import SEGMENTATION_FILES, write_labelmap, write_tables
from .outputs.workbook import WORKBOOK, write_workbook
from .reporting.charts import CHARTS, write_charts
from .reporting.report.writing import REPORT_FILES, make_pdf_report, write_report
from .result import Result
from .tasks.progress import Progress, Stage

if TYPE_CHECKING:
    from .analysis import Analysis

# What an earlier run may have left that this one need not write.
_REPLACED = (
    *(*CHARTS, *SEGMENTATION_FILES, *DOSE_MAP_FILES, DOSE_VOLUME, INFERENCE_ARRAYS),
    *(*REPORT_FILES, WORKBOOK, *DICOM_FILES.values()),
)


def write_result(
    analysis: Analysis,
    target: str | Path,
    progress: Progress | None = None,
    *,
    dose_batches: bool = False,
    inference_arrays: bool = False,
    overlay: Future[bytes] | None = None,
    report: bool = False,
    dicom: Sequence[str] = (),
) -> tuple[Path, ...]:
    """Write all tables, pictures, the segmentation and ``result.json`` to the folder `target`.

    Where the dose engine made a dose map, that is written too (`outputs.dose_maps`), with the
    organs' dose-volume histograms (`outputs.dose_volume`).

    Without matplotlib the pictures are left out with a warning; those of an earlier run are
    removed, for they would show another result.

    Parameters
    ----------
    analysis
        What to write.
    target
        Folder; made with its parents where it is missing.
    progress
        Takes progress; may cancel.
    dose_batches
        Also write the batches of the dose map, from which doses of regions drawn later follow.
    inference_arrays
        Also write each organ's rows as the published networks take them
        (`outputs.inference_arrays`); the result gets a flag where rows lack a value.
    overlay
        Of a picture that is drawn already, `reporting.charts.overlay_png`.
    report
        Also write ``report.html``, ``report.pdf`` and ``tables.xlsx``.
    dicom
        Kinds of DICOM objects to write too (`outputs.dicom_objects`). They carry the patient's
        identity. Where none can be made of this CT, a warning states why.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    OutputError
        If the folder cannot be written or another run is writing it; nothing is left then.

    Examples
    --------
    >>> from CTDoseSegLib import analyze, read_ct, segment, write_result
    >>> series = read_ct("ct")
    >>> files = write_result(analyze(series, segment(series, "classical")), "written")
    >>> "organ_doses.csv" in {file.name for file in files}
    True
    """
    progress = progress or Progress()
    result = Result.of(analysis)
    with (
        staged_folder(target, replaces=_REPLACED) as folder,
        ThreadPoolExecutor(1) as beside,  # compressing voxels leaves the interpreter to pictures
    ):
        progress.update(0.0, "writing tables")
        labels = beside.submit(write_labelmap, analysis.labelmap, folder)
        written = write_tables(result, folder)
        if (dose_map := analysis.doses.dose_map) is not None:
            written += write_dose_map(dose_map, folder, batches=dose_batches)
            written += write_dose_volume(result, analysis.labelmap, dose_map, folder)
        if inference_arrays:
            written += write_inference_arrays(analysis, folder)
            flags = (*result.reading_flags, *incomplete(analysis))
            result = replace(result, reading_flags=flags)
        progress.update(0.3, "drawing pictures")
        try:
            written += write_charts(result, analysis.series, analysis.labelmap, folder, overlay)
        except DependencyError as error:
            progress.warning("no_pictures", str(error))
        if report:
            progress.update(0.7, "writing the report")
            written += write_report(result, folder, analysis.series, analysis.labelmap)
            written.append(write_workbook(result, folder / WORKBOOK))
        if dicom:
            written += _dicom(analysis, result, folder, dicom, Stage(progress, 0.75, 0.9))
        progress.update(0.9, "writing the result")
        written += labels.result()
        segmentation = replace(result.segmentation, file=labels.result()[0].name)
        result = replace(result, segmentation=segmentation)
        written.append(write_result_json(result, folder / RESULT))
        progress.check_cancelled()
    progress.update(1.0, "written")
    return tuple(Path(target) / path.relative_to(folder) for path in written)


def _dicom(
    analysis: Analysis, result: Result, folder: Path, kinds: Sequence[str], progress: Stage
) -> list[Path]:
    series, labelmap = analysis.series, analysis.labelmap
    pdf = make_pdf_report(result, series, labelmap) if "pdf" in kinds else None
    try:
        return write_dicom_objects(
            series,
            labelmap,
            result,
            folder,
            kinds,
            dose_map=analysis.doses.dose_map,
            pdf=pdf,
            progress=progress,
        )
    except InputError as error:
        progress.warning("no_dicom", str(error))
        return []
