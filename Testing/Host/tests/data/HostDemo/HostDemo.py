"""A small scripted module that uses what the test host offers."""

import enum
import json
import os
import sys
from typing import Annotated

import ctk
import numpy as np
import qt
import slicer
import vtk
from HostDemoLib import worker
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

LAYOUT = 5731
LAYOUT_XML = """
<layout type="horizontal" split="true">
  <item splitSize="500"><layout type="vertical">
    <item splitSize="600"><view class="vtkMRMLSliceNode" singletontag="Red">
      <property name="orientation" action="default">Axial</property>
      <property name="viewlabel" action="default">R</property>
      <property name="viewcolor" action="default">#F34A33</property>
    </view></item>
    <item splitSize="400"><view class="vtkMRMLViewNode" singletontag="1">
      <property name="viewlabel" action="default">1</property>
    </view></item>
  </layout></item>
  <item splitSize="500"><layout type="vertical">
    <item><view class="vtkMRMLPlotViewNode" singletontag="HostDemoPlot1">
      <property name="viewlabel" action="default">P1</property>
    </view></item>
    <item><view class="vtkMRMLPlotViewNode" singletontag="HostDemoPlot2">
      <property name="viewlabel" action="default">P2</property>
    </view></item>
    <item><view class="vtkMRMLTableViewNode" singletontag="HostDemoTable">
      <property name="viewlabel" action="default">T</property>
    </view></item>
  </layout></item>
</layout>
"""


class Mode(enum.Enum):
    FAST = "fast"
    EXACT = "exact"

    def label(self):
        return {"fast": "Fast", "exact": "Exact"}[self.value]


@parameterNodeWrapper
class HostDemoParameters:
    volume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    factor: Annotated[float, WithinRange(0.25, 4.0), Default(1.0)]
    region: Annotated[str, Choice(["automatic", "chest"])] = "automatic"
    mode: Mode = Mode.EXACT
    note: str = "a note"
    verbose: bool = True
    steps: Annotated[int, WithinRange(1, 500)] = 5
    names: list[str]


