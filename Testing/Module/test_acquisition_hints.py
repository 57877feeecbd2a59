"""The section "Acquisition" says which results wait for which values, as the analysis has it."""

from __future__ import annotations

import pytest
from module_steps import SMALL

MAS = {"tube_current_mA": "200", "rotation_time_s": "0.5", "pitch": "1"}


def hint(host, panel, **typed: str) -> str:
    """What the section says with these values typed and no others."""
    from CTDoseSegLib.ctdoseseg_ui.parameters import TYPED

    for name in TYPED:
        setattr(panel._parameterNode, name, typed.get(name, ""))
    host.process_events()
    return panel.ui.acquisitionLabel.text


def test_a_volume_without_dicom_shows_which_results_wait(host, panel, phantom):
    text = hint(host, panel)
    assert "no DICOM" in text
    assert "SSDE needs CTDIvol" in text
    assert "organ doses wait for CTDIvol, or for tube current" in text
    assert panel.ui.ctdivol_mGy_source.text == "unknown"
    panel.ui.ctdivol_mGy_edit.text = "9"
    host.process_events()
    assert panel.ui.ctdivol_mGy_source.text == "typed"
    assert "wait" not in panel.ui.acquisitionLabel.text


def test_doses_of_a_head_wait_for_ctdivol_alone(host, panel, phantom):
    text = hint(host, panel, body_part="HEAD", kvp_kV="120", **MAS)
    assert "SSDE needs CTDIvol (16 cm phantom)" in text
    assert text.endswith("organ doses wait for CTDIvol.")
    assert "wait" not in hint(host, panel, body_part="HEAD", ctdivol_mGy="40", phantom_cm="16")


def test_doses_of_a_limb_wait_for_nothing_as_there_are_none(host, panel, phantom):
    assert "organ doses" not in hint(host, panel, body_part="KNEE")


CASES = {
    "nothing": {},
    "ctdivol": {"ctdivol_mGy": "8"},
    "mas": {"kvp_kV": "120", **MAS},
    "mas without voltage": MAS,
    "mas at 100 kV": {"kvp_kV": "100", **MAS},
    "ctdivol at 100 kV": {"kvp_kV": "100", "ctdivol_mGy": "8"},
    "child": {"age_years": "5", "ctdivol_mGy": "3"},
    "child, 16 cm": {"age_years": "5", "ctdivol_mGy": "3", "phantom_cm": "16"},
    "child, mas too": {"age_years": "5", "ctdivol_mGy": "3", "kvp_kV": "120", **MAS},
}


@pytest.mark.parametrize("case", CASES)
def test_organ_doses_wait_where_the_analysis_gives_none(host, panel, phantom, case):
    from CTDoseSegLib.analysis import analyze
    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import labelmap_of

    text = hint(host, panel, **CASES[case])
    series = panel.logic.series(phantom[0], panel.acquisition.typed())
    doses = analyze(series, labelmap_of(phantom[1], phantom[0], series)).doses
    given = any(organ.dose_mGy is not None for organ in doses.organs)
    assert ("organ doses" in text) is not given


def test_one_line_is_enough_where_dicom_states_all(host, panel, tmp_path):
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path / "made")
    panel._parameterNode.inputVolume = host.load_dicom(tmp_path / "made" / "dicom")
    host.process_events()
    section = panel.ui.acquisitionCollapsibleButton
    assert section.collapsed
    assert section.text.startswith("Acquisition: 120 kV, CTDIvol ")
    assert "32 cm phantom" in section.text
    panel._parameterNode.ctdivol_mGy = "9"
    host.process_events()
    assert "CTDIvol 9 mGy (typed)" in section.text


def test_the_section_is_open_where_values_are_missing(host, panel, phantom):
    panel._parameterNode.ctdivol_mGy = ""
    host.process_events()
    assert not panel.ui.acquisitionCollapsibleButton.collapsed
