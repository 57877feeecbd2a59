"""The live chart of a training run: loss and mean Dice over the epochs, from its history file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..nodes.charts import TEXT_SIZE, TITLE_SIZE, headroom
from ..nodes.colours import BLUE, GREEN
from ..nodes.scene import set_columns

HISTORY_FILE = "history.csv"
MARK = "CTDoseSeg.training"
CLASSES = {
    "table": "vtkMRMLTableNode",
    "loss": "vtkMRMLPlotSeriesNode",
    "dice": "vtkMRMLPlotSeriesNode",
    "chart": "vtkMRMLPlotChartNode",
}


def read_history(folder: str | Path) -> dict[str, np.ndarray] | None:
    """Read ``epoch``, ``loss`` and ``dice`` (mean over the classes that were validated), [n].

    None where there is no history, or it is being written.
    """
    try:
        with (Path(folder) / HISTORY_FILE).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        dice = [[float(v) for k, v in row.items() if k.startswith("dice_") and v] for row in rows]
        return {
            "epoch": np.array([float(row["epoch"]) for row in rows]),
            "loss": np.array([float(row["loss"]) for row in rows]),
            "dice": np.array([np.mean(values) if values else np.nan for values in dice]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def show(history: dict[str, np.ndarray]) -> Any:
    """Put a history into the scene's chart of the training, made if there is none; return it."""
    table, chart = _node("table"), _node("chart")
    set_columns(table, history)
    lines = [
        _line("loss", "loss (training)", table, BLUE),
        _line("dice", "mean Dice (validation)", table, GREEN),
    ]
    was = chart.StartModify()
    try:
        chart.RemoveAllPlotSeriesNodeIDs()
        # VTK cannot draw a series of one point.
        if len(history["epoch"]) > 1:
            for line in lines:
                chart.AddAndObservePlotSeriesNodeID(line.GetID())
        chart.SetTitle(_("UNet training"))
        chart.SetXAxisTitle(_("epoch"))
        chart.SetYAxisTitle(_("loss, Dice"))
        chart.SetTitleFontSize(TITLE_SIZE)
        chart.SetAxisTitleFontSize(TEXT_SIZE)
        chart.SetAxisLabelFontSize(TEXT_SIZE)
        chart.SetLegendFontSize(TEXT_SIZE)
        chart.SetYAxisRangeAuto(False)
        highest = max(1.0, float(np.max(history["loss"], initial=0.0)))
        chart.SetYAxisRange(0.0, headroom(len(lines)) * highest)
    finally:
        chart.EndModify(was)
    return chart


def _node(role: str) -> Any:
    for node in slicer.util.getNodesByClass(CLASSES[role]):
        if node.GetAttribute(MARK) == role:
            return node
    node = slicer.mrmlScene.AddNewNodeByClass(CLASSES[role], f"UNet training {role}")
    node.SetAttribute(MARK, role)
    return node


def _line(role: str, name: str, table: Any, color: tuple[float, ...]) -> Any:
    node = _node(role)
    was = node.StartModify()
    node.SetName(name)
    node.SetPlotType(node.PlotTypeScatter)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetXColumnName("epoch")
    node.SetYColumnName(role)
    node.SetColor(*color)
    node.SetLineStyle(node.LineStyleSolid)
    node.SetLineWidth(2)
    node.SetMarkerStyle(node.MarkerStyleNone)
    node.EndModify(was)
    return node
