"""The command that runs a network on images that nobody labelled: `predict`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DependencyError, InputError
from ..tasks.progress import Progress
from .arguments import Command, output_folder, whole_number

if TYPE_CHECKING:
    from ..learning.unet.predict import Predicted

# Labels side by side in a table on the screen; of longer stacks the first and last slices.
_COLUMNS = 6
_MOST_SLICES, _ENDS = 60, 10


def predict_command(args: argparse.Namespace, progress: Progress) -> None:
    """Label images by a network and measure the labels' areas."""
    from ..reading.images import FieldOfView

    if args.matrix is not None and args.fov is None:
        raise InputError("--matrix is for --fov: a pixel is the field of view divided by it.")
    try:
        from ..learning.unet.predict import predict

        view = None if args.fov is None else FieldOfView(args.fov, args.matrix)
        made = predict(
            args.folder,
            args.unet,
            args.output,
            series_uid=args.series,
            view=view,
            progress=progress,
        )
    except ImportError as error:
        raise DependencyError(
            f"Running a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks]"
        ) from error
    notes = [f"{one.name}: {one.note}" for one in made.stacks if one.note]
    progress.result(
        folder=str(args.output), files=list(made.files), left_out=list(made.left_out), notes=notes
    )
    if args.events == "rich":
        for one in made.stacks:
            _print_areas(one)
        for line in (*notes, *made.left_out):
            print(line)


def _print_areas(one: Predicted) -> None:
    """Print a stack's areas, so many labels side by side as a screen takes."""
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
    except ImportError:  # Slicer's Python has no rich
        print(f"The areas are in {one.name}_areas.csv.")
        return
    areas, console = one.areas, Console()
    if not console.is_terminal:
        console.width = 120
    slices = len(areas.area_mm2)
    ends = (*range(_ENDS), *range(slices - _ENDS, slices))
    shown = range(slices) if slices <= _MOST_SLICES else ends
    for first in range(0, len(areas.names), _COLUMNS):
        chosen = range(first, min(first + _COLUMNS, len(areas.names)))
        table = Table(title=escape(f"{one.name}, {one.label}: area in mm²"))
        table.add_column("slice", justify="right")
        for n in chosen:
            table.add_column(areas.names[n].replace("_", " "), justify="right")
        for k in shown:
            table.add_row(str(k), *(f"{areas.area_mm2[k, n]:.1f}" for n in chosen))
            if k + 1 < slices and k + 1 not in shown:
                table.add_row("...")
        table.add_section()
        for word, values in (("mean", areas.mean_mm2), ("SD (n - 1)", areas.sd_mm2)):
            known = (f"{values[n]:.1f}" if values[n] == values[n] else "-" for n in chosen)
            table.add_row(word, *known)
        console.print(table)


def _field_mm(text: str) -> float:
    """Return a field of view in mm."""
    try:
        width = float(text)
    except ValueError:
        remedy = "write a point, not a comma" if "," in text else "write the width in mm"
        raise argparse.ArgumentTypeError(f"{text} is not a number; {remedy}") from None
    if not 10 <= width <= 3000:
        raise argparse.ArgumentTypeError("write a width from 10 to 3000 mm")
    return width


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    sub = command("predict", predict_command, "label images by a UNet, and measure the areas")
    sub.description = (
        "Run a UNet on the axial CT or MR series of a folder that nobody labelled. For each series "
        "it writes a label image (NIfTI), a PNG of the labels and a JPG in colour of each slice, "
        "an animation (GIF) and the areas in mm2 (CSV)."
    )
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="folder of DICOM images")
    sub.add_argument(
        "--unet", type=Path, metavar="FOLDER", help="network, from train-unet; else the bundled"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the results"
    )
    sub.add_argument("--series", metavar="UID", help="the one series to take; else all of them")
    sub.add_argument(
        "--fov",
        type=_field_mm,
        metavar="MM",
        help="width of the field of view of images that lack PixelSpacing",
    )
    sub.add_argument(
        "--matrix",
        type=whole_number,
        metavar="N",
        help="with --fov: pixels in a row, compared with the images'",
    )
