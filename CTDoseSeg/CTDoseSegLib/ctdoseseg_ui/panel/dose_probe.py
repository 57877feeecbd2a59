"""The line below the dose map: organ and dose under the mouse."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..nodes.results import Results

# At most so often is the line written anew.
EVERY_MS = 60


class DoseProbe:
    """Follows the mouse over the slice views while doses lie over the CT.

    Parameters
    ----------
    label
        Of the panel.
    """

    def __init__(self, label: Any) -> None:
        self._label = label
        label.setTextFormat(qt.Qt.PlainText)
        self._results: Results | None = None
        self._crosshair: Any = None
        self._tag: int | None = None
        self._waiting = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._write)

    def follow(self, results: Results | None) -> None:
        """Tell the doses of a result; None: follow the mouse no more."""
        if results is None:
            self.stop()
            return
        self._results = results
        if self._tag is None:
            node = slicer.mrmlScene.GetSingletonNode("default", "vtkMRMLCrosshairNode")
            if node is None:
                return
            self._crosshair = node
            self._tag = node.AddObserver(node.CursorPositionModifiedEvent, self._on_moved)
        self._label.visible = True
        self._label.text = _("Point at an organ in a slice view to read its dose.")

    def stop(self) -> None:
        """Follow the mouse no more."""
        if self._tag is not None:
            self._crosshair.RemoveObserver(self._tag)
        self._timer.stop()
        self._results = self._crosshair = self._tag = None
        self._waiting = False
        self._label.visible = False

    def _on_moved(self, *_: Any) -> None:
        if not self._waiting:
            self._waiting = True
            self._timer.start(EVERY_MS)

    def _write(self) -> None:
        self._waiting = False
        results, ras = self._results, [0.0, 0.0, 0.0]
        gone = results is None or results.volume is None or results.result is None
        if gone or not self._crosshair.GetCursorPositionRAS(ras):
            return
        from ..nodes.dose_at import dose_at

        at = dose_at(results, tuple(ras))
        self._label.text = dose_words(at) if at is not None else _("No organ is drawn here.")


def dose_words(at: Any) -> str:
    """Return what is known of the dose at a point, as a sentence.

    Parameters
    ----------
    at
        A `nodes.dose_at.DoseAt`.
    """
    from ...ct.organs import spoken_name

    words = {"organ": spoken_name(at.organ), "here": _mGy(at.here_mGy), "slice": _mGy(at.slice_mGy)}
    if at.here_mGy is not None and at.here_sd_mGy is not None:
        words["sd"] = f"{100 * at.here_sd_mGy / at.here_mGy:.0f}"
    words |= {"dose": _mGy(at.dose_mGy), "low": _mGy(at.low_mGy), "high": _mGy(at.high_mGy)}
    if at.dose_mGy is None:
        text = (
            _("{organ}: {here} mGy here (statistical sd {sd} %); no dose of the organ.")
            if "sd" in words
            else _("{organ}: no dose is given.")
        )
    elif "sd" in words:
        text = _(
            "{organ}: {here} mGy here (statistical sd {sd} %), organ {dose} mGy ({low} to {high})."
        )
    elif at.slice_mGy is not None:
        text = _(
            "{organ}: mean {dose} mGy ({low} to {high}); in this slice {slice} mGy on average."
        )
    else:
        text = _("{organ}: mean {dose} mGy ({low} to {high}).")
    return text.format(**words)


def _mGy(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"
