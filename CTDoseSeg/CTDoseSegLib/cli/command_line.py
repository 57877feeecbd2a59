"""The command `ctdoseseg`: its parser, how it ends, its exit codes.

What each command does is in the files beside this one.

Parsing is argparse's: Slicer's Python, which runs the same command, has no other parser, and a
first run there must install nothing.
"""

from __future__ import annotations

import _thread
import argparse
import atexit
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import NOTICE, __version__
from ..errors import Cancelled, CTDoseSegError, InputError
from ..tasks.groups import end_children, lead_group
from ..tasks.progress import JsonLines, Progress
from ..tasks.standard_input import when_input_closes
from . import (
    batch,
    commission,
    comparison,
    export,
    material,
    pacs,
    phantom,
    pictures,
    predict,
    scan,
    stored,
    training,
)
from .terminal_progress import TerminalProgress

CANCELLED = 130
EXIT_CODES = {
    0: "done",
    1: "a mistake of CTDoseSeg, with details on standard error",
    2: "wrong usage",
    3: "input that cannot be used or output that cannot be written: one sentence on standard error "
    "states what is wrong and what to do",
    CANCELLED: "cancelled",
}
CANCELLED_TEXT = "The task was cancelled; nothing was written."
OUT_OF_MEMORY = (
    "The memory of this machine is too small for this scan; give a thicker reconstruction or a "
    "part of it."
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `ctdoseseg` with all of its commands."""
    parser = argparse.ArgumentParser(
        prog="ctdoseseg",
        description=f"From a CT examination to organ doses. {NOTICE}",
        epilog=f"exit codes: {'; '.join(f'{n} {text}' for n, text in EXIT_CODES.items())}",
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
            help="what is printed: a progress bar and the result, JSON lines alone, or nothing; "
            "with jsonl the command is cancelled when its standard input closes",
        )
        return sub

    of_one_ct = (scan, stored, comparison, export, pictures)
    for family in (*of_one_ct, batch, pacs, training, predict, phantom, material, commission):
        family.add(command)
    return parser


@contextlib.contextmanager
def _listener(kind: str) -> Iterator[Progress]:
    if kind == "jsonl":
        lead_group()
        lines = JsonLines()
        when_input_closes(lambda: _leave(lines))
        yield lines
    elif kind == "rich":
        with TerminalProgress() as progress:
            yield progress
    else:
        yield Progress()


def _leave(progress: Progress) -> None:
    """Cancel the task and end this process: standard input is closed, nobody listens any more."""
    progress.cancel()
    # As if the signal had come: Python code stops where it is, not at its next report.
    _thread.interrupt_main(signal.SIGTERM)
    # A library call can take long to end; whoever cancelled waits `GRACE_S` before it kills.
    threading.Event().wait(0.5)
    from ..files.staging import remove_unfinished

    remove_unfinished()
    end_children()
    os._exit(CANCELLED)


class _CancelOnSignal:
    """Turns the first SIGTERM or SIGINT into `Cancelled`, raised where the task is.

    Later ones are ignored: whoever cancels closes standard input and sends a signal as well, and
    the second must not end what the first has to clean up.
    """

    def __init__(self, progress: Progress) -> None:
        self.over = False
        self._progress = progress
        self._before: dict[signal.Signals, Any] = {}

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
        self._progress.cancel()  # a library may catch what is raised here; the next report does not
        if not self.over:
            self.over = True
            raise Cancelled(CANCELLED_TEXT)


def _outcome(error: BaseException) -> tuple[int, str]:
    """Exit code and sentence of what ended a command."""
    if isinstance(error, MemoryError):
        return InputError.exit_code, OUT_OF_MEMORY
    return getattr(error, "exit_code", CANCELLED), str(error) or CANCELLED_TEXT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, one of `EXIT_CODES`."""
    args = make_parser().parse_args(argv)
    atexit.register(gc.freeze)  # what is left goes with the process: looking through it takes 0.3 s
    if args.events == "rich" and hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `ctdoseseg ... | head` ends quietly
    with _listener(args.events) as progress, _CancelOnSignal(progress) as signals:
        try:
            progress.started(args.run.__name__.removesuffix("_command"))
            args.run(args, progress)
            signals.over = True
        except (CTDoseSegError, KeyboardInterrupt, MemoryError) as error:
            signals.over = True
            code, message = _outcome(error)
            progress.error(type(error).__name__, message, code)
            sys.stderr.write(f"ctdoseseg: {message}\n")
            return code
        except Exception as error:
            # A mistake of this program: whoever listens learns of it, the log has the details.
            progress.error(type(error).__name__, "The task ended by a mistake of CTDoseSeg.", 1)
            raise
    return 0
