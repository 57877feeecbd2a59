"""Work that is done a little at a time, so that the window stays alive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import qt

# After so long the window has its turn.
SECONDS = 0.03


class Steps:
    """Does one piece of work at a time, between the events of the window."""

    def __init__(self) -> None:
        self._steps: Iterator[None] | None = None
        self._on_end: Callable[[], None] | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._advance)

    @property
    def active(self) -> bool:
        """True while there is something to be done."""
        return self._steps is not None

    def start(self, steps: Iterator[None], on_end: Callable[[], None], after_ms: int = 0) -> None:
        """Do other work than before.

        Parameters
        ----------
        steps
            Works until it yields.
        on_end
            Called when all is done.
        after_ms
            The first piece waits so long.
        """
        self._steps, self._on_end = steps, on_end
        self._timer.start(after_ms)

    def stop(self) -> None:
        """Leave what is not done yet."""
        self._timer.stop()
        self._steps = self._on_end = None

    def _advance(self) -> None:
        end = time.perf_counter() + SECONDS
        while self._steps is not None:
            try:
                next(self._steps)
            except StopIteration:
                on_end = self._on_end
                self.stop()
                if on_end is not None:
                    on_end()
                return
            except Exception:
                self.stop()
                raise
            if time.perf_counter() > end:
                self._timer.start(0)
                return
