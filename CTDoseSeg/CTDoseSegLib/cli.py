"""The command `ctdoseseg`.

Parsing is argparse's: Slicer's Python, which runs the same command, has no other parser, and a
first run there must install nothing.
"""

from __future__ import annotations

import _thread
import argparse
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import __version__
from .errors import Cancelled, CTDoseSegError, DependencyError, InputError
from .events import Events, JsonLines, Stage
from .progress import TerminalProgress

NOT_FOR_CLINICAL_USE = "Research software, not for clinical use."
USAGE_ERROR = 2
CANCELLED = 130
CANCELLED_TEXT = "The task was cancelled; nothing was written."
BATCH_CANCELLED = (
    "The batch was cancelled; what is finished is kept, start the same command again to go on."
)
OUT_OF_MEMORY = (
    "The memory of this machine is too small for this scan; give a thicker reconstruction or a "
    "part of it."
)


def analyze_command(args: argparse.Namespace, events: Events) -> None:
    """CT in, tables, pictures and result.json out."""
    from .analysis import analyze
    from .ct.reading import read_series
    from .ct.scanner_profile import read_scanner_profile
    from .reporting.output import write_analysis
    from .reporting.terminal import print_analysis

    profile = read_scanner_profile(args.scanner_profile) if args.scanner_profile else None
    series = read_series(
        args.input,
        series_uid=args.series,
        acquisition=args.acquisition,
        rdsr=args.rdsr,
        events=Stage(events, 0.0, 0.2),
    )
    labelmap = _labelmap(args, series, Stage(events, 0.2, 0.6))
    analysis = analyze(
        series,
        labelmap,
        region=args.region,
        dose_model=args.dose_model,
        scanner_profile=profile,
        parameters=_parameters(args),
        events=Stage(events, 0.6, 0.7),
    )
    written = write_analysis(analysis, args.output, Stage(events, 0.7, 1.0))
    events.result(folder=str(args.output), files=[path.name for path in written])
    if args.events == "rich":
        with contextlib.suppress(KeyboardInterrupt, Cancelled):  # all is written already
            print_analysis(analysis, args.output)


def segment_command(args: argparse.Namespace, events: Events) -> None:
    """CT in, label map with its tables out."""
    from .ct.reading import read_series
    from .reporting.output import staged_folder
    from .reporting.tables import write_labelmap

    series = read_series(args.input, series_uid=args.series, events=Stage(events, 0.0, 0.3))
    labelmap = _labelmap(args, series, Stage(events, 0.3, 0.9))
    with staged_folder(args.output) as folder:
        written = write_labelmap(labelmap, folder)
    events.result(folder=str(args.output), files=[path.name for path in written])


def export_command(args: argparse.Namespace, events: Events) -> None:
    """CT in, HU volume, organ volume and organ surface out."""
    from .ct.reading import read_series
    from .export import export

    series = read_series(args.input, series_uid=args.series, events=Stage(events, 0.0, 0.4))
    labelmap = None
    if args.organ or args.segmentation:
        labelmap = _labelmap(args, series, Stage(events, 0.4, 0.7))
    written = export(
        series,
        labelmap,
        args.output,
        spacing_mm=args.spacing,
        organ=args.organ,
        mesh=args.mesh,
        events=Stage(events, 0.7, 1.0),
    )
    events.result(folder=str(args.output), files=[path.name for path in written])


def phantom_command(args: argparse.Namespace, events: Events) -> None:
    """Write the analytic phantom as a DICOM series with its dose report and its exact truth."""
    from .ct.phantom import Phantom, write_dicom

    written = write_dicom(Phantom(seed=args.seed, variant=args.variant), args.output, events=events)
    events.result(folder=str(args.output), files=[path.name for path in written])


