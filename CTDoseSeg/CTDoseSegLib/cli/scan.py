"""The commands on one CT: `analyze`, `segment`, `export`."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..ct.organs import LABEL_TABLES
from ..errors import Cancelled
from ..tasks.progress import Progress, Stage
from .arguments import (
    Command,
    chooses_doses,
    chooses_networks,
    device_name,
    engine_name,
    label_names,
    output_folder,
)

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..segmentation.labelmap import Labelmap


def analyze_command(args: argparse.Namespace, progress: Progress) -> None:
    """Analyse a CT: write tables, pictures and result.json."""
    from ..analysis import analyze
    from ..ct.scanner_profile import read_scanner_profile
    from ..dosimetry.engines import choose_engine
    from ..reading.reader import read_series
    from ..reporting.terminal import print_result
    from ..result import Result
    from ..result_folder import write_result

    # A dose engine that cannot use the dose model is refused before anything is read.
    choose_engine(args.dose_engine, args.dose_model, region=args.region)
    profile = read_scanner_profile(args.scanner_profile) if args.scanner_profile else None
    series = read_series(
        args.input,
        series_uid=args.series,
        acquisition=args.acquisition,
        rdsr=args.rdsr,
        progress=Stage(progress, 0.0, 0.2),
    )
    labelmap = _labelmap(args, series, Stage(progress, 0.2, 0.6))
    analysis = analyze(
        series,
        labelmap,
        region=args.region,
        dose_engine=args.dose_engine,
        dose_model=args.dose_model,
        scanner_profile=profile,
        parameters=_parameters(args),
        progress=Stage(progress, 0.6, 0.7),
    )
    written = write_result(analysis, args.output, Stage(progress, 0.7, 1.0))
    progress.result(folder=str(args.output), files=[path.name for path in written])
    if args.events == "rich":
        with contextlib.suppress(KeyboardInterrupt, Cancelled):  # all is written already
            print_result(Result.of(analysis), args.output, all_flags=args.all_flags)


def segment_command(args: argparse.Namespace, progress: Progress) -> None:
    """Segment a CT: write the label map with its tables."""
    from ..files.staging import staged_folder
    from ..outputs.tables import write_labelmap
    from ..reading.reader import read_series

    series = read_series(args.input, series_uid=args.series, progress=Stage(progress, 0.0, 0.3))
    labelmap = _labelmap(args, series, Stage(progress, 0.3, 0.9))
    with staged_folder(args.output) as folder:
        written = write_labelmap(labelmap, folder)
    progress.result(folder=str(args.output), files=[path.name for path in written])


def export_command(args: argparse.Namespace, progress: Progress) -> None:
    """Export a CT: write HU volume, organ volume and organ surface."""
    from ..outputs.export import export
    from ..reading.reader import read_series

    series = read_series(args.input, series_uid=args.series, progress=Stage(progress, 0.0, 0.4))
    labelmap = None
    if args.organ or args.segmentation:
        labelmap = _labelmap(args, series, Stage(progress, 0.4, 0.7))
    written = export(
        series,
        labelmap,
        args.output,
        spacing_mm=args.spacing,
        organ=args.organ,
        mesh=args.mesh,
        progress=Stage(progress, 0.7, 1.0),
    )
    progress.result(folder=str(args.output), files=[path.name for path in written])


def _labelmap(args: argparse.Namespace, series: CTSeries, progress: Progress) -> Labelmap:
    from ..segmentation.segmenting import segment

    return segment(
        series,
        args.engine,
        user_segmentation=args.segmentation,
        labels=args.labels,
        unet=args.unet,
        quality=args.quality,
        device=args.device,
        extra=args.extra,
        progress=progress,
    )


def _parameters(args: argparse.Namespace) -> dict[str, object]:
    """Return what the user chose, for the provenance, which holds the input by its hashes."""
    names = ["engine", "segmentation", "labels", "acquisition", "rdsr", "scanner_profile"]
    if args.engine == "totalsegmentator":
        names += ["quality", "device", "extra"]
    return {name: getattr(args, name) for name in names}


def _reads_ct(sub: argparse.ArgumentParser) -> None:
    """Add what every command on a CT takes: what to read, how to segment it, where to write."""
    sub.add_argument(
        "input", type=Path, metavar="INPUT", help="DICOM folder or file, NIfTI, NRRD, npy"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the results"
    )
    sub.add_argument("--series", metavar="UID", help="series to take, by its instance UID")
    sub.add_argument(
        "--engine",
        type=engine_name,
        choices=("auto", "classical", "unet", "totalsegmentator"),
        default="auto",
        help="what segments the CT; threshold is another name of classical",
    )
    chooses_networks(sub)
    sub.add_argument(
        "--device",
        type=device_name,
        default="auto",
        metavar="auto|cpu|gpu|gpu:N|mps",
        help="where TotalSegmentator computes",
    )
    sub.add_argument(
        "--unet", type=Path, metavar="FOLDER", help="a UNet of your own, from train-unet"
    )
    sub.add_argument(
        "--segmentation",
        type=Path,
        metavar="FILE",
        help="label map on the grid of the CT: NIfTI, NRRD or DICOM SEG; names of its labels are "
        "read from it, or from labels.csv or dataset.json beside it",
    )
    sub.add_argument(
        "--labels",
        type=label_names,
        metavar="NAMES|FILE.csv",
        help=f"names of the labels where the label map has none: {', '.join(LABEL_TABLES)}, or a "
        "table with the columns value and name",
    )


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    sub = command(
        "analyze", analyze_command, "segment a CT, measure WED and SSDE, estimate organ doses"
    )
    _reads_ct(sub)
    chooses_doses(sub)
    sub.add_argument(
        "--acquisition", type=Path, metavar="FILE.json", help="exposure values that you type"
    )
    sub.add_argument(
        "--rdsr",
        type=Path,
        metavar="FILE",
        help="the scanner's dose report (X-Ray Radiation Dose SR) of the examination",
    )
    sub.add_argument(
        "--scanner-profile",
        type=Path,
        metavar="FILE.json",
        help="what was measured on the scanner: CTDIvol check, overranging, CTDI per mAs",
    )
    sub.add_argument(
        "--all-flags",
        action="store_true",
        help="print every flag by its place, not the most serious causes alone",
    )

    sub = command("segment", segment_command, "write the label map of a CT alone")
    _reads_ct(sub)

    sub = command(
        "export", export_command, "write the HU volume, an organ's volume and its surface"
    )
    _reads_ct(sub)
    sub.add_argument(
        "--spacing", type=float, metavar="MM", help="also resample to this isotropic spacing"
    )
    sub.add_argument("--organ", metavar="NAME", help="also mask the volume to this organ")
    sub.add_argument("--mesh", action="store_true", help="also the organ's surface (STL and PLY)")
