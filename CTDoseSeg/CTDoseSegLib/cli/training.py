"""The commands that train and evaluate models: for doses, and the UNet."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import DependencyError
from ..tasks.progress import Progress
from .arguments import Command, output_folder


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
        from ..learning.unet.train import train
    except ImportError as error:
        raise DependencyError(
            f"Training a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks]"
        ) from error

    summary = train(args.config, args.output, progress=progress)
    progress.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for name, dice in summary["dice"].items():
            print(f"{name}: Dice {'not validated' if dice is None else f'{dice:.3f}'}")


def evaluate_unet_command(args: argparse.Namespace, progress: Progress) -> None:
    """Evaluate a UNet on labelled scans."""
    try:
        from ..learning.unet.evaluate import evaluate
    except ImportError as error:
        raise DependencyError(
            f"Evaluating a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks,evaluation]"
        ) from error

    summary = evaluate(args.config, args.unet, args.output, progress=progress)
    progress.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for name, dice in summary["dice"].items():
            print(f"{name}: Dice {'in no case' if dice is None else f'{dice:.3f}'} (median)")


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
    sub.add_argument("config", type=Path, metavar="CONFIG.toml", help="classes, data, schedule")
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the network"
    )

    sub = command("evaluate-unet", evaluate_unet_command, "judge a UNet by labelled scans")
    sub.add_argument("config", type=Path, metavar="CONFIG.toml", help="classes and data")
    sub.add_argument("--unet", type=Path, metavar="FOLDER", help="the network; else the bundled")
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the results"
    )