class HostDemo(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Host Demo")
        parent.categories = ["Testing"]
        parent.dependencies = []
        parent.contributors = ["CTDoseSeg"]
        parent.helpText = _("Shows what the test host can do.")
        slicer.app.connect("startupCompleted()", self.onStartup)

    def onStartup(self):
        self.started = True


class HostDemoWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.process = None
        self.events = []
        self.entered = 0
        self.tag = None
        self.parameters = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        form = slicer.util.loadUI(self.resourcePath("UI/HostDemo.ui"))
        self.layout.addWidget(form)
        self.ui = slicer.util.childWidgetVariables(form)
        form.setMRMLScene(slicer.mrmlScene)
        self.logic = HostDemoLogic()
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.jobButton.connect("clicked()", self.onJob)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.connectParameters()

    def connectParameters(self):
        self.parameters = HostDemoParameters(self.logic.getParameterNode())
        if self.parameters.volume is None:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            self.parameters.volume = first
        self.tag = self.parameters.connectGui(self.ui)

    def disconnectParameters(self):
        if self.parameters is not None:
            self.parameters.disconnectGui(self.tag)
        self.parameters = None

    def enter(self):
        self.entered += 1
        if self.parameters is None:
            self.connectParameters()

    def exit(self):
        self.entered -= 1

    def onSceneStartClose(self, caller, event):
        self.disconnectParameters()

    def onSceneEndClose(self, caller, event):
        if self.parent.isVisible():
            self.connectParameters()

    def cleanup(self):
        self.disconnectParameters()
        self.removeObservers()
        if self.process is not None:
            self.process.kill()

    def onApply(self):
        with slicer.util.tryWithErrorDisplay("The analysis failed.", waitCursor=True):
            self.logic.analyze(self.parameters.volume, self.parameters.factor)
            self.logic.showLayout()
            plot = slicer.app.layoutManager().plotWidget(0).plotView()
            plot.connect("dataSelected(vtkStringArray*, vtkCollection*)", self.onPoint)

    def onPoint(self, identifiers, selections):
        if identifiers.GetNumberOfValues() and selections.GetNumberOfItems():
            row = selections.GetItemAsObject(0).GetValue(0)
            node = slicer.mrmlScene.GetNodeByID(identifiers.GetValue(0))
            z = slicer.util.arrayFromTableColumn(node.GetTableNode(), "z_mm")[row]
            slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode().JumpSliceByOffsetting(
                0, 0, float(z)
            )

    def onJob(self):
        self.process = qt.QProcess()
        self.process.setProcessChannelMode(qt.QProcess.SeparateChannels)
        self.process.connect("readyReadStandardOutput()", self.onOutput)
        self.process.connect("finished(int,QProcess::ExitStatus)", self.onFinished)
        self.ui.jobButton.enabled = False
        self.process.start(
            sys.executable, ["-u", os.path.abspath(worker.__file__), str(self.parameters.steps)]
        )

    def onOutput(self):
        while self.process.canReadLine():
            event = json.loads(bytes(self.process.readLine().data()))
            self.events.append(event)
            if event["event"] == "progress":
                self.ui.progressBar.value = int(100 * event["fraction"])

    def onFinished(self, code, status):
        self.ui.jobButton.enabled = True
        self.ui.statusLabel.text = f"job ended with {code}"


class HostDemoLogic(ScriptedLoadableModuleLogic):
    def analyze(self, volume, factor=1.0):
        if volume is None:
            raise ValueError("No volume was chosen.")
        array = slicer.util.arrayFromVolume(volume)
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        z = np.array([matrix.MultiplyPoint((0, 0, k, 1))[2] for k in range(len(array))])
        means = factor * array.reshape(len(array), -1).mean(axis=1).astype(float)
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Demo table")
        slicer.util.updateTableFromArray(table, [z, means], ["z_mm", "mean"])
        self.segment(volume, array)
        self.chart(table)
        return table

    def segment(self, volume, array):
        label = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
        label.SetHideFromEditors(True)
        slicer.util.updateVolumeFromArray(label, (array > 0).astype(np.uint8))
        label.CopyOrientation(volume)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Demo segmentation")
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        logic = slicer.modules.segmentations.logic()
        logic.ImportLabelmapToSegmentationNode(label, node)
        slicer.mrmlScene.RemoveNode(label)
        node.GetSegmentation().GetNthSegment(0).SetColor(0.1, 0.8, 0.2)
        node.CreateClosedSurfaceRepresentation()
        parameters = HostDemoParameters(self.getParameterNode())
        parameters.segmentation = node
        return node

    def chart(self, table):
        for index in range(2):
            series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", f"mean {index}")
            series.SetAndObserveTableNodeID(table.GetID())
            series.SetXColumnName("z_mm")
            series.SetYColumnName("mean")
            series.SetPlotType(series.PlotTypeScatter)
            series.SetMarkerStyle(series.MarkerStyleCircle)
            series.SetUniqueColor()
            chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"Chart {index}")
            chart.SetTitle("Mean along z")
            chart.SetXAxisTitle("z in mm")
            chart.SetYAxisTitle("mean")
            chart.AddAndObservePlotSeriesNodeID(series.GetID())

    def showLayout(self):
        manager = slicer.app.layoutManager()
        node = manager.layoutLogic().GetLayoutNode()
        if not node.IsLayoutDescription(LAYOUT):
            node.AddLayoutDescription(LAYOUT, LAYOUT_XML)
        manager.setLayout(LAYOUT)
        charts = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
        tables = slicer.util.getNodesByClass("vtkMRMLTableNode")
        for index in range(2):
            view = manager.plotWidget(index).mrmlPlotViewNode()
            view.SetPlotChartNodeID(charts[index].GetID())
        manager.tableWidget(0).mrmlTableViewNode().SetTableNodeID(tables[0].GetID())
        manager.resetThreeDViews()


class HostDemoTest(ScriptedLoadableModuleTest):
    def runTest(self):
        slicer.mrmlScene.Clear(False)
        volume = slicer.util.addVolumeFromArray(np.ones((3, 4, 5), np.int16))
        table = HostDemoLogic().analyze(volume)
        assert table.GetNumberOfRows() == 3
        assert ctk.ctkCollapsibleButton is not None
