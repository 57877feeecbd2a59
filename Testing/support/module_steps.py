"""Steps that several tests of the module take."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

MODULE = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSeg.py"
BATCH, TRAINING = (MODULE.with_name(f"CTDoseSeg{name}.py") for name in ("Batch", "Training"))
SMALL = {"shape": (64, 64, 24), "spacing_mm": (6.8, 6.8, 23.0)}


_DRAWN = {}


def draw_phantoms_once(monkeypatch):
    """The same phantom gives the same voxels: they are drawn once, for that takes a second."""
    from CTDoseSegLib.phantom.phantom import Phantom

    draw = Phantom.render

    def drawn(phantom, after_slice=None):
        if after_slice is not None:
            return draw(phantom, after_slice)
        key = repr(phantom)
        if key not in _DRAWN:
            _DRAWN[key] = draw(phantom)
        hu, truth = _DRAWN[key]
        return hu.copy(), replace(truth, labels=truth.labels.copy())

    monkeypatch.setattr(Phantom, "render", drawn)


def volume(array, name="volume", affine=None):
    """Put `array` [k, j, i] into the scene, of coarse voxels unless `affine` states others."""
    import slicer

    node = slicer.util.addVolumeFromArray(
        np.asarray(array), np.diag([-6.8, -6.8, 23.0, 1.0]) if affine is None else affine, name
    )
    node.CreateDefaultDisplayNodes()
    return node


def shift(node, mm: float):
    """Move a volume up along the body by a transform; returns the transform."""
    import slicer

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[2, 3] = mm
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def apply(host, panel):
    """Press Apply and wait for the end."""
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: panel.task.job is not None and not panel.task.job.active, 60)
    host.process_events()


def show_result(host, panel, change=None):
    """As after Apply, but the task runs only once for each choice and exposure: files are kept.

    `change` is called with the folder of the files and the task before they are shown.
    """
    task = panel._prepareAnalysis()
    key = (*task.arguments[2:4], repr(task.series.acquisition))
    shutil.copytree(_files_of(key), task.folder / "result")
    if not any((task.folder / "result").iterdir()):
        from CTDoseSegLib.ctdoseseg_ui.job import run_and_wait

        assert run_and_wait(task.arguments) == (0, "")
        kept = _files_of(key)
        shutil.copytree(task.folder / "result", kept, dirs_exist_ok=True)
    if change is not None:
        change(task.folder / "result", task)
    results = panel.logic.finish(task)
    task.clear()
    panel._onAnalysed("done", "", results)
    host.process_events()


def choose_monte_carlo(panel):
    """Choose Monte Carlo and what it needs, for a simulation of seconds."""
    from CTDoseSegLib.ctdoseseg_ui.parameters import DoseEngine

    parameters = panel._parameterNode
    parameters.kvp_kV = "120"
    parameters.doseEngine = DoseEngine.MONTE_CARLO
    parameters.aimedPercent, parameters.mostMinutes = 5.0, 0.5


def show_simulation(host, panel):
    """As when the simulation of the result shown has ended; it runs only once for all tests."""
    task = panel.logic.prepareSimulation(panel.results.results, 0.05, 0.5)
    put_simulation(task)
    results = panel.logic.finishSimulation(task)
    task.clear()
    panel.simulation._on_end("done", "", results)
    host.process_events()


def put_simulation(task):
    """Put the files of a simulation where `task` would; of the phantom with its own organs."""
    from CTDoseSegLib.ctdoseseg_ui.job import run_and_wait

    kept = _files_of(("simulated",))
    if any(kept.iterdir()):
        shutil.copytree(kept, task.folder / "result")
    else:
        assert run_and_wait(task.arguments) == (0, "")
        shutil.copytree(task.folder / "result", kept, dirs_exist_ok=True)


@functools.cache
def _files_of(_choices: tuple[str, ...]) -> Path:
    """Where the files of a task are kept while the tests run; empty at first."""
    folder = Path(tempfile.mkdtemp(prefix="ctdoseseg-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def warm(host, panel):
    """Wait until what an edit is compared with has been measured."""
    results = panel.results.results
    session = panel.logic.session(results)
    host.wait_until(lambda: session.labelmap is not None and not session.pending, 30)
    host.wait(0.3)


def settled(host, panel):
    """Wait until the isodose lines are there."""
    host.wait_until(lambda: panel.results.results.get("isodoses") is not None, 20)


def legend_of(node):
    """The colour legend of a node."""
    import slicer

    return slicer.modules.colors.logic().GetColorLegendDisplayNode(node)
