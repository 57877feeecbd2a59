"""The command `compare`: two stored results side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..tasks.progress import Progress
from .arguments import Command, output_folder

if TYPE_CHECKING:
    from ..result import Result


def compare_command(args: argparse.Namespace, progress: Progress) -> None:
    """Compare two results: print the table, write it and a picture where a folder is named."""
    from ..result import compare

    a, b = _read(args.a, "A"), _read(args.b, "B")
    comparison = compare(a, b)
    names: list[str] = []
    if args.output is not None:
        from ..files.staging import staged_folder
        from ..outputs.comparison import write_comparison
        from ..reporting.charts_comparison import write_picture

        with staged_folder(args.output) as folder:
            written = [write_picture(a, b, folder), *write_comparison(comparison, folder)]
        names = [path.name for path in written]
    folder_name = str(args.output) if args.output is not None else None
    differ = [organ.organ for organ in comparison.organs if organ.differs]
    progress.result(folder=folder_name, files=names, differ=differ)
    if args.events == "rich":
        from ..reporting.comparison import print_comparison

        print_comparison(comparison)
        if folder_name is not None:
            print(f"Written to {folder_name}")


def _read(path: Path, which: str) -> Result:
    """Read one of the results; the sentence of an error names which."""
    from ..result import read_result

    try:
        return read_result(path)
    except InputError as error:
        raise InputError(f"{which}: {error}") from error


def add(command: Command) -> None:
    """Add the command to the parser."""
    sub = command(
        "compare", compare_command, "compare two results: organ doses, dose indices, body size"
    )
    sub.add_argument(
        "a", type=Path, metavar="A", help="folder that analyze wrote, or its result.json"
    )
    sub.add_argument("b", type=Path, metavar="B", help="the other one; differences are B less A")
    sub.add_argument(
        "--output",
        type=output_folder,
        metavar="DIR",
        help="also write comparison.csv, comparison_slices.csv and a picture of both diameters",
    )
