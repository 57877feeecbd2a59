"""The commands on an archive: `discover` and `batch`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..errors import Cancelled
from ..tasks.progress import Progress
from .arguments import (
    Command,
    check_extras,
    chooses_doses,
    chooses_exposure,
    chooses_segmentation,
    options_that_differ,
    output_folder,
    positive_minutes,
    simulation_settings,
    whole_number,
    writes_more,
)

BATCH_CANCELLED = (
    "The batch was cancelled; what is finished is kept, start the same command again to go on."
)


def discover_command(args: argparse.Namespace, progress: Progress) -> None:
    """List what an archive holds, and write the plan of a batch."""
    from ..batch.discovery import discover
    from ..batch.plan import read_plan, write_plan
    from ..files.staging import writing_to

    with writing_to(args.output):
        included = write_plan(args.output, discover(args.input, progress))
    progress.result(folder=str(args.output.parent), files=[args.output.name], included=included)
    if args.events == "rich":
        from ..reporting.terminal import print_plan

        print_plan(read_plan(args.output))
        print(f"{included} scans to be analysed; plan written to {args.output}")


def batch_command(args: argparse.Namespace, progress: Progress) -> None:
    """Analyse every scan of an archive or a plan; every one done or listed with its reason."""
    from .. import NOTICE
    from ..batch.runner import Choices, run_batch

    choices = Choices(
        arguments=analysis_arguments(args),
        workers=args.workers,
        scheduler=args.scheduler,
        time_limit_s=60 * args.time_limit_min,
        retry_failed=args.retry_failed,
        salt=args.salt,
        identity=args.identity,
    )
    try:
        counts = run_batch(args.input, args.output, choices, progress)
    except Cancelled as error:
        raise Cancelled(BATCH_CANCELLED) from error
    progress.result(folder=str(args.output), **counts)
    if args.events == "rich":
        print(f"{counts['done']} scans analysed, {counts['failed']} failed.")
        print(f"Written to {args.output}: summary.html, exams.csv, doses.csv, failures.csv")
        print(NOTICE)


def analysis_options(sub: argparse.ArgumentParser) -> None:
    """Add the options of `analyze` that hold for every scan of a batch."""
    chooses_segmentation(sub)
    chooses_doses(sub)
    chooses_exposure(sub)
    writes_more(sub)


def analysis_arguments(args: argparse.Namespace) -> tuple[str, ...]:
    """Return `analyze`'s own arguments; refuse a choice that no scan could follow."""
    from ..ct.acquisition import read_typed_acquisition
    from ..ct.scanner_profile import read_scanner_profile
    from ..dosimetry.engines import BUNDLED, choose_engine

    choose_engine(
        args.dose_engine, args.dose_model, dose_arrays=args.dose_arrays, region=args.region
    )
    simulation_settings(args)
    check_extras(args)
    parser = argparse.ArgumentParser()
    analysis_options(parser)
    if args.dose_model != BUNDLED:
        args.dose_model = os.path.abspath(args.dose_model)
    arguments = tuple(options_that_differ(args, parser))
    if args.acquisition:
        read_typed_acquisition(args.acquisition)
    if args.scanner_profile:
        read_scanner_profile(args.scanner_profile)
    return arguments


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    sub = command(
        "discover", discover_command, "list what an archive holds and write the plan of a batch"
    )
    sub.add_argument(
        "input", type=Path, metavar="ARCHIVE", help="folder, zip archive, DICOMDIR or file"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="PLAN.csv", help="plan to write"
    )

    sub = command("batch", batch_command, "analyse every scan of an archive; restartable")
    sub.add_argument(
        "input", type=Path, metavar="PLAN_OR_FOLDER", help="plan of discover, or an archive"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder of the run"
    )
    analysis_options(sub)
    sub.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="scans at once; else by processors and memory",
    )
    sub.add_argument(
        "--scheduler",
        metavar="ADDRESS|local",
        help="a Dask scheduler (tcp://...), or a Dask cluster on this machine",
    )
    sub.add_argument(
        "--time-limit-min",
        type=positive_minutes,
        default=60.0,
        metavar="MIN",
        help="time limit of each scan",
    )
    sub.add_argument(
        "--retry-failed", action="store_true", help="also try again what failed for good"
    )
    sub.add_argument(
        "--salt",
        type=Path,
        metavar="FILE",
        help="file with the salt of the pseudonyms; else the run makes its own",
    )
    sub.add_argument(
        "--identity", action="store_true", help="put study and series UIDs into the tables"
    )
