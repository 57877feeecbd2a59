"""Observers of VTK objects that end with the widget that has them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtCore

from slicerhost import problems


class Observations:
    """A set of observers; exceptions in them are collected, and all end with `owner`."""

    def __init__(self, owner: QtCore.QObject) -> None:
        self._where = type(owner).__name__
        self._tags: list[tuple] = []
        owner.destroyed.connect(self._end)

    def add(self, observed, event: int, function: Callable[[], None]) -> None:
        """Call `function` without arguments at each event."""

        def handle(*_) -> None:
            with problems.collecting(self._where):
                function()

        self._tags.append((observed, observed.AddObserver(event, handle)))

    def clear(self) -> None:
        """End all."""
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags.clear()

    def _end(self, *_) -> None:
        self.clear()
