"""The choice "Doses by": what it asks for, what it starts, and that it can be cancelled."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path

import pytest
from dose_folders import published_folder, trained_folder
from module_steps import apply, choose_monte_carlo
from processes import is_alive


@pytest.fixture
def with_monte_carlo(host, use_organs):
    """The panel with Monte Carlo chosen, before Apply."""
    choose_monte_carlo(use_organs)
    host.process_events()
    return use_organs


def test_the_fast_law_is_the_default_and_starts_no_second_job(host, use_organs):
    apply(host, use_organs)
    assert use_organs.ui.doseEngineComboBox.currentText.startswith("Fast law")
    assert use_organs.simulation.job is None
    assert not use_organs.ui.simulationButton.visible
    assert host.packages.requests == []


def test_without_numba_apply_asks_before_anything_runs_and_takes_no(host, with_monte_carlo):
    host.packages.missing.add("numba")
    host.click(with_monte_carlo.ui.applyButton)
    (asked,) = host.packages.requests
    assert asked[0].startswith("numba>=")
    assert "which was not installed" in with_monte_carlo.ui.statusLabel.text
    assert "Fast law" in with_monte_carlo.ui.statusLabel.text
    assert with_monte_carlo.task.job is None
    assert with_monte_carlo.simulation.job is None


def test_the_installer_is_held_to_the_numpy_that_is_there(host, panel, monkeypatch):
    import slicer.packaging

    from CTDoseSegLib.ctdoseseg_ui import packages

    held = []

    def pip_ensure(requirements, constraints=None, **_options):
        held.append((requirements, Path(constraints).read_text(encoding="utf-8")))

    host.packages.missing.add("numba")
    monkeypatch.setattr(slicer.packaging, "pip_ensure", pip_ensure)
    packages.ensure_simulation()
    ((requirements, text),) = held
    assert requirements[0].startswith("numba")
    assert text.strip() == f"numpy=={importlib.metadata.version('numpy')}"


def test_published_networks_ask_for_what_they_need_before_anything_runs(host, use_organs, tmp_path):
    folder = str(published_folder(tmp_path / "published"))
    use_organs._parameterNode.doseModelFolder = folder
    host.packages.installed.add("torch")
    host.packages.missing.add("scikit-learn")
    host.process_events()
    host.click(use_organs.ui.applyButton)
    (asked,) = host.packages.requests
    assert asked[0].startswith("scikit-learn>=")
    assert "scikit-learn>=1.4, which was not installed" in use_organs.ui.statusLabel.text
    assert "field Dose model" in use_organs.ui.statusLabel.text
    assert use_organs.task.job is None


def test_without_pytorch_published_networks_name_its_extension(host, panel, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui import packages
    from CTDoseSegLib.errors import DependencyError, ModelError

    host.packages.missing |= {"torch", "scikit-learn"}
    with pytest.raises(DependencyError, match="PyTorch of the Extensions Manager"):
        packages.ensure_dose_model(str(published_folder(tmp_path / "published")))
    packages.ensure_dose_model(str(trained_folder(tmp_path / "trained")))
    assert host.packages.requests == []
    with pytest.raises(ModelError, match="There is no folder gone"):
        packages.ensure_dose_model(str(tmp_path / "gone"))


def test_where_no_version_fits_the_sentence_says_so(host, panel):
    from CTDoseSegLib.ctdoseseg_ui import packages
    from CTDoseSegLib.errors import DependencyError

    host.packages.missing.add("numba")
    host.packages.outcome = "failed"
    with pytest.raises(DependencyError, match="beside this numpy"):
        packages.ensure_simulation()


def test_on_a_mac_without_a_wheel_nothing_is_asked(host, with_monte_carlo, monkeypatch):
    from CTDoseSegLib.dosimetry.montecarlo import compilation

    monkeypatch.setattr(compilation.sys, "platform", "darwin")
    monkeypatch.setattr(compilation.platform, "machine", lambda: "x86_64")
    host.packages.missing.add("numba")
    host.click(with_monte_carlo.ui.applyButton)
    assert "Intel processor" in with_monte_carlo.ui.statusLabel.text
    assert host.packages.requests == []
    assert with_monte_carlo.task.job is None


def test_apply_gives_fast_doses_first_and_the_simulation_replaces_them(host, with_monte_carlo):
    pytest.importorskip("numba", reason="Monte Carlo needs it")
    panel = with_monte_carlo
    apply(host, panel)
    results = panel.results.results
    fast = results.doses()
    assert fast["liver"] > 0
    assert panel.simulation.active
    assert not results.simulated
    assert panel.ui.applyButton.text == "Apply"
    said = []
    job = panel.simulation.job
    on_event = job._on_event
    job._on_event = lambda event: (said.append(event.get("message", "")), on_event(event))
    host.meter.start()
    host.wait_until(lambda: not job.active, 200)
    host.process_events()
    assert job.state == "done", panel.ui.logText.plainText
    # The present uncertainty stands in the progress, with the organ that has it.
    assert any("million photons" in text and "% in" in text for text in said), said
    assert results.simulated
    simulated = results.doses()
    assert simulated["liver"] != fast["liver"]
    assert simulated["liver"] == pytest.approx(fast["liver"], rel=1.0)
    # Both stand side by side.
    table = results.doseTable
    row = next(
        n
        for n in range(table.GetNumberOfRows())
        if table.GetCellText(n, table.GetColumnIndex("name")) == "liver"
    )
    beside = table.GetCellText(row, table.GetColumnIndex("fast_law_mGy"))
    assert float(beside) == pytest.approx(fast["liver"], rel=0.01)
    assert panel.ui.statusLabel.text == "Done."
    assert "Monte Carlo" in panel.ui.resultLabel.text
    assert results.doseMap is not None


def test_cancel_ends_the_simulation_within_a_second_and_leaves_the_fast_doses(
    host, with_monte_carlo
):
    pytest.importorskip("numba", reason="Monte Carlo needs it")
    panel = with_monte_carlo
    panel._parameterNode.aimedPercent = 0.1
    apply(host, panel)
    results = panel.results.results
    fast, nodes = results.doses(), scene_size()
    job = panel.simulation.job
    folder = Path(job._arguments[1]).parent
    host.wait_until(lambda: "million photons" in panel.ui.simulationLabel.text, 120)
    started = time.monotonic()
    host.click(panel.ui.simulationButton)
    host.wait_until(lambda: not job.active, 5)
    assert time.monotonic() - started < 1.0
    host.process_events()
    assert job.state == "cancelled"
    assert not is_alive(job.pid)
    assert not folder.exists()
    assert results.doses() == fast
    assert not results.simulated
    assert scene_size() == nodes
    assert "cancelled" in panel.ui.simulationLabel.text
    assert panel.ui.simulationButton.text == "Simulate"


def scene_size():
    import slicer

    return slicer.mrmlScene.GetNumberOfNodes()


def test_a_scan_that_cannot_be_simulated_keeps_its_fast_doses_and_says_why(host, with_monte_carlo):
    pytest.importorskip("numba", reason="Monte Carlo needs it")
    panel = with_monte_carlo
    panel._parameterNode.kvp_kV = "200"
    host.process_events()
    apply(host, panel)
    fast = panel.results.results.doses()
    host.wait_until(lambda: not panel.simulation.active, 60)
    host.process_events()
    assert "outside 60 to 150 kV" in panel.ui.simulationLabel.text
    assert panel.results.results.doses() == fast


def test_a_new_apply_and_a_closed_scene_end_the_simulation(host, with_monte_carlo):
    import slicer

    pytest.importorskip("numba", reason="Monte Carlo needs it")
    panel = with_monte_carlo
    panel._parameterNode.aimedPercent = 0.1
    apply(host, panel)
    first = panel.simulation.job
    host.wait_until(lambda: first.pid is not None, 20)
    apply(host, panel)
    second = panel.simulation.job
    assert second is not first
    assert not is_alive(first.pid)
    host.wait_until(lambda: second.pid is not None, 20)
    slicer.mrmlScene.Clear(False)
    host.process_events()
    host.wait(0.3)
    assert not is_alive(second.pid)
    assert panel.simulation.job is None
    assert not panel.ui.simulationLabel.visible
