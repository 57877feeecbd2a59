"""The live chart of a training run: loss and mean Dice over the epochs, from its history file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..nodes.charts import fill_chart, fill_series, headroom
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
    # VTK cannot draw a series of one point.
    drawn = lines if len(history["epoch"]) > 1 else []
    highest = max(1.0, float(np.max(history["loss"], initial=0.0)))
    fill_chart(
        chart,
        drawn,
        _("UNet training"),
        axes=(_("epoch"), _("loss, Dice")),
        y_range=(0.0, headroom(len(lines)) * highest),
    )
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
    fill_series(node, name, table, ("epoch", role), color)
    node.SetLineStyle(node.LineStyleSolid)
    node.SetMarkerStyle(node.MarkerStyleNone)
    return node