def train_dose_command(args: argparse.Namespace, events: Events) -> None:
    """Fit the dose model to arrays in the published format and write it with its card."""
    from .learning.dose_fit import train

    summary = train(
        args.arrays, args.output, baseline=args.baseline, figures=args.figures, events=events
    )
    events.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for line in summary["lines"]:
            print(line)


def evaluate_dose_command(args: argparse.Namespace, events: Events) -> None:
    """Score a dose model on arrays in the published format, without fitting it."""
    from .learning.evaluate_dose import evaluate

    summary = evaluate(args.arrays, args.output, model=args.model, events=events)
    events.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for line in summary["lines"]:
            print(line)


def evaluate_unet_command(args: argparse.Namespace, events: Events) -> None:
    """Judge a UNet by labelled scans."""
    try:
        from .learning.unet_evaluate import evaluate
    except ImportError as error:
        raise DependencyError(
            f"Evaluating a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks,evaluation]"
        ) from error

    summary = evaluate(args.config, args.unet, args.output, events=events)
    events.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for name, dice in summary["dice"].items():
            print(f"{name}: Dice {'in no case' if dice is None else f'{dice:.3f}'} (median)")


def deidentify_command(args: argparse.Namespace, events: Events) -> None:
    """DICOM files without identity."""
    from .ct.deidentify import deidentify

    done = deidentify(args.input, args.output, events)
    events.result(
        folder=str(args.output), files=done.files, patients=done.patients, left_out=done.left_out
    )
    if args.events == "rich":
        print(f"{done.files} files of {done.patients} patients written.")
        for sentence in done.left_out:
            print(sentence)


def train_unet_command(args: argparse.Namespace, events: Events) -> None:
    """Train a UNet on labelled scans."""
    try:
        from .learning.unet_train import train
    except ImportError as error:
        raise DependencyError(
            f"Training a UNet needs the package {error.name}; install it with: pip install "
            "ctdoseseg[networks]"
        ) from error

    summary = train(args.config, args.output, events=events)
    events.result(folder=str(args.output), **summary)
    if args.events == "rich":
        for name, dice in summary["dice"].items():
            print(f"{name}: Dice {'not validated' if dice is None else f'{dice:.3f}'}")


def weights_command(args: argparse.Namespace, events: Events) -> None:
    """Look at, fetch, import or remove TotalSegmentator's weights."""
    from .weights import weights

    summary = weights(args.action, args.names, args.quality, args.extra, events)
    events.result(**summary)
    if args.events == "rich":
        for line in summary["lines"]:
            print(line)


def discover_command(args: argparse.Namespace, events: Events) -> None:
    """List what an archive holds, and write the plan of a batch."""
    from .batch.discovery import discover
    from .batch.plan import read_plan, write_plan
    from .reporting.output import writing_to

    with writing_to(args.output):
        included = write_plan(args.output, discover(args.input, events))
    events.result(folder=str(args.output.parent), files=[args.output.name], included=included)
    if args.events == "rich":
        from .reporting.terminal import print_plan

        print_plan(read_plan(args.output))
        print(f"{included} scans to be analysed; plan written to {args.output}")


def batch_command(args: argparse.Namespace, events: Events) -> None:
    """Analyse every scan of an archive or a plan; every one done or listed with its reason."""
    from .batch.runner import Choices, run_batch

    dose_model = args.dose_model
    if dose_model != "bundled":
        dose_model = os.path.abspath(dose_model)
    choices = Choices(
        arguments=(
            *("--engine", args.engine, "--region", args.region, "--dose-model", dose_model),
        ),
        workers=args.workers,
        scheduler=args.scheduler,
        time_limit_s=60 * args.time_limit_min,
        retry_failed=args.retry_failed,
        salt=args.salt,
        identity=args.identity,
    )
    try:
        counts = run_batch(args.input, args.output, choices, events)
    except Cancelled as error:
        raise Cancelled(BATCH_CANCELLED) from error
    events.result(folder=str(args.output), **counts)
    if args.events == "rich":
        print(f"{counts['done']} scans analysed, {counts['failed']} failed.")
        print(f"Written to {args.output}: summary.html, exams.csv, doses.csv, failures.csv")
        print(NOT_FOR_CLINICAL_USE)


