"""Several results of one CT: which one is shown, and which one Apply fills."""

from __future__ import annotations

import pytest
from module_steps import SMALL, show_result


@pytest.fixture
def two(host, analysed):
    """The panel with two results of one CT, the second one shown."""
    first = analysed.results.results
    analysed.ui.resultSelector.setCurrentNode(None)
    host.process_events()
    analysed._parameterNode.ctdivol_mGy = "8.1"
    show_result(host, analysed)
    return analysed, first, analysed.results.results


def visible(results):
    return bool(results.segmentation.GetDisplayNode().GetVisibility())


def test_apply_again_replaces_the_result_as_long_as_nobody_touches_the_selector(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results

    before = analysed.results.results.node
    assert analysed.ui.resultSelector.currentNode() is before
    show_result(host, analysed)
    assert [results.node for results in Results.all()] == [before]


def test_the_selector_is_offered_once_there_is_a_result(host, use_organs):
    assert not use_organs.ui.resultSelector.visible
    show_result(host, use_organs)
    assert use_organs.ui.resultSelector.visible


def test_create_new_result_keeps_the_first_one(two):
    panel, first, second = two
    assert first.node is not second.node
    assert first.result.organs
    assert first.segmentation is not second.segmentation
    assert panel.ui.resultSelector.currentNode() is second.node
    assert panel.ui.doseTableView.mrmlTableNode() is second.doseTable


def test_results_are_named_by_their_engines_and_numbered(two):
    _, first, second = two
    name = f"{first.volume.GetName()}: user segmentation, fast law"
    assert first.node.GetName().startswith(name)
    assert second.node.GetName() == f"{first.node.GetName()} (2)"


def test_a_name_that_the_user_gave_is_kept(host, analysed):
    analysed.results.results.node.SetName("Before the correction")
    show_result(host, analysed)
    assert analysed.results.results.node.GetName() == "Before the correction"


def test_an_older_result_is_shown_when_it_is_chosen(host, two):
    panel, first, second = two
    assert visible(second)
    assert not visible(first)
    panel.ui.resultSelector.setCurrentNode(first.node)
    host.process_events()
    assert panel.results.results.node is first.node
    assert panel.ui.doseTableView.mrmlTableNode() is first.doseTable
    assert visible(first)
    assert not visible(second)
    show_result(host, panel)  # fills the one that is chosen
    assert panel.results.results.node is first.node


def test_a_result_of_another_ct_brings_its_ct_with_it(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    first = analysed.results.results
    analysed._parameterNode.inputVolume = load_phantom(**{**SMALL, "seed": 4})[0]
    host.process_events()
    assert analysed.results.results is None
    analysed.ui.resultSelector.setCurrentNode(first.node)
    host.process_events()
    assert analysed._parameterNode.inputVolume is first.volume
    assert analysed.results.results.node is first.node


def test_a_result_made_in_the_console_is_shown_beside_the_older_one(host, analysed):
    first = analysed.results.results
    made = analysed.logic.analyze(first.volume, engine="classical", newResult=True)
    host.wait_until(lambda: analysed.results.results.node is made.node, 5)
    assert first.doses()
    assert "classical" in made.node.GetName()
    assert analysed.ui.resultSelector.currentNode() is made.node


def test_a_deleted_result_gives_way_to_the_other_one(host, two):
    import slicer

    panel, first, second = two
    slicer.mrmlScene.RemoveNode(second.node)
    host.process_events()
    assert panel.results.results.node is first.node


def test_a_saved_scene_shows_the_result_that_was_chosen(host, two, tmp_path):
    import slicer

    panel, first, _ = two
    panel.ui.resultSelector.setCurrentNode(first.node)
    host.process_events()
    name, doses = first.node.GetName(), first.doses()
    path = tmp_path / "scene.mrb"
    slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    host.process_events()
    slicer.util.loadScene(str(path))
    host.process_events()
    assert panel.results.results.node.GetName() == name
    assert panel.results.results.doses() == doses


def test_a_result_of_a_newer_version_gives_a_sentence(host, two):
    panel, first, _ = two
    first.node.SetText(first.node.GetText().replace('"schema_version": "2', '"schema_version": "9'))
    panel.ui.resultSelector.setCurrentNode(first.node)
    host.process_events()
    assert "schema version" in panel.ui.statusLabel.text
    assert panel.results.results is None
