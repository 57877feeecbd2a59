"""How far a task is, for a person at a terminal: a bar, or plain lines where rich is missing."""

from __future__ import annotations

import sys
from typing import Any

from ..tasks.progress import Progress


class TerminalProgress(Progress):
    """Progress bar and warnings on standard error, so that standard output stays for results.

    A context manager: leaving it removes the bar.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            from rich import progress as bars
            from rich.console import Console
        except ImportError:  # Slicer's Python has no rich: plain lines do
            self._bar = None
            return
        self._bar = bars.Progress(
            bars.TextColumn("{task.description:<40}"),
            bars.BarColumn(),
            bars.TextColumn("{task.percentage:>3.0f} %"),
            bars.TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> TerminalProgress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Show progress, notes and warnings; leave the rest to the command."""
        if kind == "progress":
            self._show(fields["fraction"], fields["message"])
        elif kind == "note":
            self._print(fields["message"])
        elif kind == "warning":
            self._print(f"warning ({fields['code']}): {fields['message']}")

    def _show(self, fraction: float, message: str) -> None:
        if self._bar:
            self._bar.update(self._task, completed=fraction, description=message)
        elif sys.stderr.isatty():
            sys.stderr.write(f"{fraction:4.0%} {message}\n")

    def _print(self, line: str) -> None:
        if self._bar:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            sys.stderr.write(line + "\n")