def _labelmap(args: argparse.Namespace, series, events: Events):
    """The label map that the user gave, completed by an engine's, or the engine's own."""
    from .segmentation.engines import ClassicalEngine, choose
    from .segmentation.given import combine, read_labelmap
    from .segmentation.labelmap import BODY_REST
    from .segmentation.totalsegmentator import TotalSegmentatorEngine

    if args.segmentation:
        organs = read_labelmap(args.segmentation, series)
        if BODY_REST in {atom.name for atom in organs.atoms}:
            return organs  # complete: it needs no outline
        if args.engine == "auto":  # of the networks none was asked for
            return combine(ClassicalEngine().segment(series, events), organs)
    totalsegmentator = TotalSegmentatorEngine(args.quality, args.device, tuple(args.extra))
    labelmap = choose(args.engine, args.unet, totalsegmentator=totalsegmentator).segment(
        series, events
    )
    return combine(labelmap, organs) if args.segmentation else labelmap


def _parameters(args: argparse.Namespace) -> dict[str, object]:
    """What the user chose, for the provenance; the input stands there by its hashes."""
    names = ("engine", "segmentation", "acquisition", "rdsr", "scanner_profile")
    if args.engine == "totalsegmentator":
        names += ("quality", "device", "extra")
    return {name: getattr(args, name) for name in names}


def _count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("write a whole number from 1")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < 1e6:
        raise argparse.ArgumentTypeError("write a number of minutes above 0")
    return minutes


