"""Flags in the panel: one notice a cause, remedies in the panel's words, an organ's on demand."""

from __future__ import annotations

import dataclasses
import html
import re
import xml.etree.ElementTree as ET

import pytest
from module_steps import MODULE, apply

UI = MODULE.parent / "Resources" / "UI" / "CTDoseSeg.ui"


def words_of_the_ui() -> str:
    """All texts of the panel, a line each."""
    return "\n".join(node.text or "" for node in ET.parse(UI).iter("string"))


def plain(rich: str) -> str:
    return re.sub(r"<[^>]+>", " ", rich)


def test_the_panel_words_every_remedy_that_it_has_and_no_other(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.panel.remedies import words
    from CTDoseSegLib.flags import MENDS

    no_field = {"dlp_mGy_cm", "manufacturer", "model", "pregnancy_week", "uterus_z_mm"}
    assert set(words()) == set(MENDS) - no_field
    for way, called in words().values():
        assert not re.search(r"python|console|command|=|_", way + called, re.IGNORECASE)


def test_sections_and_fields_that_remedies_name_are_in_the_panel(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.panel.remedies import words
    from CTDoseSegLib.ctdoseseg_ui.parameters import TYPED

    shown, table = words_of_the_ui().lower(), words()
    for name in TYPED:
        way, called = table[name]
        assert "section Acquisition" in way
        assert called.removeprefix("the ").lower() + ":" in shown, name
    for name in ("dose_report", "scanner_profile"):
        way, called = table[name]
        assert "section Acquisition" in way
        assert called.removeprefix("the ") + ":" in shown
    for way, called in table.values():
        assert "--" not in way + called
        for place in re.findall(r" under ([A-Z][\w ]+)", way):
            assert place.lower() in shown, place
    assert "acquisition" in shown


def test_notices_stand_in_the_panel_with_its_own_remedies(host, use_organs):
    use_organs._parameterNode.ctdivol_mGy = ""
    use_organs._parameterNode.kvp_kV = "120"
    use_organs._parameterNode.tube_current_mA = "200"
    use_organs._parameterNode.rotation_time_s = "0.5"
    use_organs._parameterNode.pitch = "1"
    apply(host, use_organs)
    label = use_organs.ui.resultLabel
    text = plain(label.text)
    assert "CTDIvol is not known" in text
    assert "Enter  CTDIvol (mGy) ." in text
    assert "--" not in text
    assert label.text.count("<li>") <= 4  # three, and how many more there are
    label.linkActivated.emit("all")
    assert "no effective dose" in plain(label.text)  # effective dose's flags are shown too
    assert label.text.count("<li>") > 4
    label.linkActivated.emit("fewer")
    assert label.text.count("<li>") <= 4
    use_organs.ui.acquisitionCollapsibleButton.collapsed = True
    label.linkActivated.emit("field:ctdivol_mGy")
    assert not use_organs.ui.acquisitionCollapsibleButton.collapsed


def test_a_click_on_a_size_of_the_phantom_enters_it(host, use_organs):
    use_organs._parameterNode.phantom_cm = ""
    apply(host, use_organs)
    label = use_organs.ui.resultLabel
    label.linkActivated.emit("all")
    assert 'href="set:phantom_cm=16"' in label.text
    label.linkActivated.emit("set:phantom_cm=16")
    host.process_events()
    assert use_organs.ui.phantom_cm_edit.text == "16"
    assert "press Apply" in use_organs.ui.statusLabel.text


def test_the_flags_of_an_organ_are_shown_when_it_is_chosen_and_go_with_all_organs(host, analysed):
    label = analysed.ui.resultLabel
    from CTDoseSegLib.ct.organs import spoken_name

    organs = analysed.results.results.result.organs
    flagged = next(o for o in organs if o.flags)
    assert {f.place for f in flagged.flags} == {f"organ {flagged.organ}"}
    assert "Notes on" not in plain(label.text)
    analysed.results.go_to_organ(flagged.organ)
    assert f"Notes on  {spoken_name(flagged.organ)} :" in plain(label.text)
    assert flagged.flags[0].message in plain(label.text).split("Notes on")[1]
    analysed.results.refresh()
    assert "Notes on" in plain(label.text)
    host.click(analysed.ui.allOrgansButton)
    assert "Notes on" not in plain(label.text)


def test_a_result_of_the_first_release_is_shown(host, panel):
    """Its flags have a code, a severity and a message."""
    from CTDoseSegLib.ctdoseseg_ui.panel.flag_words import notices
    from CTDoseSegLib.flags import Flag

    old = {"code": "organ_cut", "severity": "warning", "message": "The organ <touches> it. Mind."}
    flags = [Flag.from_plain({**old, "code": f"c{n}"}) for n in range(10)]
    assert notices(flags).count("<li>") == 4
    assert "Show 7 more" in notices(flags)
    assert notices(flags, every=True).count("<li>") == 11
    assert "The organ &lt;touches&gt; it. Mind." in notices(flags, every=True)


def test_a_cell_of_the_dose_table_says_what_its_column_means(host, analysed):
    import qt

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    table = layout.table_view().model()
    tooltips = {}
    for column in range(table.columnCount()):
        name = table.headerData(column, qt.Qt.Horizontal)
        tooltips.setdefault(name, table.index(0, column).data(qt.Qt.ToolTipRole) or "")
    # A narrow panel shows the dose with the interval to judge it by.
    assert list(tooltips)[:4] == ["Organ", "Dose [mGy]", "90 % from", "90 % to"]
    assert "simulated dose lies in this interval" in tooltips["Law from [mGy]"]
    assert "estimate of a 90 % interval" in tooltips["90 % from"]
    assert "cuts it" in tooltips["In the images"]


def test_a_small_window_shows_the_dose_with_its_whole_interval(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    host.resize(1366, 768)
    view = layout.table_view()
    last = analysed.results.results.doseTable.GetColumnIndex("total_high_mGy")
    end = view.columnViewportPosition(last) + view.columnWidth(last)
    assert end <= view.viewport().width


def test_the_dose_table_holds_numbers_with_units_and_names_that_people_say(host, analysed):
    import slicer

    results = analysed.results.results
    table = results.doseTable
    doses = slicer.util.arrayFromTableColumn(table, "dose_mGy")
    low, high = (
        slicer.util.arrayFromTableColumn(table, f"total_{end}_mGy") for end in ("low", "high")
    )
    organs = [table.GetCellText(n, table.GetColumnIndex("name")) for n in range(len(doses))]
    known = results.doses()
    assert dict(zip(organs, doses.tolist(), strict=True)) == pytest.approx(known, rel=1e-3)
    assert (low < doses).all()
    assert (doses < high).all()
    assert table.GetColumnUnitLabel("dose_mGy") == "mGy"
    shown = [table.GetCellText(n, table.GetColumnIndex("organ")) for n in range(len(doses))]
    assert shown[organs.index("lung_left")] == "Left lung"


def test_one_table_is_shown_in_the_layout_or_else_in_the_panel(host, analysed):
    assert not analysed.ui.doseTableView.visible
    host.click(analysed.ui.restoreLayoutButton)
    assert analysed.ui.doseTableView.visible
    host.click(analysed.ui.layoutButton)
    assert not analysed.ui.doseTableView.visible


def test_dose_indices_stand_in_the_panel_with_their_units_and_flags(host, analysed):
    from CTDoseSegLib.flags import FLAGS

    effective = analysed.results.results.result.effective_dose
    text = html.unescape(plain(analysed.ui.resultLabel.text))
    text = re.sub(r"\s+", " ", text)
    assert "CTDIvol 8.10 mGy (32 cm phantom)" in text
    assert re.search(r"\(90 % interval of the (corrected )?mean \d+ to \d+ mm\)", text)
    assert re.search(r"SSDE [\d.]+ mGy \(90 % interval [\d.]+ to [\d.]+ mGy\)", text)
    assert f"DLP at least {effective.dlp.value_mGy_cm:#.3g}".rstrip(".") + " mGy cm" in text
    low, high = effective.effective_dose_mSv, effective.high_mSv
    assert f"at least {low:#.3g} mSv (at least {high:#.3g} mSv by" in text
    assert re.search(r"Confidence (good|moderate|low) : 90 % interval from \d+ % below", text)
    assert "of a reference person, not of this patient" in text
    assert effective.flags
    for flag in effective.flags:
        assert FLAGS[flag.code].found[1:] in text


def test_what_was_found_makes_one_sentence_in_which_names_keep_their_capitals(host):
    from CTDoseSegLib.ctdoseseg_ui.panel.result_words import _listed

    found = ("The patient is under 18", "CTDIvol is not known", "The patient is under 18")
    assert _listed(found) == "the patient is under 18; CTDIvol is not known"


def test_a_size_specific_effective_dose_says_that_it_is_no_personal_risk(analysed):
    from CTDoseSegLib.ctdoseseg_ui.panel.result_words import _effective_doses
    from CTDoseSegLib.dosimetry.size_specific_effective_dose import SizeSpecificEffectiveDose

    result = analysed.results.results.result
    assert result.size_specific_effective_dose.value_mSv is None  # too few organs are drawn
    assert "size-specific" not in str(_effective_doses(result))
    own = SizeSpecificEffectiveDose(4.1, 3.0, 5.6, predicted_share=0.93)
    shown = _effective_doses(dataclasses.replace(result, size_specific_effective_dose=own))[-1]
    assert shown == (
        "... size-specific",
        "4.10 mSv (ICRP 103, 90 % interval 3.00 to 5.60 mSv), 93 % of the weights predicted: of a "
        "reference person of this size, not a personal risk",
    )


def test_a_dose_of_the_uterus_region_says_who_must_judge_it(analysed):
    from CTDoseSegLib.ctdoseseg_ui.panel.result_words import _uterus
    from CTDoseSegLib.dosimetry.uterus_dose import UterusDose
    from CTDoseSegLib.flags import flag

    assert "terus" not in analysed.ui.resultLabel.text  # pregnancy is not stated
    dose = UterusDose(10.0, 6.9, 13.5, z_profile_mGy=11.0)
    bound = UterusDose(high_mGy=2.5, z_profile_mGy=0.31, upper_bound=True)
    refused = UterusDose(flags=(flag("uterus_position_unknown"),))
    assert [_uterus(one) for one in (dose, bound, refused)] == [
        "10.0 mGy (6.90 to 13.5 mGy), 11.0 mGy by the z-profile method; a medical physicist must "
        "judge it",
        "below 2.50 mGy, 0.310 mGy by the z-profile method; a medical physicist must judge it",
        "not given: where the uterus lies is not known",
    ]


def test_an_effective_dose_that_is_not_given_says_why(host, use_organs):
    use_organs._parameterNode.ctdivol_mGy = ""
    apply(host, use_organs)
    text = html.unescape(plain(use_organs.ui.resultLabel.text))
    assert re.search(r"Effective dose\s+not given: CTDIvol is not known", text)


def test_lobes_and_chambers_are_counted_as_parts_of_their_organ(host, panel):
    from types import SimpleNamespace

    from CTDoseSegLib.ctdoseseg_ui.panel.result_words import _counted

    lobes = ("lung_upper_lobe_left", "lung_lower_lobe_left")
    atoms = {name: (name,) for name in (*lobes, "heart_ventricle_left", "kidney_left", "liver")}
    atoms |= {"lung": (*lobes, "nodule"), "nodule": ("nodule",), "heart": ("heart_ventricle_left",)}
    structures = {name: SimpleNamespace(atoms=values) for name, values in atoms.items()}

    def counted(names, structures=structures):
        organs = [SimpleNamespace(organ=name, dose_mGy=1.0) for name in names]
        return _counted(SimpleNamespace(organs=organs, structures=structures))

    assert counted(atoms) == (4, 4)  # lung, heart, kidney, liver
    assert counted(set(atoms) - {"lung", "nodule"}) == (5, 1)
    assert counted({"liver"}, {}) == (1, 0)
