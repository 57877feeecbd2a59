"""A layout with slices, two charts and the table of organ doses; and the way back."""

from __future__ import annotations

from typing import Any

import slicer

LAYOUT = 5820
SIZE_VIEW, LOWER_VIEW, TABLE_VIEW = "CTDoseSegSize", "CTDoseSegLower", "CTDoseSegTable"
DESCRIPTION = f"""
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
  <item splitSize="350"><view class="vtkMRMLPlotViewNode" singletontag="{SIZE_VIEW}">
   <property name="viewlabel" action="default">Size</property>
  </view></item>
  <item splitSize="350"><view class="vtkMRMLPlotViewNode" singletontag="{LOWER_VIEW}">
   <property name="viewlabel" action="default">Dose</property>
  </view></item>
  <item splitSize="300"><view class="vtkMRMLTableViewNode" singletontag="{TABLE_VIEW}">
   <property name="viewlabel" action="default">Organ doses</property>
  </view></item>
 </layout></item>
</layout>
"""


def _node() -> Any:
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def register() -> None:
    """Make the layout known; needed before a saved scene that uses it is loaded."""
    manager = slicer.app.layoutManager()
    # Slicer without a main window has no layouts.
    if manager is not None and not _node().IsLayoutDescription(LAYOUT):
        _node().AddLayoutDescription(LAYOUT, DESCRIPTION)


def shown() -> bool:
    """True while the layout is the one on the screen."""
    manager = slicer.app.layoutManager()
    return manager is not None and manager.layout == LAYOUT


def show() -> int:
    """Switch to the layout; returns the one before."""
    register()
    manager = slicer.app.layoutManager()
    if manager is None:
        return LAYOUT
    before = manager.layout
    manager.setLayout(LAYOUT)
    return before


def restore(before: int) -> None:
    """Switch back."""
    standard = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    known = before != LAYOUT and _node().IsLayoutDescription(before)
    slicer.app.layoutManager().setLayout(before if known else standard)


def fill(results: Any, lower_role: str) -> None:
    """Give the layout's views the charts and the table of a result; None empties them."""
    for tag, class_name, role in (
        (SIZE_VIEW, "vtkMRMLPlotViewNode", upper_role(results)),
        (LOWER_VIEW, "vtkMRMLPlotViewNode", lower_role),
        (TABLE_VIEW, "vtkMRMLTableViewNode", "doseTable"),
    ):
        view = slicer.mrmlScene.GetSingletonNode(tag, class_name)
        if view is None:
            continue
        node = results.get(role) if results is not None else None
        identifier = node.GetID() if node is not None else None
        if class_name == "vtkMRMLPlotViewNode":
            view.SetPlotChartNodeID(identifier)
        else:
            view.SetTableNodeID(identifier)


def upper_role(results: Any) -> str:
    """Return the chart of the upper plot view: both results' diameters while they are compared."""
    compared = results is not None and results.get("comparisonChart") is not None
    return "comparisonChart" if compared else "sizeChart"


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
