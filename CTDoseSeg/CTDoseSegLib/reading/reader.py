"""`read_series`: whatever file a CT came in, as a `CTSeries`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..ct.acquisition import TypedAcquisition, read_typed_acquisition
from ..ct.dose_report import DoseReport
from ..ct.series import CTSeries
from ..dicom.header import Header
from ..dicom.headers import iter_frames, read_header
from ..dicom.identity import without_file_name
from ..dicom.pixels import read_volume
from ..errors import AcquisitionError, InputError, SeveralPatientsError
from ..files.walking import find_files
from ..flags import Flag, flag
from ..tasks.progress import Events
from . import grouping
from .dose_report_file import read_dose_report
from .dose_report_use import FolderReports, image_event, matched_to, reports_in, with_reports_of
from .exposure import MISSING, missing_flags, read_exposure, slice_info
from .irradiation_events import folder_events
from .selection import choose
from .stacking import stack
from .volume_file import HIGHEST_AIR_HU, is_volume_file, pixel_identity, read_volume_file

# Names the DICOM files of one study, a path a line: the batch hands studies over so.
FILE_LIST = ".files"
SCAN_SHARE = 0.4  # of the progress: headers first, then pixels


def read_series(
    path: str | Path,
    *,
    series_uid: str | None = None,
    acquisition: str | Path | None = None,
    rdsr: str | Path | None = None,
    events: Events | None = None,
) -> CTSeries:
    """Read a CT series.

    Parameters
    ----------
    path
        A DICOM file or folder (searched with its subfolders), ``.nii``, ``.nii.gz``, ``.nrrd``,
        ``.npy`` with ``.json`` beside it, or a ``.files`` list of DICOM files, a path a line.
    series_uid
        Which series of a DICOM folder, by its UID or the end of it; else the fittest by the
        rules of `selection`.
    acquisition
        JSON file of values that a user typed; they replace those of the image and the report.
    rdsr
        Dose report (X-Ray Radiation Dose SR) of the examination; else one of the same study that
        lies in the folder is used. It gives what the images lack.
    events
        Hears of progress and may cancel.

    Raises
    ------
    InputError
        Or one of its kinds, if no CT can be read: the sentence says which file or tag.
    SeveralPatientsError
        If a folder holds several patients and `series_uid` does not say which.
    Cancelled
        If `events` was cancelled.
    """
    events = events or Events()
    path = Path(path)
    typed = read_typed_acquisition(acquisition) if acquisition is not None else None
    report = read_dose_report(rdsr) if rdsr is not None else None
    try:
        exists, folder = path.exists(), path.is_dir() or path.suffix == FILE_LIST
    except (OSError, ValueError) as error:
        raise InputError("The input path cannot be opened; check it.") from error
    if not exists:
        raise InputError(f"{path.name} does not exist; check the path.")
    if not folder and is_volume_file(path):
        if path.stat().st_size == 0:
            raise InputError(f"{path.name} is empty (0 bytes); copy or export it again.")
        series = read_volume_file(path)
        if report is not None:
            images = image_event(series.z_mm, series.slices)
            series = matched_to(series, report, images, given=True)
    else:
        series = _read_dicom(path, folder, series_uid, report, events)
    events.progress(1.0, "reading done")
    return with_typed(series, typed) if typed else series


def with_typed(series: CTSeries, typed: TypedAcquisition) -> CTSeries:
    """`series` with the values that a user typed in place of its own.

    Raises
    ------
    AcquisitionError
        If a list has neither one value nor one for each slice.
    """
    columns: dict[str, Sequence[float]] = {}
    for name, values in typed.per_slice.items():
        if len(values) not in (1, len(series.slices)):
            raise AcquisitionError(
                f"{name} has {len(values)} values for {len(series.slices)} slices; give one for "
                "all or one for each."
            )
        columns[name] = values * len(series.slices) if len(values) == 1 else values
    acquisition = typed.apply(series.acquisition)
    slices = [
        replace(item, **{name: values[k] for name, values in columns.items()})
        for k, item in enumerate(series.slices)
    ]
    rotation, pitch = acquisition.rotation_time_s, acquisition.pitch
    touched = {"rotation_time_s", "pitch", "tube_current_mA"} & {*typed.values, *columns}
    if "effective_mAs" not in columns and touched and rotation and pitch:
        slices = [
            item
            if item.tube_current_mA is None
            else replace(item, effective_mAs=item.tube_current_mA * rotation / pitch)
            for item in slices
        ]
        sources = {
            **acquisition.sources,
            "effective_mAs": "computed: mA x rotation time / pitch (user)",
        }
        acquisition = replace(acquisition, sources=sources)
    still = {f.code for f in missing_flags(acquisition, slices)}
    flags = tuple(f for f in series.flags if f.code not in MISSING or f.code in still)
    return replace(series, acquisition=acquisition, slices=tuple(slices), flags=flags)


def _read_dicom(
    path: Path,
    folder: bool,
    series_uid: str | None,
    report: DoseReport | None,
    events: Events,
) -> CTSeries:
    headers, remarks, flags = _scan(path, folder, events)
    groups = everything = grouping.group(headers)
    uids = {g.headers[0].text("SeriesInstanceUID") for g in groups}
    if series_uid is not None:
        meant = _series_meant(series_uid, uids)
        groups = [g for g in groups if g.headers[0].text("SeriesInstanceUID") == meant]
    candidates = [g.candidate(i) for i, g in enumerate(groups)]
    if len({c.patient for c in candidates}) > 1:
        raise SeveralPatientsError(grouping.several_patients(candidates))
    # A report beside the series is no candidate; without a CT it is among the reasons.
    found = reports_in(everything) if folder and report is None else FolderReports()
    candidates = [c for c in candidates if groups[c.index] not in found.groups] or candidates
    chosen, left_out = choose(candidates, asked_for=series_uid is not None or not folder)
    if chosen is None:
        reasons = "; ".join(f"{said[:1].lower()}{said[1:]}".rstrip(".") for said in left_out[:5])
        raise InputError(f"No CT series that can be measured was found: {reasons}.")
    parts = [g for g in groups if g.series == groups[chosen.index].series]
    series, measured = _build(groups[chosen.index], parts, (*left_out, *remarks), flags, events)
    images = image_event(series.z_mm, series.slices, measured)
    own = [g for g in everything if g.patient == groups[chosen.index].patient]
    series = replace(series, folder_events=folder_events(own, measured))
    if report is not None:
        series = matched_to(series, report, images, given=True)
    else:
        series = with_reports_of(found, series, images)
    if series.dose_report is None and (others := series.folder_events.scans):
        remark = flag("other_exposures", f"{len(others)}, the first is the {others[0]}")
        series = replace(series, flags=(*series.flags, remark))
    return series


def _series_meant(asked_for: str, uids: set[str]) -> str:
    """The UID asked for, or the one that ends with it: lists show the end alone."""
    if asked_for in uids:
        return asked_for
    found = [uid for uid in uids if asked_for and uid.endswith(asked_for)]
    if not found:
        raise InputError(
            f"None of the {len(uids)} series in the folder has the UID asked for; leave it out to "
            "see what there is."
        )
    if len(found) > 1:
        raise InputError(f"{len(found)} series have a UID that ends so; give more of the UID.")
    return found[0]


def _scan(path: Path, folder: bool, events: Events) -> tuple[list[Header], list[str], list[Flag]]:
    """Headers of all DICOM files; what was left out, in words; flags."""
    if path.suffix == FILE_LIST:
        files, hidden = [os.fsdecode(name) for name in path.read_bytes().split(b"\0") if name], 0
    else:
        files, hidden = find_files(path) if folder else ([os.fspath(path)], 0)
    if not files:
        raise InputError("The folder is empty; give the folder that holds the DICOM files.")
    headers: list[Header] = []
    damaged: list[str] = []
    reasons: list[str] = []
    foreign: list[str] = []
    step = max(1, len(files) // 20)
    for n, file in enumerate(files):
        name = os.path.basename(file)
        if n % step == 0:
            events.progress(SCAN_SHARE * n / len(files), f"looking at file {n + 1} of {len(files)}")
        try:
            header = read_header(file)
            if header is not None:
                headers.extend(iter_frames(header))
            elif folder and _is_empty_slice(file):
                raise InputError(f"{name}: it is empty (0 bytes); copy or export it again.")
            else:
                foreign.append(file)
        except InputError as error:
            damaged.append(str(error))
            reasons.append(without_file_name(str(error), name))
    if not headers:
        raise InputError(_nothing_found(files, foreign, damaged, folder))
    remarks = []
    if foreign or hidden:
        remarks.append(f"{len(foreign) + hidden} files were left out: they are not DICOM images.")
    flags = []
    if damaged:
        # These travel with the result: file names, which can name the patient, stay out.
        remarks += [f"A DICOM file was not read: {said}" for said in reasons[:10]]
        detail = f"{len(damaged)} files, the first: {reasons[0].rstrip('.')}"
        flags.append(flag("files_unreadable", detail))
    return headers, remarks, flags


def _is_empty_slice(file: str) -> bool:
    return file.lower().endswith((".dcm", ".ima")) and os.path.getsize(file) == 0


def _nothing_found(files: list[str], foreign: list[str], damaged: list[str], folder: bool) -> str:
    if damaged:
        return damaged[0]
    name = os.path.basename(files[0])
    if not folder:
        if os.path.getsize(files[0]) == 0:
            return f"{name} is empty (0 bytes); copy or export it again."
        return f"{name} is neither DICOM nor NIfTI, NRRD or npy; give the CT series itself."
    volumes = [os.path.basename(f) for f in foreign if is_volume_file(Path(f))]
    if volumes:
        return f"The folder has no DICOM file but {volumes[0]}; give that file itself."
    return f"None of the {len(files)} files in the folder is DICOM; give the CT series' folder."


def _build(
    chosen: grouping.Group,
    parts: Sequence[grouping.Group],
    left_out: tuple[str, ...],
    flags: list[Flag],
    events: Events,
) -> tuple[CTSeries, list[Header]]:
    """The series of the chosen group and its headers in slice order.

    Phases and duplicates are settled, slices stacked, pixels read.
    """
    others = sum(len(g.headers) for g in parts if g is not chosen)
    if others:
        flags.append(flag("mixed_series", f"{others} of {others + len(chosen.headers)} images"))
    headers, found = grouping.one_phase(chosen.headers)
    flags += found
    geometry = stack(headers)
    headers = [headers[i] for i in geometry.order]
    flags += geometry.flags
    flags += grouping.kind_flags(headers)
    hu, found = read_volume(headers, events, (SCAN_SHARE, 1.0))
    flags += found
    if hu.min() > HIGHEST_AIR_HU:
        flags.append(flag("not_hu", f"no value is below {HIGHEST_AIR_HU}"))
    acquisition, exposures, found = read_exposure(headers, geometry.z_mm)
    flags += found
    problems = Counter(k for header in headers for k in header.problems)
    if problems:
        flags.append(flag("tags_unreadable", ", ".join(sorted(problems))))
    slices = tuple(
        slice_info(header, exposure, z)
        for header, exposure, z in zip(headers, exposures, geometry.z_mm, strict=True)
    )
    uid = headers[0].text("SeriesInstanceUID")
    series = CTSeries(
        hu=hu,
        affine=geometry.affine,
        slices=slices,
        acquisition=acquisition,
        identity=uid or pixel_identity(hu),
        regular=geometry.regular,
        flags=tuple({f.code: f for f in reversed(flags)}.values())[::-1],
        files=tuple(dict.fromkeys(header.path for header in headers)),
        description=grouping.description(headers[0]),
        left_out=left_out,
    )
    return series, headers
