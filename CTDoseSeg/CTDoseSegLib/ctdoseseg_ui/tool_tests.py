# ruff: noqa: PT009 - Slicer has unittest and no pytest
"""Self tests of the modules beside the main one; the same in Slicer and elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from .module_widget import MAIN
from .self_test import SMALL


class CTDoseSegBatchTest(ScriptedLoadableModuleTest):
    """A phantom's DICOM files are analysed as an archive, and the scan is loaded."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(False)

    def runTest(self) -> None:
        """Run it; takes some seconds."""
        from ..phantom.dicom_files import write_dicom
        from ..phantom.phantom import Phantom

        self.setUp()
        logic = slicer.util.getModuleLogic(MAIN)
        with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as folder:
            write_dicom(Phantom(seed=1, **SMALL), Path(folder) / "made")
            output = Path(folder) / "results"
            run = logic.batch(Path(folder) / "made" / "dicom", output, engine="classical")
            (key,) = run.wait(300)
            results = logic.loadStudy(output, key)
            self.assertGreater(results.doses()["lung"], 0)
            self.assertTrue((output / "doses.csv").is_file())
        self.delayDisplay("The batch gave its scan, and the scan was loaded")


class CTDoseSegTrainingTest(ScriptedLoadableModuleTest):
    """What needs no network: choices, a missing configuration, the chart of a history."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(False)

    def runTest(self) -> None:
        """Run it; a training itself needs torch and minutes."""
        from .panel import training_chart

        self.setUp()
        with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as folder:
            self.assertIsNone(training_chart.read_history(folder))
            text = "epoch,loss,dice_lung\n1,0.9,0.2\n2,0.5,0.7\n"
            (Path(folder) / training_chart.HISTORY_FILE).write_text(text, encoding="utf-8")
            history = training_chart.read_history(folder)
            chart = training_chart.show(history)
        self.assertEqual(chart.GetNumberOfPlotSeriesNodes(), 2)
        table = chart.GetNthPlotSeriesNode(1).GetTableNode()
        self.assertEqual(slicer.util.arrayFromTableColumn(table, "dice").tolist(), [0.2, 0.7])
        self.delayDisplay("The history of a training is drawn")
