"""Layouts with slices, two charts and the table of organ doses; and the way back.

The lower chart is that of the organ doses, a widget of the module's own, or a plot view: a layout
for each, with all else in the same place.
"""

from __future__ import annotations

from typing import Any

import slicer

from .organ_chart import OrganChart

LAYOUT, PLOTS_LAYOUT = 5820, 5821
LAYOUTS = (LAYOUT, PLOTS_LAYOUT)
ORGANS = "doseChart"
ORGAN_CHART_TAG = "ctdosesegorgans"
SIZE_VIEW, LOWER_VIEW, TABLE_VIEW = "CTDoseSegSize", "CTDoseSegLower", "CTDoseSegTable"
DESCRIPTION = """
<layout type="horizontal" split="true">
 <item splitSize="480"><layout type="vertical" split="true">
  <item splitSize="500"><view class="vtkMRMLSliceNode" singletontag="Red">
   <property name="orientation" action="default">Axial</property>
   <property name="viewlabel" action="default">R</property>
   <property name="viewcolor" action="default">#F34A33</property>
  </view></item>
  <item splitSize="300"><layout type="horizontal" split="true">
   <item splitSize="500"><view class="vtkMRMLSliceNode" singletontag="Green">
    <property name="orientation" action="default">Coronal</property>
    <property name="viewlabel" action="default">G</property>
    <property name="viewcolor" action="default">#6EB04B</property>
   </view></item>
   <item splitSize="500"><view class="vtkMRMLViewNode" singletontag="1">
    <property name="viewlabel" action="default">1</property>
   </view></item>
  </layout></item>
 </layout></item>
 <item splitSize="520"><layout type="vertical" split="true">
  <item splitSize="350"><view class="vtkMRMLPlotViewNode" singletontag="{size}">
   <property name="viewlabel" action="default">Size</property>
  </view></item>
  <item splitSize="350">{lower}</item>
  <item splitSize="300"><view class="vtkMRMLTableViewNode" singletontag="{table}">
   <property name="viewlabel" action="default">Organ doses</property>
  </view></item>
 </layout></item>
</layout>
"""
LOWER_PLOT = f"""<view class="vtkMRMLPlotViewNode" singletontag="{LOWER_VIEW}">
   <property name="viewlabel" action="default">Dose</property>
  </view>"""
LOWER = {LAYOUT: f"<{ORGAN_CHART_TAG}></{ORGAN_CHART_TAG}>", PLOTS_LAYOUT: LOWER_PLOT}
# Layout manager, view factory and chart: they live as long as the window.
_own_view: tuple[Any, Any, OrganChart] | None = None


def _node() -> Any:
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def register() -> None:
    """Make the layouts known; needed before a saved scene that uses one is loaded."""
    global _own_view
    manager = slicer.app.layoutManager()
    if manager is None:  # Slicer without a main window has no layouts
        return
    if _own_view is None or _own_view[0] != manager:
        chart, factory = OrganChart(), slicer.qSlicerSingletonViewFactory()
        factory.setTagName(ORGAN_CHART_TAG)
        factory.setWidget(chart)
        manager.registerViewFactory(factory)
        _own_view = (manager, factory, chart)
        if shown():  # the package was reloaded: its former chart is in the window
            before = manager.layout
            manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
            manager.setLayout(before)
    for layout, lower in LOWER.items():
        if not _node().IsLayoutDescription(layout):
            text = DESCRIPTION.format(lower=lower, size=SIZE_VIEW, table=TABLE_VIEW)
            _node().AddLayoutDescription(layout, text)


def organ_chart() -> OrganChart | None:
    """The chart of organ doses; None without a main window."""
    register()
    return _own_view[2] if _own_view is not None else None


def present() -> int | None:
    """Return the layout on the screen; None without a main window."""
    manager = slicer.app.layoutManager()
    return manager.layout if manager is not None else None


def shown() -> bool:
    """True while one of the module's layouts is the one on the screen."""
    return present() in LAYOUTS


def show(layout: int = LAYOUT) -> int:
    """Switch to a layout; returns the one before."""
    register()
    manager = slicer.app.layoutManager()
    if manager is None:
        return layout
    before = manager.layout
    manager.setLayout(layout)
    return before


def restore(before: int) -> None:
    """Switch back."""
    standard = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    known = before not in LAYOUTS and _node().IsLayoutDescription(before)
    slicer.app.layoutManager().setLayout(before if known else standard)


def layout_with(lower_role: str) -> int:
    """Return the layout that has the chart of a role as its lower one."""
    return LAYOUT if lower_role == ORGANS else PLOTS_LAYOUT


def fill(results: Any, lower_role: str) -> None:
    """Give the layout's views the charts and the table of a result; None empties them."""
    table = results.doseTable if results is not None else None
    chart = organ_chart()
    if chart is not None:
        chart.show_table(table)
    views = [(SIZE_VIEW, "sizeChart")]
    if lower_role != ORGANS:
        views.append((LOWER_VIEW, lower_role))
    for tag, role in views:
        view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
        node = results.get(role) if results is not None else None
        if view is not None:
            view.SetPlotChartNodeID(node.GetID() if node is not None else None)
    view = slicer.mrmlScene.GetSingletonNode(TABLE_VIEW, "vtkMRMLTableViewNode")
    if view is not None:
        view.SetTableNodeID(table.GetID() if table is not None else None)


def show_lower_chart(chart: Any) -> None:
    """Give the lower plot view another chart."""
    view = slicer.mrmlScene.GetSingletonNode(LOWER_VIEW, "vtkMRMLPlotViewNode")
    if view is not None:
        view.SetPlotChartNodeID(chart.GetID())


def plot_views() -> dict[str, Any]:
    """The plot view widgets of this layout that exist, by the tag of their node."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return {}
    widgets = [manager.plotWidget(n) for n in range(manager.plotViewCount)]
    # Python cannot ask the view for its node; the widget around it has it.
    named = {widget.mrmlPlotViewNode().GetLayoutName(): widget.plotView() for widget in widgets}
    return {tag: named[tag] for tag in (SIZE_VIEW, LOWER_VIEW) if tag in named}


def table_view() -> Any:
    """The table view widget of this layout; None if it does not exist yet."""
    manager = slicer.app.layoutManager()
    for n in range(manager.tableViewCount if manager is not None else 0):
        widget = manager.tableWidget(n)
        if widget.mrmlTableViewNode().GetLayoutName() == TABLE_VIEW:
            return widget.tableView()
    return None
