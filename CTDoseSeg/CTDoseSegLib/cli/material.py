"""The commands that make ready what others need: files without identity, weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..tasks.progress import Progress
from .arguments import Command, chooses_networks, output_folder


def deidentify_command(args: argparse.Namespace, progress: Progress) -> None:
    """Write DICOM files without identity."""
    from ..dicom.deidentify import deidentify

    done = deidentify(
        args.input,
        args.output,
        progress,
        keep_characteristics=args.keep_characteristics,
        keep_descriptions=args.keep_descriptions,
    )
    progress.result(
        folder=str(args.output),
        files=done.files,
        patients=done.patients,
        left_out=done.left_out,
        held=done.held,
    )
    if args.events == "rich":
        print(f"{done.files} files of {done.patients} patients written.")
        print("Taken out or changed (by file in held.csv):")
        for sentence in (*done.sentences(), *done.left_out):
            print(sentence)


def weights_command(args: argparse.Namespace, progress: Progress) -> None:
    """Look at, fetch, import or remove TotalSegmentator's weights."""
    from .weights import weights

    summary = weights(args.action, args.names, args.quality, args.extra, progress)
    progress.result(**summary)
    if args.events == "rich":
        for line in summary["lines"]:
            print(line)


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    sub = command(
        "deidentify", deidentify_command, "write DICOM files anew without identity (PS3.15)"
    )
    sub.add_argument("input", type=Path, metavar="IN", help="folder with DICOM files")
    sub.add_argument("output", type=output_folder, metavar="OUT", help="empty folder")
    sub.add_argument(
        "--keep-characteristics",
        action="store_true",
        help="keep age, sex, size and weight (PS3.15's option), so that a child stays a child",
    )
    sub.add_argument(
        "--keep-descriptions",
        action="store_true",
        help="keep the descriptions of study, series and protocol without names, IDs and dates "
        "(PS3.15's option)",
    )

    sub = command(
        "weights", weights_command, "list, fetch, import or remove TotalSegmentator's weights"
    )
    sub.add_argument(
        "action",
        choices=("status", "fetch", "import", "remove"),
        metavar="ACTION",
        help="status: list what is here and what is missing",
    )
    sub.add_argument(
        "names",
        nargs="*",
        metavar="ZIP|NAME",
        help="import: files of TotalSegmentator's releases; remove: what status lists",
    )
    chooses_networks(sub)
