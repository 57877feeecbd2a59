"""The section "Results": table, charts, overlay and 3D, linked with the slice views."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..nodes.results import Results
from . import layout
from .doubt import DoubtTint
from .dvh import HistogramChart
from .flag_words import ALL, FEWER, FIELD, SET, flag_items, notices
from .organ_views import OrganViews
from .overlay import Overlay
from .slice_marker import SliceMarker
from .surfaces import Surfaces

if TYPE_CHECKING:
    from ...result import Result
    from ..logic import CTDoseSegLogic

SELECTED = "dataSelected(vtkStringArray*, vtkCollection*)"
# As `segmentations.FILL`, which is not imported before there is a result.
FILL = 0.45


class ResultsSection:
    """Shows one result; a click on an organ or in a chart moves the slice views.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    logic
        Does the work.
    parameters
        Returns the parameter node.
    report
        Called with a sentence when something cannot be shown.
    """

    def __init__(self, ui: Any, logic: CTDoseSegLogic, parameters: Any, report: Any) -> None:
        self._ui = ui
        self._parameters, self._report = parameters, report
        self.results: Results | None = None
        self._former_layout: int | None = None
        self._closing = False
        self.marker = SliceMarker()
        self._organs = OrganViews(ui.doseTableView, parameters, self.go_to_organ)
        self._views: list[tuple[Any, str, Any]] = []
        self._overlay = Overlay(ui, logic)
        self._histograms = HistogramChart(ui, logic)
        self._tint = DoubtTint(ui)
        self._covered, self._former_fill = False, FILL
        self._surfaces = Surfaces(ui, report)
        # Whether the 3D views are to be centred on the surfaces that come next.
        self._centre = False
        # The organ that was chosen last, whose flags are shown.
        self._organ = ""
        self._every = False
        self._fill_windows()
        ui.resultLabel.connect("linkActivated(QString)", self._on_link)
        ui.layoutButton.connect("clicked(bool)", lambda *_: self.show_layout())
        ui.restoreLayoutButton.connect("clicked(bool)", lambda *_: self.restore_layout())
        ui.allOrgansButton.connect("clicked(bool)", lambda *_: self.show_all_organs())
        self._layouts = slicer.app.layoutManager()
        if self._layouts is not None:  # Slicer without a main window has no layouts
            self._layouts.connect("layoutChanged(int)", self._on_layout)

    def _fill_windows(self) -> None:
        combo = self._ui.windowComboBox
        for text in (_("As loaded"), *("Soft tissue", "Lung", "Bone", "Whole range")):
            combo.addItem(text)
        combo.connect("currentIndexChanged(int)", self._on_window)

    # What is shown -----------------------------------------------------------------------

    def show(self, results: Results | None) -> None:
        """Show another result; None: none."""
        before = self.results
        if before is not None and (results is None or results.node is not before.node):
            self._hide_overlays()
            self._surfaces.hide()
        self.results = results
        self._organ, self._every = "", False
        if results is not None and results.doseTable.GetColumnIndex("name") < 0:
            self._fill_old_table(results)
        self._ui.doseTableView.setMRMLTableNode(results.doseTable if results else None)
        self.refresh()
        self.marker.follow(results)

    def _fill_old_table(self, results: Results) -> None:
        """Fill a table of version 0.1.0, which has texts alone, with numbers."""
        from ..nodes.scene import show_doses

        show_doses(results, order=self._parameters().organOrder)

    def refresh(self) -> None:
        """Show the present state of the result."""
        results = self.results
        nothing = _("No result yet: press Apply.")
        self._ui.resultLabel.text = self._words(results) if results else nothing
        self._ui.layoutButton.enabled = results is not None
        self._on_layout()
        for name in (
            "allOrgansButton",
            "lowerChartComboBox",
            "show3DCheckBox",
        ):
            getattr(self._ui, name).enabled = results is not None
        self._overlay.offer(results)
        self._tint.offer(results)
        self._histograms.offer(results)
        self._show_histograms()
        layout.fill(results, self._parameters().lowerChart.value)
        self._connect_views()
        self.table_filled()

    def table_filled(self) -> None:
        """The table of organ doses was filled anew: it has other rows."""
        self._organs.filled()
        self._organs.choose(self._organ)

    def _words(self, results: Results) -> str:
        """Return the label's text: the result, its most serious flags, and one organ's flags."""
        from .result_words import summary

        words = summary(results) + notices(results.result.all_flags(), every=self._every)
        return words + (_flags_of_organ(results.result, self._organ) if self._organ else "")

    def made_anew(self) -> None:
        """The same result has other numbers and other segments: nothing drawn of it holds."""
        self._hide_overlays()
        self._surfaces.hide()
        self._centre = True
        self.apply_parameters()

    def apply_parameters(self) -> None:
        """Follow the parameter node: lower chart, overlay, doubt, 3D."""
        if self.results is None:
            return
        parameters = self._parameters()
        self._show_histograms()
        lower = layout.layout_with(parameters.lowerChart.value)
        if layout.shown() and layout.present() != lower:
            layout.show(lower)
            self._connect_views()
        layout.fill(self.results, parameters.lowerChart.value)
        try:
            self._overlay.follow(self.results, parameters)
            if parameters.showDoubt:
                self._tint.show(self.results)
            else:
                self._tint.hide()
            self._fill_segments()
            self._show_surfaces(parameters.show3D)
        except CTDoseSegError as error:
            self._report(str(error))

    def _show_histograms(self) -> None:
        try:
            self._histograms.follow(self.results, self._parameters().lowerChart, self._organ)
        except CTDoseSegError as error:  # once for each state of the map
            self._report(str(error))

    def update_overlay(self, after_ms: int = 0) -> None:
        """Fill the overlay again, if it is shown, after a pause."""
        if self.results is not None:
            self._overlay.update(self.results, after_ms)

    def _hide_overlays(self) -> None:
        self._overlay.hide()
        self._tint.hide()
        self._fill_segments()

    def _fill_segments(self) -> None:
        """Fill the segments, but under an overlay: its colours must not mix with theirs."""
        node = self.results.segmentation if self.results is not None else None
        display = node.GetDisplayNode() if node is not None else None
        if display is None:
            return
        covered = bool(self._overlay.role) or self._tint.shown
        if covered and not self._covered:
            # A scene that was saved with an overlay has none.
            self._former_fill = display.GetOpacity2DFill() or FILL
            display.SetOpacity2DFill(0.0)
        elif self._covered and not covered:
            display.SetOpacity2DFill(self._former_fill)
        self._covered = covered

    def _show_surfaces(self, shown: bool) -> None:
        if shown and self.results.segmentation is not None:
            self._surfaces.show(self.results.segmentation, centre=self._centre)
        else:
            self._surfaces.hide()
        self._centre = not shown  # by the one who ticks the box, not where a scene is loaded

    # The layout --------------------------------------------------------------------------

    def show_layout(self) -> None:
        """Show slices, two charts and the table; the former layout is kept in mind."""
        if not layout.shown():
            lower = layout.layout_with(self._parameters().lowerChart.value)
            self._former_layout = layout.show(lower)
        self.refresh()

    def restore_layout(self) -> None:
        """Return to the previous layout."""
        if layout.shown():
            layout.restore(self._former_layout if self._former_layout is not None else -1)

    def _on_layout(self, *_: Any) -> None:
        """Show the table in the panel where the layout does not: one is enough."""
        shown = layout.shown()
        self._ui.doseTableView.visible = self.results is not None and not shown
        self._ui.restoreLayoutButton.enabled = shown
        self._overlay.layout_changed()

    def _connect_views(self) -> None:
        self._disconnect_views()
        for view in layout.plot_views().values():
            view.connect(SELECTED, self._on_points)
            self._views.append((view, SELECTED, self._on_points))
        self._organs.connect()

    def _disconnect_views(self) -> None:
        for view, signal, slot in self._views:
            view.disconnect(signal, slot)
        self._views.clear()

    # Clicks ------------------------------------------------------------------------------

    def _on_link(self, address: str) -> None:
        """Show all notices or fewer, or go to the field that mends one."""
        if address in (ALL, FEWER):
            self._every = address == ALL
            self._ui.resultLabel.text = self._words(self.results)
            return
        name = address.removeprefix(FIELD)
        if address.startswith(SET):
            name, _sign, value = address.removeprefix(SET).partition("=")
            setattr(self._parameters(), name, value)
        self._ui.acquisitionCollapsibleButton.collapsed = False
        getattr(self._ui, f"{name}_edit").setFocus()

    def go_to_organ(self, organ: str) -> None:
        """Move the views to an organ, highlight it, and show its flags."""
        from .navigation import jump_to_organ

        if self.results is not None:
            self._organ = organ
            self._organs.choose(organ)
            self._ui.resultLabel.text = self._words(self.results)
            jump_to_organ(self.results, organ)
            self._show_histograms()

    def show_all_organs(self) -> None:
        """Show all organs alike again."""
        from .navigation import highlight

        self._organ = ""
        self._organs.choose("")
        if self.results is not None:
            self._ui.resultLabel.text = self._words(self.results)
        if self.results is not None and self.results.segmentation is not None:
            highlight(self.results.segmentation, [])

    def _on_points(self, series_ids: Any, selections: Any) -> None:
        from ..nodes.charts import selected_points
        from .navigation import jump_to_slice

        for series, row in selected_points(series_ids, selections):
            table = series.GetTableNode()
            if table is None or self.results is None:
                continue
            if table in (self.results.get("sliceTable"), self.results.get("comparisonShown")):
                jump_to_slice(self.results, row)
                return

    def _on_window(self, index: int) -> None:
        from .navigation import WINDOWS, set_window

        volume = self._parameters().inputVolume
        if index > 0 and volume is not None:
            set_window(volume, list(WINDOWS)[index - 1])

    def scene_closing(self) -> None:
        """Release what goes."""
        self._closing = True
        self._histograms.stop()
        self._covered = False
        self._surfaces.scene_closed()
        self._overlay.scene_closed()
        self._tint.scene_closed()
        self.show(None)

    def scene_changed(self) -> None:
        """Leave the layout of a result that went with its scene."""
        if self._closing:
            self._closing = False
            # Slicer sets the layout of before once more when all have heard of the closing.
            qt.QTimer.singleShot(0, self.restore_layout)

    def cleanup(self) -> None:
        """Let go of all views and nodes."""
        self._overlay.scene_closed()
        self._histograms.stop()
        self.marker.follow(None)
        self._surfaces.hide()
        self._disconnect_views()
        self._organs.cleanup()
        if self._layouts is not None:
            self._layouts.disconnect("layoutChanged(int)", self._on_layout)
        self.results = None


def _flags_of_organ(result: Result, organ: str) -> str:
    """Return all flags of one organ; rich text."""
    from ...ct.organs import spoken_name

    flags = [one for dose in result.organs if dose.organ == organ for one in dose.flags]
    items = flag_items((one.severity, one.message, one.mends) for one in flags)
    return (
        "<br>"
        + _("Notes on {organ}:").format(organ=f"<b>{escape(spoken_name(organ))}</b>")
        + (items or " " + _("none."))
    )
