"""What several commands take: kinds of values, and options that they share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..ct.organs import LABEL_TABLES
from ..errors import DoseEngineChoiceError, InputError, UsageError
from ..tasks.paths import absolute_if_path

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


def relative_error(text: str) -> float:
    """Return a relative standard error, above 0 and at most 0.2."""
    try:
        part = float(text)
    except ValueError:
        part = 0.0
    if not 0 < part <= 0.2:
        raise argparse.ArgumentTypeError("write a part above 0 and at most 0.2, such as 0.01")
    return part


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
        choices=(
            *("lung_vessels", "heart_chambers", "body"),
            *("breasts", "head_glands", "tissue_types", "contrast_phase"),
        ),
        nargs="+",
        default=(),
        help="what TotalSegmentator is to find besides: head_glands are lenses, eyes and salivary "
        "glands; heart_chambers and tissue_types (fat and muscle) need a licence of it; "
        "contrast_phase is an estimate of seconds after injection and needs the package xgboost",
    )


def chooses_doses(sub: argparse.ArgumentParser) -> None:
    """Add the options that choose how organ doses are estimated."""
    sub.add_argument(
        "--region",
        choices=("auto", "head", "chest", "abdomen", "pelvis", "trunk"),
        default="auto",
        help="doses of the organs of a region alone; auto: of all",
    )
    sub.add_argument(
        "--dose-engine",
        choices=("auto", "fast", "published", "montecarlo"),
        default="auto",
        help="what estimates the organ doses; auto: published for a folder of the published "
        "repository, else fast; montecarlo simulates the photons in this CT, which takes a minute "
        "and needs the package numba",
    )
    sub.add_argument(
        "--dose-model",
        default="bundled",
        metavar="bundled|FOLDER",
        help="FOLDER of the published repository: its networks as a reference mode; of "
        "train-dose: a fast dose model of your own",
    )
    sub.add_argument(
        "--dose-arrays",
        type=Path,
        metavar="FOLDER",
        help="training arrays of the published repository, where --dose-model is a folder of its "
        "networks alone",
    )
    sub.add_argument(
        "--relative-se",
        type=relative_error,
        metavar="PART",
        help="montecarlo: simulate until the dose of every organ over 20 ml that is at least half "
        "in the irradiated range has this relative standard error (default 0.01)",
    )
    sub.add_argument(
        "--max-minutes",
        type=positive_minutes,
        metavar="MIN",
        help="montecarlo: end the simulation after these minutes (default 5)",
    )
    sub.add_argument(
        "--beam",
        metavar="NAME",
        help="montecarlo: name of the beam, such as 'generic body', or of a beam of the scanner "
        "profile (default: by the scanner)",
    )
    sub.add_argument(
        "--keep-batches",
        action="store_true",
        help="montecarlo: also write the dose map by batches of photons (some 10 MB), from which "
        "doses of organs that are edited later follow with their uncertainty",
    )
    sub.add_argument(
        "--inference-arrays",
        action="store_true",
        help="also write inference_arrays/ORGAN/ORGAN_inference_array.npy: a row for each slice of "
        "an organ (mean HU, SD of HU, tube current in mA, WED and slice location in mm, float32)",
    )


def chooses_segmentation(sub: argparse.ArgumentParser) -> None:
    """Add the options that choose what segments a CT."""
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
        help="where TotalSegmentator and Monte Carlo compute (Monte Carlo: mps is auto)",
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


def dicom_kinds(text: str) -> str:
    """Return a list of kinds of DICOM objects as it was given, if all exist."""
    from ..outputs.dicom_objects.kinds import kinds_of

    try:
        kinds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{error}; write --dicom=KINDS, or INPUT before --dicom"
        ) from error
    return text


def writes_more(sub: argparse.ArgumentParser) -> None:
    """Add the options for what is written beside tables and pictures."""
    from ..outputs.dicom_objects.kinds import DEFAULT_KINDS

    every = ",".join(DEFAULT_KINDS)
    sub.add_argument(
        "--report",
        action="store_true",
        help="also write report.html and report.pdf, for people, and tables.xlsx; none names the "
        "patient",
    )
    sub.add_argument(
        "--dicom",
        type=dicom_kinds,
        nargs="?",
        const=every,
        metavar="KINDS",
        help="also write DICOM objects of the CT's study, which carry the patient's identity: "
        f"some of seg, labelmap, sr, rtdose, pdf, joined by commas (without a value {every}; "
        "rtdose where Monte Carlo ran)",
    )


def check_extras(args: argparse.Namespace) -> None:
    """Refuse extras of TotalSegmentator where another engine was chosen, before a CT is read.

    Raises
    ------
    UsageError
        If the engine cannot find them.
    """
    another = args.engine in ("classical", "unet") or (args.engine == "auto" and args.unet)
    if args.extra and another:
        raise UsageError(
            f"--extra {' '.join(args.extra)} is for TotalSegmentator; add --engine "
            f"totalsegmentator{' and leave out --unet' if args.unet else ''}, or leave it out."
        )


def chooses_exposure(sub: argparse.ArgumentParser) -> None:
    """Add the options that give what the images do not state of their exposure."""
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


def simulation_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return what was chosen for Monte Carlo, by the names of `MonteCarloEngine`.

    Raises
    ------
    DoseEngineChoiceError
        If another engine is to estimate the doses.
    """
    settings = {
        name: value
        for name in ("relative_se", "max_minutes", "beam")
        if (value := getattr(args, name)) is not None
    }
    named = {**settings, **{n: True for n in ("keep_batches", "simulated") if vars(args).get(n)}}
    if named and args.dose_engine != "montecarlo":
        option = "--" + next(iter(named)).replace("_", "-")
        raise DoseEngineChoiceError(f"{option} is for Monte Carlo; add --dose-engine montecarlo.")
    device = vars(args).get("device", "auto")
    if args.dose_engine == "montecarlo" and device not in ("auto", "mps"):
        settings["device"] = device  # also that of TotalSegmentator, whatever estimates the doses
    return settings


def options_that_differ(args: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """Return the options whose values are not the parser's own, as another process takes them.

    Paths are made absolute, for that process has another working directory.

    Raises
    ------
    InputError
        If a file or folder that an option names does not exist.
    """
    arguments: list[str] = []
    for action in parser._actions:
        value = getattr(args, action.dest, None)
        if not action.option_strings or value is None or value == action.default:
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        if action.nargs == 0:  # a switch, which takes no value
            values = []
        arguments += [action.option_strings[-1], *(_passed_on(one) for one in values)]
    return arguments


def _passed_on(value: object) -> str:
    if isinstance(value, Path) and not value.exists():
        raise InputError(f"{value.name} does not exist; check the path.")
    return absolute_if_path(value)
