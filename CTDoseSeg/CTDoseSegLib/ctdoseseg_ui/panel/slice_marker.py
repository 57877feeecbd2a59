"""The marker of the charts, which follows the slice that is shown."""

from __future__ import annotations

from typing import Any

import qt

from ..nodes.results import Results

# Milliseconds without another slice: every move of the marker redraws both charts.
PAUSE_MS = 80


class SliceMarker:
    """Moves the marker of a result's charts to the slice at which the scrolling pauses."""

    def __init__(self) -> None:
        self._results: Results | None = None
        self._watch: Any = None
        self._k = 0
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._move)

    @property
    def pending(self) -> bool:
        """Whether the marker has yet to move."""
        return self._timer.active

    def follow(self, results: Results | None) -> None:
        """Follow the slices of another result; None: of none."""
        self._timer.stop()
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._results = results
        if results is not None:
            from .navigation import SliceWatch

            self._watch = SliceWatch(self._on_slice)
            self._watch.follow(results.volume)

    def _on_slice(self, k: int) -> None:
        self._k = k
        self._timer.start(PAUSE_MS)

    def _move(self) -> None:
        from ..nodes.charts import move_marker

        result = self._results.result if self._results is not None else None
        if result is not None and self._k < len(result.slices):
            move_marker(self._results, float(result.slices.z_mm[self._k]))
