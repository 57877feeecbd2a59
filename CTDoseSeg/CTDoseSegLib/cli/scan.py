"""The commands on one CT: `analyze`, `segment`."""

from __future__ import annotations

import argparse
import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Cancelled
from ..tasks.progress import Progress, Stage
from .arguments import (
    Command,
    check_extras,
    chooses_doses,
    chooses_exposure,
    chooses_segmentation,
    output_folder,
    simulation_settings,
    writes_more,
)

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..segmentation.labelmap import Labelmap


def analyze_command(args: argparse.Namespace, progress: Progress) -> None:
    """Analyse a CT: write tables, pictures and result.json."""
    from ..analysis import analyze
    from ..ct.scanner_profile import read_scanner_profile
    from ..dosimetry.engines import DoseEngine, choose_engine
    from ..dosimetry.montecarlo.beam_choice import named_beam
    from ..dosimetry.montecarlo.devices import chosen as chosen_device
    from ..dosimetry.montecarlo.engine import MonteCarloEngine
    from ..outputs.dicom_objects.kinds import kinds_of
    from ..reading.reader import read_series
    from ..reporting.charts import overlay_png
    from ..reporting.figure import new_figure
    from ..reporting.terminal import print_result
    from ..result import Result
    from ..result_folder import write_result

    # A dose engine that cannot use the dose model is refused before anything is read.
    engine: str | DoseEngine = args.dose_engine
    chosen = choose_engine(
        engine, args.dose_model, dose_arrays=args.dose_arrays, region=args.region
    )
    settings = simulation_settings(args)
    check_extras(args)
    segmented, analysed = 0.6, 0.7
    if isinstance(chosen, MonteCarloEngine) and not args.simulated:
        analysed = 0.95  # most of the time goes into the simulation
        segmented = 0.1 if args.segmentation else segmented
        engine = MonteCarloEngine(**settings) if settings else engine
        chosen_device(settings.get("device", "cpu"))
    profile = read_scanner_profile(args.scanner_profile) if args.scanner_profile else None
    if args.beam is not None:
        named_beam(args.beam, profile.beams if profile else ())
    # matplotlib takes as long to import as a CT to read, and what it draws as long as the analysis:
    # most of both is array operations, which leave the interpreter to this thread.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(new_figure, 1, 1)
        series = read_series(
            args.input,
            series_uid=args.series,
            acquisition=args.acquisition,
            rdsr=args.rdsr,
            progress=Stage(progress, 0.0, segmented / 3),
        )
        labelmap = labelmap_of(args, series, Stage(progress, segmented / 3, segmented))
        if args.simulated:
            from ..outputs.simulated import read_simulation

            engine = read_simulation(args.simulated, series)
        overlay = beside.submit(overlay_png, series, labelmap)
        analysis = analyze(
            series,
            labelmap,
            region=args.region,
            dose_engine=engine,
            dose_model=args.dose_model,
            dose_arrays=args.dose_arrays,
            scanner_profile=profile,
            parameters=_parameters(args),
            progress=Stage(progress, segmented, analysed),
        )
        written = write_result(
            analysis,
            args.output,
            Stage(progress, analysed, 1.0),
            dose_batches=args.keep_batches,
            inference_arrays=args.inference_arrays,
            overlay=overlay,
            report=args.report,
            dicom=kinds_of(args.dicom or ""),
        )
    names = [path.relative_to(args.output).as_posix() for path in written]
    progress.result(folder=str(args.output), files=names)
    if args.events == "rich":
        with contextlib.suppress(KeyboardInterrupt, Cancelled):  # all is written already
            print_result(Result.of(analysis), args.output, all_flags=args.all_flags)


def segment_command(args: argparse.Namespace, progress: Progress) -> None:
    """Segment a CT: write the label map with its tables."""
    from ..files.staging import staged_folder
    from ..outputs.tables import SEGMENTATION_FILES, write_labelmap
    from ..reading.reader import read_series

    check_extras(args)
    series = read_series(args.input, series_uid=args.series, progress=Stage(progress, 0.0, 0.3))
    labelmap = labelmap_of(args, series, Stage(progress, 0.3, 0.9))
    with staged_folder(args.output, replaces=SEGMENTATION_FILES) as folder:
        written = write_labelmap(labelmap, folder)
    progress.result(folder=str(args.output), files=[path.name for path in written])


def labelmap_of(args: argparse.Namespace, series: CTSeries, progress: Progress) -> Labelmap:
    """Return the label map that the options of `chooses_segmentation` ask for."""
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
    elif args.extra:
        names.append("extra")
    return {**{name: getattr(args, name) for name in names}, **simulation_settings(args)}


def reads_ct(sub: argparse.ArgumentParser) -> None:
    """Add what every command on a CT takes: what to read, how to segment it, where to write."""
    sub.add_argument(
        "input", type=Path, metavar="INPUT", help="DICOM folder or file, NIfTI, NRRD, npy"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the results"
    )
    sub.add_argument("--series", metavar="UID", help="series to take, by its instance UID")
    chooses_segmentation(sub)


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    sub = command(
        "analyze", analyze_command, "segment a CT, measure WED and SSDE, estimate organ doses"
    )
    reads_ct(sub)
    chooses_doses(sub)
    chooses_exposure(sub)
    sub.add_argument(
        "--simulated",
        type=Path,
        metavar="FOLDER",
        help="montecarlo: result of --keep-batches on this CT; organs of --segmentation that were "
        "edited since get their dose from its dose map, the others keep theirs",
    )
    sub.add_argument(
        "--all-flags",
        action="store_true",
        help="print every flag by its place, not the most serious causes alone",
    )
    writes_more(sub)

    sub = command("segment", segment_command, "write the label map of a CT alone")
    reads_ct(sub)
