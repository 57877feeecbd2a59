"""Running the real Qt event loop from a test, and measuring how long it was blocked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from PySide6 import QtCore, QtWidgets

_SCHEDULED = Path("/proc/thread-self/schedstat")


def _kept_waiting_s() -> float:
    """Return how long this thread could have run while other programs had the processor.

    The second number of Linux's schedstat, in nanoseconds; 0 where there is none.
    """
    try:
        return int(_SCHEDULED.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _own_time() -> float:
    """Return a clock that stands still while a busy machine keeps this thread waiting."""
    return time.perf_counter() - _kept_waiting_s()


class StallMeter:
    """A timer that should fire every few milliseconds; what it misses is the block.

    It measures from `start` to `stop`, in waits and in the test's own calls between them. A machine
    that is busy with other programs blocks nothing.
    """

    interval_ms = 5

    def __init__(self) -> None:
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.setInterval(self.interval_ms)
        self._timer.timeout.connect(self._tick)
        self._last: float | None = None
        self.longest_ms = 0.0

    def _tick(self) -> None:
        now = _own_time()
        if self._last is not None:
            self.longest_ms = max(self.longest_ms, 1000 * (now - self._last) - self.interval_ms)
        self._last = now

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what is done meanwhile: a test that looks at something is no block."""
        began = _own_time()
        yield
        if self._last is not None:
            now = _own_time()
            self._last = min(now, self._last + now - began)

    def start(self) -> None:
        """Begin a measurement."""
        self.longest_ms = 0.0
        self._last = _own_time()
        self._timer.start()

    def stop(self) -> float:
        """End the measurement; the longest block in milliseconds."""
        self._tick()
        self._timer.stop()
        self._last = None
        return self.longest_ms


def wait_until(predicate, timeout_s: float, meter: StallMeter) -> None:
    """Turn the event loop until the predicate holds.

    The loop runs in slices; the time a test spends in its predicate does not count as a block.

    Raises
    ------
    TimeoutError
        The predicate did not hold in time.
    """
    end = time.monotonic() + timeout_s
    while True:
        with meter.paused():
            holds = predicate()
        if holds:
            break
        if time.monotonic() > end:
            raise TimeoutError(f"Not so within {timeout_s:g} s: {_describe(predicate)}")
        loop = QtCore.QEventLoop()
        QtCore.QTimer.singleShot(10, loop.quit)
        loop.exec()
    QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def _describe(predicate) -> str:
    import inspect

    try:
        return inspect.getsource(predicate).strip()
    except (OSError, TypeError):
        return repr(predicate)
