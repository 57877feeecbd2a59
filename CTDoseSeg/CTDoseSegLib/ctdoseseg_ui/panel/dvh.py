"""The lower chart "Dose-volume histograms": filled an organ at a time while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..nodes.results import Results
from ..parameters import LowerChart

if TYPE_CHECKING:
    from ...dosimetry.dose_map import DoseMap
    from ...dosimetry.dvh import DoseVolumeHistogram
    from ..logic import CTDoseSegLogic

# While the segmentation is being measured after a scene was loaded.
WAIT_MS = 200
# Qt keeps the flags of an entry of a menu under this role.
_FLAGS, _CAN_BE_CHOSEN = int(qt.Qt.UserRole) - 1, 33


class HistogramChart:
    """Keeps the chart of one result's histograms up to date, without holding the window up.

    Parameters
    ----------
    ui, logic
        As for the sections of the panel.
    """

    def __init__(self, ui: Any, logic: CTDoseSegLogic) -> None:
        self._ui, self._logic = ui, logic
        self._results: Results | None = None
        self._organs: list[str] = []
        self._map: DoseMap | None = None
        self._done: dict[str, DoseVolumeHistogram] = {}
        # Of what is shown or being filled.
        self._state: tuple[Any, ...] | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._advance)

    def offer(self, results: Results | None) -> None:
        """Let the chart be chosen where the result has a dose map."""
        able = results is not None and results.doseMap is not None
        row = list(LowerChart).index(LowerChart.HISTOGRAMS)
        box = self._ui.lowerChartComboBox
        box.setItemData(row, _CAN_BE_CHOSEN if able else 0, _FLAGS)
        reason = "" if able else _("Only Monte Carlo gives the dose of every voxel.")
        box.setItemData(row, reason, qt.Qt.ToolTipRole)

    def follow(self, results: Results | None, chart: LowerChart, organ: str) -> None:
        """Fill the chart, if it is the one that is shown.

        Parameters
        ----------
        results
            Whose chart is shown; its numbers, its map or its segmentation may be new.
        chart
            The lower chart.
        organ
            That is chosen; empty: none.
        """
        if results is None or chart != LowerChart.HISTOGRAMS:
            self.stop()
            return
        state = (results.node.GetID(), results.node.GetText(), _time(results.doseMap), organ)
        if state == self._state:
            return
        self.stop()
        from ..nodes.dose_map import stored_dose
        from ..nodes.dvh_chart import show_histograms

        self._results, self._done, self._state = results, {}, state
        self._map = stored_dose(results)
        if self._map is None:
            show_histograms(results, {})
            return
        results.ensure("dvhChart")  # for the view, which is given it now
        self._organs = organs_of(results, organ)
        self._timer.start(0)

    def stop(self) -> None:
        """Fill nothing; what is shown next is filled anew."""
        self._timer.stop()
        self._results = self._map = self._state = None
        self._organs = []

    def _advance(self) -> None:
        results = self._results
        gone = results is None or results.node.GetScene() is None or results.segmentation is None
        if gone or slicer.mrmlScene.IsClosing():
            self.stop()
            return
        try:
            labelmap = self._labelmap(results)
        except CTDoseSegError:  # the panel shows it where it is known: the result cannot follow
            self.stop()
            return
        if labelmap is None:
            self._timer.start(WAIT_MS)
            return
        from ...dosimetry.dvh import organ_histogram
        from ..nodes.dvh_chart import show_histograms

        if self._organs:
            organ = self._organs.pop(0)
            structure = results.result.structures.get(organ)
            if structure is not None and organ in labelmap.groups:
                one = organ_histogram(self._map, labelmap, organ, structure.count)
                if one is not None:
                    self._done[organ] = one
            self._timer.start(0)
            return
        show_histograms(results, self._done)
        self._map = None

    def _labelmap(self, results: Results) -> Any:
        """Return the segmentation as it is known; None while it is not yet."""
        session = self._logic.session(results)
        if session.labelmap is None and self._logic.whyNoEdits(results):
            self._logic.look(results)  # nothing else will
        return session.labelmap


def organs_of(results: Results, chosen: str = "") -> list[str]:
    """Return the organs whose histograms are shown: the chosen one, and whole ones with most dose.

    Bone gets most, and would leave no room for organs: it is shown where it is chosen.
    """
    from ...ct.organs import is_bone
    from ...reporting.confidence import whole_organs
    from ...segmentation.labelmap import SKIN
    from ..nodes.dvh_chart import COLORS

    structures, doses = results.result.structures, results.doses()
    first = [chosen] if chosen in doses and chosen in structures else []
    others = [
        organ
        for organ in sorted(whole_organs(results.result), key=lambda one: -doses[one])
        if organ in structures and organ not in (*first, SKIN) and not is_bone(organ)
    ]
    return [*first, *others][: len(COLORS)]


def _time(volume: Any) -> int:
    """Return when the voxels of a volume were last changed; 0 for none."""
    return int(volume.GetImageData().GetMTime()) if volume is not None else 0
