"""The section What if: what is typed, what it gives, and what a simulation of it gives."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import put_simulation, show_result, warm


@pytest.fixture
def stated(host, use_organs):
    """The panel as after Apply, with voltage and pitch typed."""
    parameters = use_organs._parameterNode
    parameters.kvp_kV, parameters.pitch = "120", "1"
    host.process_events()
    show_result(host, use_organs)
    warm(host, use_organs)
    use_organs.ui.whatIfCollapsibleButton.collapsed = False
    host.process_events()
    return use_organs


def set_(host, panel, **values):
    for name, value in values.items():
        setattr(panel._parameterNode, name, value)
    host.process_events()
    host.wait_until(lambda: not panel.whatIf._measuring.isActive(), 30)
    host.process_events()


def column(results):
    """Organ to its dose in the column HYPOTHETICAL; empty without one."""
    import slicer

    table = results.doseTable
    if table.GetColumnIndex("hypothetical_mGy") < 0:
        return {}
    index = table.GetColumnIndex("name")
    names = [table.GetCellText(row, index) for row in range(table.GetNumberOfRows())]
    doses = slicer.util.arrayFromTableColumn(table, "hypothetical_mGy")
    return {n: dose for n, dose in zip(names, doses, strict=True) if np.isfinite(dose)}


def test_half_the_pitch_doubles_every_dose(host, stated):
    results, before = stated.results.results, stated.results.results.node.GetText()
    set_(host, stated, whatIfPitch="0,5")
    shown = column(results)
    for organ, dose in results.doses().items():
        assert shown[organ] == pytest.approx(2 * dose, rel=1e-3)
    table = stated.ui.whatIfTable.text
    assert "8.10" in table
    assert "16.2" in table
    assert "HYPOTHETICAL" in table
    assert "HYPOTHETICAL" in stated.ui.whatIfLabel.text
    assert "pitch 0.5" in stated.ui.whatIfLabel.text
    assert results.node.GetText() == before  # nothing is written into the result


def test_another_voltage_shows_ctdivol_ssde_and_effective_dose_with_intervals(host, stated):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Voltage

    set_(host, stated, whatIfVoltage=Voltage.KV_100, whatIfOrgan="liver")
    rows = stated.ui.whatIfTable.text.split("<tr>")[2:]
    names = ("CTDIvol", "DLP", "SSDE", "Effective dose", "Liver (mGy)")
    for name in names:
        (row,) = (r for r in rows if r.startswith(f"<td>{name}"))
        assert " to " in row.split("<b>")[-1], name
    shown = column(stated.results.results)
    ratio = shown["liver"] / stated.results.results.doses()["liver"]
    assert 0.4 < ratio < 0.66
    assert "CTDI table" in stated.ui.whatIfNotesLabel.text
    assert not stated.ui.whatIfSimulateButton.isVisible()


def test_a_shorter_range_lowers_the_dose_and_the_dlp(host, stated):
    results = stated.results.results
    z_mm = results.result.slices.z_mm
    low, high = float(z_mm.min()), float(np.median(z_mm))
    set_(host, stated, whatIfRange_mm=f"{low:.1f}; {high:.1f}")
    assert column(results)["liver"] != pytest.approx(results.doses()["liver"], rel=1e-3)
    asked = stated.logic.whatIf(results)
    from CTDoseSegLib.dosimetry.what_if.change import Change

    other = asked.ask(Change(irradiated_range_mm=(round(low, 1), round(high, 1))))
    assert other.dlp.value_mGy_cm == pytest.approx(8.1 * (high - low) / 10, rel=0.01)
    assert f">{other.dlp.value_mGy_cm:.0f}<" in stated.ui.whatIfTable.text


def test_a_target_ssde_finds_the_tube_current(host, stated):
    from CTDoseSegLib.dosimetry.what_if.change import Change

    set_(host, stated, whatIfSSDE_mGy="5")
    assert "5.00" in stated.ui.whatIfTable.text
    assert not stated.ui.tubeCurrentFactorSlider.enabled
    reached = stated.logic.whatIf(stated.results.results).ask(Change(target_ssde_mGy=5.0))
    assert reached.ssde_mGy == pytest.approx(5.0, rel=1e-3)
    shown = stated.ui.tubeCurrentFactorValue.text
    assert f"{reached.change.tube_current_factor:.3g}" in shown


@pytest.mark.parametrize("text", ["-120,5; 80", "-120.5, 80", "-120,5 80"])
def test_a_range_is_read_as_under_acquisition(panel, text):
    from CTDoseSegLib.ctdoseseg_ui.panel.whatif_words import typed_change

    panel._parameterNode.whatIfRange_mm = text
    change, problems = typed_change(panel._parameterNode)
    assert change.irradiated_range_mm == (-120.5, 80.0)
    assert not problems


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("whatIfPitch", "12", "0.1 to 4"),
        ("whatIfPitch", "fast", "not a number"),
        ("whatIfPitch", "-1", "0.1 to 4"),
        ("whatIfRange_mm", "5", "two"),
        ("whatIfRange_mm", "80, -120", "lower number first"),
        ("whatIfRange_mm", "-9000, 0", "inside"),
        ("whatIfRange_mm", "nan, nan", "lower number first"),
        ("whatIfSSDE_mGy", "0", "0.1 to"),
        ("whatIfSSDE_mGy", "5 mGy", "not a number"),
    ],
)
def test_nonsense_is_refused_while_it_is_typed(host, stated, name, text, reason):
    getattr(stated.ui, f"{name}_edit").text = text
    host.process_events()
    assert reason in stated.ui.whatIfProblemLabel.text
    assert stated.ui.whatIfProblemLabel.isVisible()
    assert not stated.ui.whatIfTable.isVisible()
    assert column(stated.results.results) == {}
    host.click(stated.ui.resetWhatIfButton)
    assert not stated.ui.whatIfProblemLabel.isVisible()
    assert getattr(stated._parameterNode, name) == ""


def test_what_the_scan_does_not_state_is_asked_for(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Voltage

    warm(host, analysed)
    set_(host, analysed, whatIfVoltage=Voltage.KV_80)
    assert "tube voltage of the scan is not known" in analysed.ui.whatIfProblemLabel.text
    set_(host, analysed, whatIfVoltage=Voltage.AS_SCANNED, whatIfPitch="2")
    assert "pitch of the scan is not known" in analysed.ui.whatIfProblemLabel.text


def test_without_ctdivol_it_says_what_to_type(host, use_organs):
    use_organs._parameterNode.ctdivol_mGy = ""
    host.process_events()
    show_result(host, use_organs)
    warm(host, use_organs)
    use_organs.ui.whatIfCollapsibleButton.collapsed = False
    set_(host, use_organs, tubeCurrentFactor=2.0)
    assert "CTDIvol is not known: type it" in use_organs.ui.whatIfProblemLabel.text
    assert not use_organs.ui.whatIfTable.isVisible()


def test_reset_takes_everything_back(host, stated):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Voltage

    results = stated.results.results
    set_(
        host,
        stated,
        whatIfVoltage=Voltage.KV_80,
        whatIfPitch="2",
        whatIfSSDE_mGy="3",
        rotationTimeFactor=2.0,
    )
    assert column(results)
    host.click(stated.ui.resetWhatIfButton)
    host.process_events()
    assert column(results) == {}
    assert stated._parameterNode.whatIfVoltage == Voltage.AS_SCANNED
    assert not stated.ui.resetWhatIfButton.enabled
    assert not stated.ui.whatIfTable.isVisible()


def test_the_organ_of_the_table_is_chosen_in_the_panel(host, stated):
    set_(host, stated, tubeCurrentFactor=2.0)
    box = stated.ui.whatIfOrganComboBox
    names = [box.itemText(n) for n in range(box.count)]
    box.setCurrentIndex(names.index("Liver"))
    host.process_events()
    assert stated._parameterNode.whatIfOrgan == "liver"
    dose = stated.results.results.doses()["liver"]
    assert "Liver (mGy)" in stated.ui.whatIfTable.text
    assert f"{2 * dose:#.3g}" in stated.ui.whatIfTable.text


def test_a_scene_with_the_three_factors_of_before_shows_them(host, stated):
    """Scenes saved before hold the factors alone."""
    results = stated.results.results
    set_(host, stated, tubeCurrentFactor=1.5, rotationTimeFactor=2.0, ctdivolFactor=0.5)
    assert column(results)["liver"] == pytest.approx(1.5 * results.doses()["liver"], rel=1e-3)


def test_an_edit_is_followed(host, stated):
    results = stated.results.results
    set_(host, stated, tubeCurrentFactor=2.0)
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 20)
    host.process_events()
    shown = column(results)
    assert "spleen" not in shown
    assert shown["liver"] == pytest.approx(2 * results.doses()["liver"], rel=1e-3)


def test_the_console_answers_too(stated):
    results = stated.results.results
    doses = stated.logic.hypothetical(results, kvp_kV=100.0, pitch=2.0)
    same = stated.logic.hypothetical(results, tubeCurrent=0.5, kvp_kV=100.0)
    assert doses["liver"] == pytest.approx(same["liver"])
    assert doses["liver"] < 0.4 * results.doses()["liver"]


# Monte Carlo ------------------------------------------------------------------------------


@pytest.fixture
def other_voltage(host, simulated):
    """Simulated doses, and another voltage chosen."""
    from CTDoseSegLib.ctdoseseg_ui.parameters import Voltage

    warm(host, simulated)
    simulated.ui.whatIfCollapsibleButton.collapsed = False
    set_(host, simulated, whatIfVoltage=Voltage.KV_100)
    return simulated


def test_simulated_doses_at_another_voltage_are_by_the_laws_ratio_and_say_so(host, other_voltage):

    results = other_voltage.results.results
    assert "fast law" in other_voltage.ui.whatIfNotesLabel.text
    assert other_voltage.ui.whatIfSimulateButton.isVisible()
    ratio = column(results)["liver"] / results.doses()["liver"]
    assert 0.4 < ratio < 0.66
    set_(
        host,
        other_voltage,
        whatIfVoltage=type(other_voltage._parameterNode.whatIfVoltage).AS_SCANNED,
    )
    assert not other_voltage.ui.whatIfSimulateButton.isVisible()


def test_another_voltage_is_simulated_on_request_and_the_result_stays(host, other_voltage):
    from CTDoseSegLib.dosimetry.what_if.change import Change

    panel, results = other_voltage, other_voltage.results.results
    before, by_law = results.node.GetText(), column(results)
    host.click(panel.ui.whatIfSimulateButton)
    assert panel.simulation.active
    assert not panel.ui.whatIfSimulateButton.enabled  # one at a time
    host.wait_until(lambda: not panel.simulation.active, 120)
    host.process_events()
    assert "HYPOTHETICAL" in panel.ui.simulationLabel.text
    assert panel.logic.isSimulated(results, Change(kvp_kV=100.0))
    assert results.node.GetText() == before
    assert not panel.ui.whatIfSimulateButton.isVisible()
    assert "were simulated" in panel.ui.whatIfNotesLabel.text
    shown = column(results)
    assert shown["liver"] != by_law["liver"]
    assert shown["liver"] == pytest.approx(by_law["liver"], rel=0.25)
    set_(host, panel, tubeCurrentFactor=2.0)  # another exposure: by the ratio again
    assert panel.ui.whatIfSimulateButton.isVisible()


def test_a_cancelled_simulation_leaves_the_laws_doses(host, other_voltage):
    panel, results = other_voltage, other_voltage.results.results
    by_law = column(results)
    host.click(panel.ui.whatIfSimulateButton)
    host.click(panel.ui.simulationButton)
    host.wait_until(lambda: not panel.simulation.active, 30)
    host.process_events()
    assert "cancelled" in panel.ui.simulationLabel.text
    assert column(results) == by_law
    assert panel.ui.whatIfSimulateButton.isVisible()


def test_a_result_that_changed_meanwhile_takes_no_simulated_doses(host, other_voltage):
    from CTDoseSegLib.dosimetry.what_if.change import Change
    from CTDoseSegLib.errors import InputError

    panel, results = other_voltage, other_voltage.results.results
    asked, change = panel.logic.asked(results), Change(kvp_kV=100.0)
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    panel.logic.recompute(results)
    with pytest.raises(InputError, match="simulate again"):
        panel.logic.keepSimulated(results, change, asked, results.result)


def test_a_simulation_counts_though_another_result_was_looked_at_meanwhile(host, other_voltage):
    from CTDoseSegLib.dosimetry.what_if.change import Change

    panel, results = other_voltage, other_voltage.results.results
    logic, change = panel.logic, Change(kvp_kV=100.0)
    task = logic.prepareSimulation(results, 0.05, 0.5, change)
    put_simulation(task)
    drawn = panel._parameterNode.inputSegmentation
    exposure = {"ctdivol_mGy": 8.1, "phantom_cm": 32, "kvp_kV": 120}
    other = logic.analyze(results.volume, drawn, acquisition=exposure, newResult=True)
    panel.output.take(other)
    host.process_events()
    logic.whatIf(other)
    logic.finishSimulation(task)
    task.clear()
    assert logic.isSimulated(results, change)
    assert not logic.isSimulated(other, change)
    panel.output.take(results)
    set_(host, panel, whatIfOrgan="liver")
    assert "were simulated" in panel.ui.whatIfNotesLabel.text
