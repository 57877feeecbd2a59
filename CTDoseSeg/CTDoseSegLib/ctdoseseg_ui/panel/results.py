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
from .flag_words import ALL, FEWER, FIELD, SET, flag_items, notices
from .overlay import Overlay

if TYPE_CHECKING:
    from ...result import Result
    from ..logic import CTDoseSegLogic
    from .navigation import SliceWatch

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
        self._watch: SliceWatch | None = None
        self._views: list[tuple[Any, str, Any]] = []
        self._overlay = Overlay(ui, logic)
        self._tint = DoubtTint(ui)
        self._covered, self._former_fill = False, FILL
        self._surfaces_shown = False
        # The organ that was chosen last, whose flags are shown.
        self._organ = ""
        self._every = False
        self._fill_windows()
        ui.resultLabel.connect("linkActivated(QString)", self._on_link)
        ui.layoutButton.connect("clicked(bool)", lambda *_: self.show_layout())
        ui.restoreLayoutButton.connect("clicked(bool)", lambda *_: self.restore_layout())
        ui.doseTableView.connect("selectionChanged()", self._on_row)
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
            self._surfaces_shown = False
        self.results = results
        self._organ, self._every = "", False
        self._ui.doseTableView.setMRMLTableNode(results.doseTable if results else None)
        self.refresh()
        if results is None:
            self._stop_watch()
            return
        from .navigation import SliceWatch

        self._stop_watch()
        self._watch = SliceWatch(self._on_slice)
        self._watch.follow(results.volume)

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
        layout.fill(results, self._parameters().lowerChart.value)
        self._ui.doseTableView.resizeColumnsToContents()
        self._connect_views()

    def _words(self, results: Results) -> str:
        """Return the label's text: the result, its most serious flags, and one organ's flags."""
        from .result_words import summary

        words = summary(results) + notices(results.result.all_flags(), every=self._every)
        return words + (_flags_of_organ(results.result, self._organ) if self._organ else "")

    def made_anew(self) -> None:
        """The same result has other numbers and other segments: nothing drawn of it holds."""
        self._hide_overlays()
        self._surfaces_shown = False
        self.apply_parameters()

    def apply_parameters(self) -> None:
        """Follow the parameter node: lower chart, overlay, doubt, 3D."""
        if self.results is None:
            return
        parameters = self._parameters()
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

    def update_overlay(self) -> None:
        """Fill the overlay again, if it is shown."""
        if self.results is not None:
            self._overlay.update(self.results)

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
        if shown == self._surfaces_shown or self.results.segmentation is None:
            return
        self._surfaces_shown = shown
        node = self.results.segmentation
        if shown:
            with slicer.util.tryWithErrorDisplay(
                _("The surfaces cannot be made."), waitCursor=True
            ):
                node.CreateClosedSurfaceRepresentation()
            slicer.app.layoutManager().resetThreeDViews()
        if node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility3D(shown)

    # The layout --------------------------------------------------------------------------

    def show_layout(self) -> None:
        """Show slices, two charts and the table; the former layout is kept in mind."""
        if not layout.shown():
            self._former_layout = layout.show()
        self.refresh()
        self._ui.restoreLayoutButton.enabled = True

    def restore_layout(self) -> None:
        """Return to the previous layout."""
        if layout.shown():
            layout.restore(self._former_layout if self._former_layout is not None else -1)
        self._ui.restoreLayoutButton.enabled = False

    def _on_layout(self, *_: Any) -> None:
        """Show the table in the panel where the layout does not: one is enough."""
        self._ui.doseTableView.visible = self.results is not None and not layout.shown()

    def _connect_views(self) -> None:
        self._disconnect_views()
        for view in layout.plot_views().values():
            view.connect(SELECTED, self._on_points)
            self._views.append((view, SELECTED, self._on_points))
        table = layout.table_view()
        if table is not None:
            table.resizeColumnsToContents()
            table.connect("selectionChanged()", self._on_layout_row)
            self._views.append((table, "selectionChanged()", self._on_layout_row))

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

    def _on_row(self) -> None:
        self._go_to_row(self._ui.doseTableView)

    def _on_layout_row(self) -> None:
        view = layout.table_view()
        if view is not None:
            self._go_to_row(view)

    def _go_to_row(self, view: Any) -> None:
        index = view.currentIndex()
        # Clearing the selection is signalled too, with the former row still the current one.
        if self.results is None or not view.selectionModel().hasSelection:
            return
        from ...ct.organs import spoken_name

        shown = view.model().index(index.row(), 0).data()
        names = [organ.organ for organ in self.results.result.organs]
        # Tables of scenes that an earlier version saved hold the names themselves.
        organs = {**{name: name for name in names}, **{spoken_name(name): name for name in names}}
        if shown in organs:
            self.go_to_organ(organs[shown])

    def go_to_organ(self, organ: str) -> None:
        """Move the views to an organ, highlight it, and show its flags."""
        from .navigation import jump_to_organ

        if self.results is not None:
            self._organ = organ
            self._ui.resultLabel.text = self._words(self.results)
            jump_to_organ(self.results, organ)

    def show_all_organs(self) -> None:
        """Show all organs alike again."""
        from .navigation import highlight

        self._ui.doseTableView.clearSelection()
        self._organ = ""
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
            if table is self.results.get("sliceTable"):
                jump_to_slice(self.results, row)
                return
            if table is self.results.get("chartTable"):
                column = table.GetTable().GetColumnByName("organ")
                self.go_to_organ(column.GetValue(row))
                return

    def _on_slice(self, k: int) -> None:
        from ..nodes.charts import move_marker

        result = self.results.result if self.results else None
        if result is not None and k < len(result.slices):
            move_marker(self.results, float(result.slices.z_mm[k]))

    def _on_window(self, index: int) -> None:
        from .navigation import WINDOWS, set_window

        volume = self._parameters().inputVolume
        if index > 0 and volume is not None:
            set_window(volume, list(WINDOWS)[index - 1])

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def scene_closing(self) -> None:
        """Release what goes."""
        self._closing = True
        self._surfaces_shown = self._covered = False
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
        self._stop_watch()
        self._disconnect_views()
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
