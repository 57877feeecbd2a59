"""The menu Region, and a head, of which other organs get doses than of a trunk."""

from __future__ import annotations

import html
import re

from module_steps import apply, show_result


def test_the_menu_offers_every_organ_or_those_of_a_region_of_the_dose_model(panel):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Region
    from CTDoseSegLib.dosimetry.fast.model import load_model

    assert {region.value for region in Region} == {"auto", *load_model().regions}
    menu = panel.ui.regionComboBox
    assert [menu.itemText(n) for n in range(menu.count)] == [one.label() for one in Region]


def test_a_region_leaves_its_organs_their_doses_and_gives_no_others(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Region

    every = analysed.results.results.result.organs
    analysed._parameterNode.region = Region.ABDOMEN
    show_result(host, analysed)
    results = analysed.results.results
    expected = {o.organ: o.dose_mGy for o in every if o.region == "abdomen"}
    assert 0 < len(expected) < len(every)
    assert results.doses() == expected


def test_a_head_has_doses_of_its_organs_by_ctdivol_of_the_16_cm_phantom(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    volume, organs = load_phantom(variant="head", shape=(64, 64, 24), spacing_mm=(4.0, 4.0, 8.0))
    parameters = panel._parameterNode
    parameters.inputVolume, parameters.inputSegmentation = volume, organs
    parameters.method = Method.EXISTING
    parameters.ctdivol_mGy, parameters.phantom_cm, parameters.body_part = "40", "16", "HEAD"
    apply(host, panel)
    results = panel.results.results
    assert results.result.dose_of("brain").region == "head"
    low, high = results.result.ssde.mean_interval_mGy
    assert low < results.doses()["brain"] < high
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", panel.ui.resultLabel.text)))
    assert "CTDIvol 40.0 mGy (16 cm phantom)" in text
    assert "no organ dose" not in text
