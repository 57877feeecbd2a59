"""The commands that train and evaluate models: for doses, and the UNet."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DependencyError, UsageError
from ..tasks.progress import Progress
from .arguments import Command, output_folder, whole_number


def train_dose_command(args: argparse.Namespace, progress: Progress) -> None:
    """Fit the dose model to simulated bodies and write it with its card."""
    from ..learning.dose.train import train

    summary = train(args.table, args.output, progress=progress)
    progress.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for line in summary["lines"]:
            print(line)


def evaluate_dose_command(args: argparse.Namespace, progress: Progress) -> None:
    """Hold a dose model against simulated doses of patients in the published format."""
    from ..learning.dose.evaluate import evaluate

    summary = evaluate(args.arrays, args.output, model=args.model, progress=progress)
    progress.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for line in summary["lines"]:
            print(line)


def train_unet_command(args: argparse.Namespace, progress: Progress) -> None:
    """Train a UNet on labelled scans."""
    try:
        from ..learning.unet.config import read_config
        from ..learning.unet.layouts import config_of_folder
        from ..learning.unet.train import train
    except ImportError as error:
        raise DependencyError(
            f"Training a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks]"
        ) from error

    if args.data.suffix.lower() == ".toml":
        if args.labels or args.input_shape or args.epochs:
            raise UsageError(
                "--labels, --input-shape and --epochs go with a folder; a configuration states "
                "them itself."
            )
        config = read_config(args.data)
    else:
        config = config_of_folder(
            args.data, labels=args.labels, input_shape=args.input_shape, epochs=args.epochs
        )
    summary = train(config, args.output, progress=progress)
    progress.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for name, dice in summary["dice"].items():
            print(f"{name}: Dice {'not validated' if dice is None else f'{dice:.3f}'}")
        print(f"Validated on {summary['validated_on']}.")
        for sentence in summary["guidance"]:
            print(sentence)


def evaluate_unet_command(args: argparse.Namespace, progress: Progress) -> None:
    """Evaluate a UNet on labelled scans."""
    try:
        from ..learning.unet.evaluate import evaluate
    except ImportError as error:
        raise DependencyError(
            f"Evaluating a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks,evaluation]"
        ) from error

    summary = evaluate(args.data, args.unet, args.output, progress=progress)
    progress.result(folder=str(args.output), **summary)
    if args.events == "rich":
        _print_parts(summary["parts"])


def _print_parts(parts: Sequence[dict[str, Any]]) -> None:
    """Print the median Dice of each part by itself, the held-out cases first."""
    words = {
        "validation": "Held out from the training",
        "mixed": "Trained on some slices, others held out",
        "training": "Trained on, so no measure of the network",
        "": "Not known to be in the training",
    }
    for one in parts:
        cases = "1 case" if one["cases"] == 1 else f"{one['cases']} cases"
        print(f"{words[one['part']]} ({cases}), median Dice:")
        for name, dice in one["dice"].items():
            print(f"  {name}: {'in no case' if dice is None else f'{dice:.3f}'}")


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    sub = command("train-dose", train_dose_command, "fit the dose model to simulated bodies")
    sub.add_argument(
        "--table",
        type=Path,
        metavar="TABLE.npz",
        help="bodies and their doses, of Testing/Training/dose_learning_set.py; else the bundled",
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the model"
    )

    sub = command("evaluate-dose", evaluate_dose_command, "hold the dose model against arrays")
    sub.description = (
        "Hold the dose model against simulated doses of patients, which it was not fitted to. "
        "Arrays have no CTDIvol: one CTDIvol per mAs for all of them makes the median error 0, "
        "and is printed. SSDE, scaled in the same way, stands beside the model."
    )
    sub.add_argument("arrays", type=Path, metavar="ARRAYS", help="folder in the published format")
    sub.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for the tables"
    )
    sub.add_argument(
        "--model",
        default="bundled",
        metavar="bundled|FOLDER",
        help="FOLDER that train-dose wrote: its model instead of the bundled one",
    )

    sub = command("train-unet", train_unet_command, "train a UNet on labelled scans")
    sub.description = (
        "Train on what CONFIG.toml names, or on the labelled scans in FOLDER: dicoms and labels "
        "(or train with both), Images and Segmentations, images and labels, or folders of DICOM "
        "files with an .npz each."
    )
    sub.add_argument(
        "data",
        type=Path,
        metavar="CONFIG.toml|FOLDER",
        help="classes, data, schedule; or the labelled scans themselves",
    )
    sub.add_argument(
        "--labels",
        type=whole_number,
        default=0,
        metavar="N",
        help="with FOLDER: number of labels, without background; values 1 to N",
    )
    sub.add_argument(
        "--input-shape",
        type=whole_number,
        default=0,
        metavar="PIXELS",
        help="with FOLDER: rows and columns that every slice is brought to; else pixels of 2.5 mm",
    )
    sub.add_argument(
        "--epochs", type=whole_number, default=0, metavar="N", help="with FOLDER: else 100"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the network"
    )

    sub = command("evaluate-unet", evaluate_unet_command, "judge a UNet by labelled scans")
    sub.add_argument(
        "data",
        type=Path,
        metavar="CONFIG.toml|FOLDER",
        help="classes and data; or the labelled scans themselves, in a layout of train-unet",
    )
    sub.add_argument("--unet", type=Path, metavar="FOLDER", help="the network; else the bundled")
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the results"
    )
