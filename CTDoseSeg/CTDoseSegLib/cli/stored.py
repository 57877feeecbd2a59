"""The commands on a stored result: `report`, `dicom`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from .. import NOTICE
from ..errors import InputError
from ..tasks.progress import Progress, Stage
from .arguments import Command, dicom_kinds, output_folder


def report_command(args: argparse.Namespace, progress: Progress) -> None:
    """Write the report of a result."""
    from ..files.staging import staged_folder
    from ..outputs.stored import read_stored
    from ..outputs.workbook import WORKBOOK, write_workbook
    from ..reading.reader import read_series
    from ..reporting.report.writing import HTML, REPORT_FILES, write_report
    from ..result import read_result

    result, series, labelmap = read_result(args.result), None, None
    if args.ct is not None:
        series = read_series(args.ct, series_uid=args.series, progress=Stage(progress, 0.0, 0.6))
        labelmap = read_stored(_folder(args.result), series).labelmap
    replaced = (args.output / HTML).exists()
    with staged_folder(args.output, replaces=(*REPORT_FILES, WORKBOOK)) as folder:
        progress.update(0.6, "writing the report")
        written = write_report(result, folder, series, labelmap)
        written.append(write_workbook(result, folder / WORKBOOK))
    if series is None:
        sentence = "The report has no picture of the organs; give --ct CT to have it."
        if replaced:
            sentence += " It replaced the report that was in the folder."
        progress.warning("no_organ_picture", sentence)
    _done(args, progress, written)


def dicom_command(args: argparse.Namespace, progress: Progress) -> None:
    """Write a result as DICOM objects."""
    import numpy as np

    from ..files.staging import staged_folder
    from ..outputs.dicom_objects.kinds import FILES, kinds_of
    from ..outputs.dicom_objects.writing import write_dicom_objects
    from ..outputs.stored import read_stored
    from ..reading.reader import read_series
    from ..reporting.report.writing import make_pdf_report

    kinds = kinds_of(args.kinds)
    series = read_series(args.ct, series_uid=args.series, progress=Stage(progress, 0.0, 0.3))
    stored = read_stored(_folder(args.result), series, same_voxels=args.same_voxels)
    pdf = None
    if args.pdf is not None:
        pdf = _read_pdf(args.pdf)
    elif "pdf" in kinds:
        pdf = make_pdf_report(stored.result, series, stored.labelmap)
    # The objects state nothing of the voxels, and making a SEG needs their memory.
    series = replace(series, hu=np.broadcast_to(np.int16(0), series.hu.shape))
    with staged_folder(args.output, replaces=FILES.values()) as folder:
        written = write_dicom_objects(
            series,
            stored.labelmap,
            stored.result,
            folder,
            kinds,
            dose_map=stored.dose_map,
            pdf=pdf,
            progress=Stage(progress, 0.4, 1.0),
        )
        if not written:
            raise InputError(
                f"The result has nothing for {args.kinds or 'no kind'}: a dose map is there after "
                "Monte Carlo alone."
            )
    _done(args, progress, written)


def _read_pdf(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    if not content.startswith(b"%PDF"):
        raise InputError(f"{path.name} is no PDF file; leave out --pdf to have the report drawn.")
    return content


def _done(args: argparse.Namespace, progress: Progress, written: list[Path]) -> None:
    names = [path.name for path in written]
    progress.result(folder=str(args.output), files=names)
    if args.events == "rich":
        print(f"Written to {args.output}: {', '.join(names)}")
        print(NOTICE)


def _folder(result: Path) -> Path:
    return result if result.is_dir() else result.parent


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    from ..outputs.dicom_objects.kinds import DEFAULT_KINDS

    sub = command("report", report_command, "write the report of a stored result")
    _takes_result(sub)
    sub.add_argument(
        "--ct",
        type=Path,
        metavar="CT",
        help="the CT of the result, for the picture of the organs",
    )

    sub = command("dicom", dicom_command, "write a stored result as DICOM objects of its CT")
    _takes_result(sub)
    sub.add_argument("ct", type=Path, metavar="CT", help="the DICOM files that were analysed")
    sub.add_argument(
        "--kinds",
        type=dicom_kinds,
        default=",".join(DEFAULT_KINDS),
        metavar="KINDS",
        help="some of seg, labelmap, sr, rtdose, pdf, joined by commas (default %(default)s)",
    )
    sub.add_argument(
        "--pdf",
        type=Path,
        metavar="FILE",
        help="a report to take in place of the one that is drawn",
    )
    sub.add_argument(
        "--same-voxels",
        action="store_true",
        help="take a CT of other files too, if what was measured in its voxels is the same: for "
        "results of a Slicer scene or of a volume file",
    )


def _takes_result(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("result", type=Path, metavar="RESULT", help="folder that analyze wrote")
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the files"
    )
    sub.add_argument("--series", metavar="UID", help="series to take, by its instance UID")
