"""The module "CT Dose UNet Training": a job in another process, with a live chart."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest
from labelled_scans import training_config, write_scan
from module_steps import TRAINING, apply
from processes import is_alive

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "safetensors")),
    reason="training needs torch and safetensors",
)


def write_scans(folder):
    """Three small scans with a block as body."""
    rng = np.random.default_rng(0)
    for name in "abc":
        hu = rng.normal(-1000, 10, (4, 32, 32)).astype(np.int16)
        hu[:, 8:24, 6:26] = rng.normal(30, 10, (4, 16, 20))
        write_scan(folder, name, hu, hu > -500, (10.0, 10.0, 10.0))


@pytest.fixture
def training(host, panel):
    """The module, loaded beside the main one and open."""
    host.load_module(TRAINING)
    return host.open("CTDoseSegTraining")


@pytest.fixture
def chosen(training, tmp_path, monkeypatch):
    """A configuration and a folder, chosen in the panel."""
    from CTDoseSegLib.ctdoseseg_ui import packages

    # The host's Python has what is needed, under the names that its metadata give.
    monkeypatch.setattr(packages, "missing", lambda engine: ())
    config = tmp_path / "training.toml"
    write_scans(tmp_path / "set")

    def choose(epochs):
        config.write_text(
            training_config(["body_rest"], epochs=epochs, steps=2, learning_rate=0.02)
        )
        training.parameters.configuration = str(config)
        training.parameters.networkFolder = str(tmp_path / "network")
        return training

    return choose


def test_a_run_shows_its_loss_and_its_network_can_be_used(host, panel, chosen, tmp_path):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout, training_chart
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    training = chosen(3)
    assert not training.ui.useNetworkButton.enabled
    host.click(training.ui.trainButton)
    assert training.ui.trainButton.text == "Cancel training"
    host.wait_until(lambda: not training.active, 120)
    assert training.ui.trainingLabel.text.startswith("Trained."), training.ui.trainingLabel.text
    node = slicer.mrmlScene.GetSingletonNode(layout.LOWER_VIEW, "vtkMRMLPlotViewNode")
    chart = node.GetPlotChartNode()
    assert chart.GetAttribute(training_chart.MARK) == "chart"
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    table = chart.GetNthPlotSeriesNode(0).GetTableNode()
    history = training_chart.read_history(tmp_path / "network")
    assert slicer.util.arrayFromTableColumn(table, "loss").tolist() == history["loss"].tolist()
    assert len(history["epoch"]) == 3
    host.click(training.ui.useNetworkButton)
    assert host.current_module == "CTDoseSeg"
    assert panel._parameterNode.method == Method.UNET
    assert panel._parameterNode.unetFolder == str(tmp_path / "network")


def test_the_chosen_network_segments(host, panel, phantom, chosen, tmp_path):
    training = chosen(1)
    host.click(training.ui.trainButton)
    host.wait_until(lambda: not training.active, 120)
    host.click(training.ui.useNetworkButton)
    apply(host, panel)
    # So short a training finds what it finds; what counts is that its network was run and said so.
    results = panel.results.results
    if results is None:
        assert "found no body" in panel.ui.statusLabel.text
    else:
        assert results.result.segmentation.engine == "unet"


def test_cancel_ends_the_run_within_two_seconds_and_train_goes_on(host, chosen, tmp_path):
    training = chosen(2000)
    host.click(training.ui.trainButton)
    checkpoint = tmp_path / "network" / "checkpoint.json"
    host.wait_until(checkpoint.exists, 120)
    pid = training.job.pid
    host.click(training.ui.trainButton)
    host.wait_until(lambda: not training.active, 4)
    assert not is_alive(pid)
    assert training.ui.trainingLabel.text.startswith("Cancelled")
    assert training.ui.trainButton.text == "Train"
    before = checkpoint.read_bytes()
    host.click(training.ui.trainButton)
    host.wait_until(lambda: checkpoint.read_bytes() != before, 120)
    host.click(training.ui.trainButton)
    host.wait_until(lambda: not training.active, 4)


def test_a_missing_configuration_is_reported(host, training, tmp_path):
    assert not training.ui.trainButton.enabled
    training.parameters.configuration = str(tmp_path / "nothing.toml")
    training.parameters.networkFolder = str(tmp_path / "network")
    host.click(training.ui.trainButton)
    assert "configuration does not exist" in training.ui.trainingLabel.text
    assert not os.path.exists(tmp_path / "network")


def test_choices_are_kept_with_the_scene(host, training, tmp_path):
    import slicer

    training.ui.trainingConfigLineEdit.text = "/data/training.toml"
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert training.ui.trainingConfigLineEdit.text == ""
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    assert training.ui.trainingConfigLineEdit.text == "/data/training.toml"


def test_the_self_test_passes(host, training):
    host.run_self_test("CTDoseSegTraining")