def _folder(text: str) -> Path:
    """A folder to write to; an empty text would be the current one."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; name a folder")
    return Path(text)


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|gpu(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, gpu, gpu:N, mps")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ctdoseseg",
        description=f"From a CT examination to organ doses. {NOT_FOR_CLINICAL_USE}",
    )
    parser.add_argument("--version", action="version", version=f"ctdoseseg {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run)
        sub.add_argument(
            "--events",
            choices=("rich", "jsonl", "none"),
            default="rich",
            help="how progress is told: a bar, JSON lines on standard output, or not at all",
        )
        return sub

    def chooses_networks(sub: argparse.ArgumentParser) -> None:
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

    def reads_ct(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "input", type=Path, metavar="INPUT", help="DICOM folder or file, NIfTI, NRRD, npy"
        )
        sub.add_argument(
            "--output", type=_folder, required=True, metavar="DIR", help="folder for the results"
        )
        sub.add_argument("--series", metavar="UID", help="series to take, by its instance UID")
        sub.add_argument(
            "--engine",
            choices=("auto", "classical", "unet", "totalsegmentator"),
            default="auto",
            help="what segments the CT",
        )
        chooses_networks(sub)
        sub.add_argument(
            "--device",
            type=_device,
            default="auto",
            metavar="auto|cpu|gpu|gpu:N|mps",
            help="where TotalSegmentator computes",
        )
        sub.add_argument(
            "--unet", type=Path, metavar="FOLDER", help="a UNet of your own, from train-unet"
        )
        sub.add_argument(
            "--segmentation",
            type=Path,
            metavar="FILE",
            help="label map with TotalSegmentator's labels, or with labels.csv beside it",
        )

    sub = command("analyze", analyze_command, "WED, SSDE, segmentation and organ doses of a CT")
    reads_ct(sub)
    sub.add_argument("--region", choices=("auto", "chest", "abdomen"), default="auto")
    sub.add_argument(
        "--dose-model",
        default="bundled",
        metavar="bundled|FOLDER",
        help="FOLDER of the published repository: its networks as a reference mode",
    )
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

    sub = command("segment", segment_command, "only the label map")
    reads_ct(sub)

    sub = command("export", export_command, "HU volume, organ volume, organ surface")
    reads_ct(sub)
    sub.add_argument(
        "--spacing", type=float, metavar="MM", help="also resample to this isotropic spacing"
    )
    sub.add_argument("--organ", metavar="NAME", help="also mask the volume to this organ")
    sub.add_argument("--mesh", action="store_true", help="also the organ's surface (STL and PLY)")

    sub = command(
        "phantom", phantom_command, "an analytic CT with its dose report, exact labels, WED"
    )
    sub.add_argument("output", type=Path, metavar="DIR", help="folder to write")
    sub.add_argument("--variant", choices=("trunk", "chest", "abdomen", "head"), default="trunk")
    sub.add_argument("--seed", type=int, default=0, help="anatomy and noise")

    sub = command("discover", discover_command, "what an archive holds, and the plan of a batch")
    sub.add_argument(
        "input", type=Path, metavar="ARCHIVE", help="folder, zip archive, DICOMDIR or file"
    )
    sub.add_argument(
        "--output", type=_folder, required=True, metavar="PLAN.csv", help="plan to write"
    )

    sub = command("batch", batch_command, "every scan of an archive, restartable")
    sub.add_argument(
        "input", type=Path, metavar="PLAN_OR_FOLDER", help="plan of discover, or an archive"
    )
    sub.add_argument(
        "--output", type=_folder, required=True, metavar="DIR", help="folder of the run"
    )
    sub.add_argument(
        "--engine", choices=("auto", "classical", "unet", "totalsegmentator"), default="auto"
    )
    sub.add_argument("--region", choices=("auto", "chest", "abdomen"), default="auto")
    sub.add_argument("--dose-model", default="bundled", metavar="bundled|FOLDER")
    sub.add_argument(
        "--workers", type=_count, metavar="N", help="scans at once; else by processors and memory"
    )
    sub.add_argument(
        "--scheduler",
        metavar="ADDRESS|local",
        help="a Dask scheduler (tcp://...), or a Dask cluster on this machine",
    )
    sub.add_argument(
        "--time-limit-min", type=_minutes, default=60.0, metavar="MIN", help="for each scan"
    )
    sub.add_argument("--retry-failed", action="store_true", help="also what failed for good")
    sub.add_argument("--salt", type=Path, metavar="FILE", help="salt of the pseudonyms")
    sub.add_argument("--identity", action="store_true", help="study and series UIDs in the tables")

    sub = command("train-dose", train_dose_command, "fit the dose model to arrays")
    sub.add_argument("arrays", type=Path, metavar="ARRAYS", help="folder in the published format")
    sub.add_argument("--output", type=_folder, required=True, metavar="DIR")
    sub.add_argument(
        "--baseline",
        type=int,
        nargs="*",
        default=(),
        metavar="EPOCHS",
        help="also train the published architecture for so many epochs each (needs torch)",
    )
    sub.add_argument(
        "--figures", type=Path, metavar="DIR", help="also draw doses of patients left out"
    )

    sub = command("evaluate-dose", evaluate_dose_command, "score the dose model on arrays")
    sub.description = (
        "Score the dose model on arrays, without fitting it. In dose_evaluation.csv, "
        "median_error_pct is the error of the label's prediction, which includes the air term of "
        "the label, and given_median_error_pct that of the dose as a user gets it."
    )
    sub.add_argument("arrays", type=Path, metavar="ARRAYS", help="folder in the published format")
    sub.add_argument("--output", type=Path, required=True, metavar="DIR")
    sub.add_argument(
        "--model",
        default="bundled",
        metavar="bundled|FOLDER",
        help="FOLDER that train-dose wrote: its model instead of the bundled one",
    )

    sub = command("train-unet", train_unet_command, "train a UNet on labelled scans")
    sub.add_argument("config", type=Path, metavar="CONFIG.toml", help="classes, data, schedule")
    sub.add_argument("--output", type=_folder, required=True, metavar="DIR")

    sub = command("evaluate-unet", evaluate_unet_command, "judge a UNet by labelled scans")
    sub.add_argument("config", type=Path, metavar="CONFIG.toml", help="classes and data")
    sub.add_argument("--unet", type=Path, metavar="FOLDER", help="the network; else the bundled")
    sub.add_argument("--output", type=_folder, required=True, metavar="DIR")

    sub = command("deidentify", deidentify_command, "DICOM files without identity (PS3.15)")
    sub.add_argument("input", type=Path, metavar="IN", help="folder with DICOM files")
    sub.add_argument("output", type=_folder, metavar="OUT", help="empty folder")

    sub = command("weights", weights_command, "TotalSegmentator's weights on this machine")
    sub.add_argument("action", choices=("status", "fetch", "import", "remove"))
    sub.add_argument(
        "names",
        nargs="*",
        metavar="ZIP|NAME",
        help="import: files of TotalSegmentator's releases; remove: what status lists",
    )
    chooses_networks(sub)
    return parser


@contextlib.contextmanager
def _listener(kind: str) -> Iterator[Events]:
    if kind == "jsonl":
        if hasattr(os, "setpgid") and not os.isatty(0):
            # A group of its own, which whoever started it can end with all its children.
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
        events = JsonLines()
        threading.Thread(target=_end_with_parent, args=(events,), daemon=True).start()
        yield events
    elif kind == "rich":
        with TerminalProgress() as events:
            yield events
    else:
        yield Events()


def _end_with_parent(events: Events) -> None:
    """Wait for standard input to close, which means: cancelled, or nobody listens any more."""
    with contextlib.suppress(OSError):  # it may have been closed from the start
        while os.read(0, 4096):
            pass
    events.cancel()
    # As if the signal had come: Python code stops where it is, not at its next report.
    _thread.interrupt_main(signal.SIGTERM)
    # A library call can take long to end; whoever cancelled waits 0.9 s before it kills.
    threading.Event().wait(0.5)
    from .reporting.output import remove_unfinished

    remove_unfinished()
    _end_children()
    os._exit(CANCELLED)


def _end_children() -> None:
    """End what this process started, where it leads a group of its own."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


