"""The DICOM objects of one result, written together: each with the UIDs that the others name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DependencyError, InputError
from ...tasks.progress import Progress
from .identity import Producer, date
from .kinds import DEFAULT_KINDS, FILES
from .source import SourceCT, read_source

if TYPE_CHECKING:
    from ...ct.series import CTSeries
    from ...dosimetry.dose_map import DoseMap
    from ...result import Result
    from ...segmentation.labelmap import Labelmap


def write_dicom_objects(
    series: CTSeries,
    labelmap: Labelmap,
    result: Result,
    folder: Path,
    kinds: Sequence[str] = DEFAULT_KINDS,
    *,
    dose_map: DoseMap | None = None,
    pdf: bytes | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write DICOM objects of a result.

    They carry the patient's identity, as DICOM does. The same input gives the same UIDs.

    Parameters
    ----------
    series
        The CT; its files are read again.
    labelmap, result
        Of its analysis.
    folder
        Existing.
    kinds
        Some of `KINDS`. A dose map and a PDF are written where there is one.
    dose_map
        In mGy.
    pdf
        Content of the report.
    progress
        Receives progress and warnings; may cancel.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If the CT was not read from DICOM, or its files lack what objects name them by.
    DependencyError
        If highdicom is not installed.
    """
    progress = progress or Progress()
    _need_highdicom()
    source = read_source(series)
    producer = Producer.of(source, labelmap, result)
    written = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that the CT's own files bring along
        for kind, data in _objects(
            source, labelmap, result, producer, kinds, dose_map, pdf, progress
        ):
            progress.check_cancelled()
            date(data, result.provenance.created)
            if sets := source.first.get("SpecificCharacterSet"):
                data.SpecificCharacterSet = sets  # highdicom 0.27, which is Slicer's, drops it
            written.append(folder / FILES[kind])
            data.save_as(written[-1], enforce_file_format=True)
    return written


def _objects(
    source: SourceCT,
    labelmap: Labelmap,
    result: Result,
    producer: Producer,
    kinds: Sequence[str],
    dose_map: DoseMap | None,
    pdf: bytes | None,
    progress: Progress,
) -> Iterator[tuple[str, Any]]:
    from .pdf import make_pdf
    from .rt_dose import make_rt_dose
    from .seg import make_seg
    from .sr import make_sr

    seg = None
    for kind in ("seg", "labelmap"):
        if kind in kinds:
            progress.update(0.0, "writing DICOM SEG")
            try:
                made = make_seg(source, labelmap, producer, as_labelmap=kind == "labelmap")
            except InputError as error:
                progress.warning("no_dicom_seg", str(error))
            else:
                seg = seg or made
                yield kind, made.dataset
    if "sr" in kinds:
        progress.update(0.7, "writing DICOM SR")
        yield "sr", make_sr(source, result, producer, seg)
    if "rtdose" in kinds and dose_map is not None:
        progress.update(0.9, "writing RTDOSE")
        try:
            yield "rtdose", make_rt_dose(source, dose_map, producer)
        except InputError as error:
            progress.warning("no_rtdose", str(error))
    if "pdf" in kinds and pdf is not None:
        yield "pdf", make_pdf(source, pdf, producer)


def _need_highdicom() -> None:
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            'DICOM objects need the package highdicom: pip install "ctdoseseg[dicom]"'
        ) from error
