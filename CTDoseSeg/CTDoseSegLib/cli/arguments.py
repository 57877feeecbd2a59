"""What several commands take: kinds of values, and options that they share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from ..ct.organs import LABEL_TABLES

# Adds a command of this name, function and summary, and returns its parser.
Command = Callable[[str, Callable, str], argparse.ArgumentParser]


def whole_number(text: str) -> int:
    """Return a whole number from 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("write a whole number from 1")
    return int(text)


def positive_minutes(text: str) -> float:
    """Return minutes above 0."""
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < 1e6:
        raise argparse.ArgumentTypeError("write a number of minutes above 0")
    return minutes


def output_folder(text: str) -> Path:
    """Return a folder to write to; an empty text, which would be the current one, is refused."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; name a folder")
    return Path(text)


def device_name(text: str) -> str:
    """Return a device as TotalSegmentator names it."""
    if not re.fullmatch(r"auto|cpu|mps|gpu(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, gpu, gpu:N, mps")
    return text


def engine_name(text: str) -> str:
    """Return the name of a segmentation engine, for ``threshold`` that which results keep."""
    return "classical" if text == "threshold" else text


def label_names(text: str) -> str | Path:
    """Return the name of a table of labels, or a CSV file that is one."""
    if text in LABEL_TABLES:
        return text
    if not text.lower().endswith(".csv"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of {', '.join(LABEL_TABLES)}, and no CSV file"
        )
    return Path(text)


def chooses_networks(sub: argparse.ArgumentParser) -> None:
    """Add the options that choose TotalSegmentator's networks."""
    sub.add_argument(
        "--quality",
        choices=("full", "fast", "fastest"),
        default="fast",
        help="TotalSegmentator's resolution: 1.5, 3 or 6 mm",
    )
    sub.add_argument(
        "--extra",
        choices=("lung_vessels", "heart_chambers", "body"),
        nargs="+",
        default=(),
        help="what TotalSegmentator is to find besides; heart_chambers needs a licence of it",
    )


def chooses_doses(sub: argparse.ArgumentParser) -> None:
    """Add the options that choose how organ doses are estimated."""
    sub.add_argument(
        "--region",
        choices=("auto", "chest", "abdomen"),
        default="auto",
        help="whose dose models to use; auto: each organ by the region whose model knows it",
    )
    sub.add_argument(
        "--dose-engine",
        choices=("auto", "fast", "published"),
        default="auto",
        help="what estimates the organ doses; auto: published for a folder of the published "
        "repository, else fast",
    )
    sub.add_argument(
        "--dose-model",
        default="bundled",
        metavar="bundled|FOLDER",
        help="FOLDER of the published repository: its networks as a reference mode; of "
        "train-dose: a fast dose model of your own",
    )
