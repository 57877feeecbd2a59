"""What DICOM states about the chosen volume, once its headers are read; the window lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from .acquisition import AcquisitionSection


class HeaderReading:
    """Shows the exposure of a volume in the section "Acquisition", at once where that is quick.

    Parameters
    ----------
    acquisition
        The section.
    on_read
        Called when headers were read after `show` has returned, some or all of them.
    """

    def __init__(self, acquisition: AcquisitionSection, on_read: Callable[[], None]) -> None:
        self._acquisition, self._on_read = acquisition, on_read
        self._volume: Any = None
        self._steps: Iterator[int] = iter(())
        self._total, self._waited = 0, False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._tick)

    def show(self, volumeNode: Any) -> None:
        """Show another volume; None: none."""
        self.stop()
        self._volume, self._waited = volumeNode, False
        if volumeNode is not None:
            from ..nodes.headers import read_steps
            from ..nodes.volumes import STATED, dicom_files

            files = [] if volumeNode.GetAttribute(STATED) else dicom_files(volumeNode)[0]
            self._total, self._steps = len(files), read_steps(files)
        self._tick()

    def stop(self) -> None:
        """Read no more."""
        self._timer.stop()
        self._steps, self._volume = iter(()), None

    def _tick(self) -> None:
        done = next(self._steps, None)
        if done is not None:
            if not self._waited:
                self._acquisition.show(None)
            # Without its exposure the volume cannot be analysed.
            self._acquisition.problem = _(
                "Reading the DICOM headers of the volume: {done} of {total}..."
            ).format(done=done, total=self._total)
            self._timer.start(0)
        else:
            with slicer.util.tryWithErrorDisplay(
                _("The exposure of the volume cannot be read."), waitCursor=True
            ):
                self._acquisition.show(self._volume)
        if self._waited or done is not None:
            self._waited = True
            self._on_read()