class _CancelOnSignal:
    """Turns the first SIGTERM or SIGINT into `Cancelled`, raised where the task is.

    Later ones are ignored: whoever cancels closes standard input and sends a signal as well, and
    the second must not end what the first has to clean up.
    """

    def __init__(self, events: Events) -> None:
        self.over = False
        self._events = events
        self._before = {}

    def __enter__(self) -> _CancelOnSignal:
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._cancel)
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _cancel(self, *_: object) -> None:
        self._events.cancel()  # a library may catch what is raised here; the next report does not
        if not self.over:
            self.over = True
            raise Cancelled(CANCELLED_TEXT)


def _outcome(error: BaseException) -> tuple[int, str]:
    """Exit code and sentence of what ended a command."""
    if isinstance(error, MemoryError):
        return InputError.exit_code, OUT_OF_MEMORY
    return getattr(error, "exit_code", CANCELLED), str(error) or CANCELLED_TEXT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code that the README promises."""
    args = _parser().parse_args(argv)
    if args.events == "rich" and hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `ctdoseseg ... | head` ends quietly
    with _listener(args.events) as events, _CancelOnSignal(events) as signals:
        try:
            events.started(args.run.__name__.removesuffix("_command"))
            args.run(args, events)
            signals.over = True
        except (CTDoseSegError, KeyboardInterrupt, MemoryError) as error:
            signals.over = True
            code, message = _outcome(error)
            events.error(type(error).__name__, message, code)
            sys.stderr.write(f"ctdoseseg: {message}\n")
            return code
        except Exception as error:
            # A mistake of this program: whoever listens learns of it, the log has the details.
            events.error(type(error).__name__, "The task ended by a mistake of CTDoseSeg.", 1)
            raise
    return 0
