"""The command that fits a scanner's beams to measured CTDI."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..tasks.progress import Progress
from .arguments import Command, output_folder

if TYPE_CHECKING:
    from ..dosimetry.montecarlo.commission import FittedBeam


def commission_command(args: argparse.Namespace, progress: Progress) -> None:
    """Fit beams of a scanner to measured CTDI and write them into a scanner profile."""
    from dataclasses import asdict

    from ..dosimetry.montecarlo.commission import commission
    from ..dosimetry.montecarlo.measured_ctdi import read_measured_ctdi
    from ..errors import DependencyError
    from ..files.staging import staged_folder
    from ..outputs.commissioning import profile_with_beams, write_commissioning
    from ..reporting.charts_commission import PICTURE, write_commission_chart

    measured = read_measured_ctdi(args.measurements)
    fits = commission(measured, progress=progress)
    values = profile_with_beams(measured, fits, args.scanner_profile)
    with staged_folder(args.output, replaces=(PICTURE,)) as folder:
        written = write_commissioning(values, fits, folder)
        try:
            written.append(write_commission_chart(fits, folder))
        except DependencyError as error:
            progress.warning("no_pictures", str(error))
    progress.result(
        folder=str(args.output),
        files=[path.name for path in written],
        beams=[asdict(fit.beam) for fit in fits],
    )
    if args.events == "rich":
        for fit in fits:
            _print(fit)


def _print(fit: FittedBeam) -> None:
    beam = fit.beam
    print(
        f"{beam.name}: half-value layer {beam.hvl_mm:.2f} +- {beam.hvl_sd_mm:.2f} mm Al at 120 kV, "
        f"bowtie filter like {beam.bowtie} with {beam.bowtie_scale:.2f} times its thickness."
    )
    worst = max(fit.residuals, key=lambda residual: abs(residual.percent))
    print(
        f"  {len(fit.residuals)} measurements; the largest difference is {worst.percent:+.1f} % "
        f"({worst.reading.words})."
    )
    if beam.alternatives:
        print(f"  These filters fit nearly as well: {', '.join(beam.alternatives)}.")


def add(command: Command) -> None:
    """Add the command to the parser."""
    sub = command("commission", commission_command, "fit a scanner's beams to measured CTDI")
    sub.description = (
        "Fit half-value layer and bowtie filter of a scanner to CTDI that was measured in phantoms "
        "and in air, and write a scanner profile whose beams the Monte Carlo engine takes."
    )
    sub.add_argument(
        "measurements", type=Path, metavar="MEASURED.json", help="what was measured, by filter"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder to write"
    )
    sub.add_argument(
        "--scanner-profile",
        type=Path,
        metavar="FILE.json",
        help="a profile of this scanner, to which the beams are added (default: a new profile)",
    )
