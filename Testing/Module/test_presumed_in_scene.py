"""What volumes and segmentations of the scene leave to be presumed is flagged as in files."""

from __future__ import annotations

import numpy as np
import pytest
from label_files import write_slicer_segmentation
from module_steps import apply
from test_bad_input import press_apply, volume


def codes(flags) -> set[str]:
    return {flag.code for flag in flags}


def result_codes(panel) -> set[str]:
    return codes(panel.results.results.result.flags)


def hu_of(node) -> np.ndarray:
    import slicer

    return slicer.util.arrayFromVolume(node).copy()


def affine_of(node) -> np.ndarray:
    from CTDoseSegLib.ctdoseseg_ui.nodes.volumes import geometry

    return geometry(node)[0]


def flags_of_file(hu, affine, tmp_path) -> set[str]:
    """Flags of the same volume in a NIfTI file, but those of its missing exposure."""
    import nibabel

    from CTDoseSegLib.reading.reader import read_series

    nibabel.Nifti1Image(np.asarray(hu).T, affine).to_filename(tmp_path / "ct.nii.gz")
    return codes(read_series(tmp_path / "ct.nii.gz").flags)


VALUES = {
    "window": lambda hu: hu.clip(-200, 250),
    "stored": lambda hu: hu + 1024,
    "grey": lambda hu: ((hu.clip(-160, 240) + 160) / 400 * 255).astype(np.uint8),
    "iodine": lambda hu: np.where(hu > 20, (hu - 20) * 0.3, 0).astype(np.int16),
}


@pytest.mark.parametrize("change", VALUES)
def test_values_that_are_no_hu_are_flagged(panel, phantom, change, tmp_path):
    values = VALUES[change](hu_of(phantom[0]))
    node = volume(values, affine=affine_of(phantom[0]))
    series = panel.logic.series(node)
    assert "not_hu" in codes(series.flags)
    assert codes(series.flags) == flags_of_file(values, affine_of(node), tmp_path)


def test_values_that_are_no_hu_have_no_size_and_no_dose(host, panel, phantom):
    press_apply(host, panel, volume(hu_of(phantom[0]).clip(-200, 250)))
    results = panel.results.results
    assert "not_hu" in result_codes(panel)
    assert np.isnan(results.result.slices.wed_mm).all()
    assert results.doses() == {}


@pytest.mark.parametrize("window", [(-1024, 3071), (-1000, 400)])
def test_a_window_that_keeps_what_counts_is_hu(panel, phantom, window):
    node = volume(hu_of(phantom[0]).clip(*window), affine=affine_of(phantom[0]))
    assert "not_hu" not in codes(panel.logic.series(node).flags)


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1)])
def test_an_identity_geometry_is_flagged_as_presumed(host, panel, phantom, signs, tmp_path):
    hu = hu_of(phantom[0]).repeat(4, 1).repeat(4, 2)
    node = volume(hu, affine=np.diag([*signs, 1.0]))
    found = codes(panel.logic.series(node).flags)
    assert "voxel_size_presumed" in found
    assert found == flags_of_file(hu, affine_of(node), tmp_path)


def test_a_transform_does_not_hide_an_identity_geometry(host, panel, phantom):
    import slicer

    node = volume(hu_of(phantom[0]), affine=np.eye(4))
    moved = np.eye(4)
    moved[:3, 3] = 10, -20, 30
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(moved))
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert "voxel_size_presumed" in codes(panel.logic.series(node).flags)
    assert "voxel_size_presumed" not in codes(panel.logic.series(phantom[0]).flags)


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_exchanged_axes_are_flagged(panel, phantom, order, tmp_path):
    hu = np.ascontiguousarray(hu_of(phantom[0]).transpose(order))
    node = volume(hu, affine=affine_of(phantom[0]))
    found = codes(panel.logic.series(node).flags)
    assert "axes_doubtful" in found
    assert found == flags_of_file(hu, affine_of(node), tmp_path)


def test_a_coronal_volume_has_no_size(host, panel, phantom):
    affine = affine_of(phantom[0])
    coronal = affine.copy()
    coronal[:, 1], coronal[:, 2] = affine[:, 2], affine[:, 1]
    hu = np.ascontiguousarray(hu_of(phantom[0]).transpose(1, 0, 2))
    assert "not_axial" in codes(panel.logic.series(volume(hu, affine=coronal)).flags)


def rename(segmentation_node, **names: str) -> None:
    """Give segments other names, and leave nothing else that would tell what they are."""
    segmentation = segmentation_node.GetSegmentation()
    segments = {old: segmentation.GetSegment(old) for old in names}
    for old, segment in segments.items():
        segment.SetName(names[old])
        segment.RemoveTag("CTDoseSeg.Name")
        segment.RemoveTag(segment.GetTerminologyEntryTagName())


def flags_of_slicer_file(panel, phantom, tmp_path) -> set[str]:
    """Flags of the analysis of the same segmentation in a .seg.nrrd file."""
    from CTDoseSegLib.analysis import analyze
    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import labelmap_of
    from CTDoseSegLib.segmentation.user import read_labelmap

    series = panel.logic.series(phantom[0], {"ctdivol_mGy": 8.1, "phantom_cm": 32})
    labelmap = labelmap_of(phantom[1], phantom[0], series)
    segments = [{"Name": a.name, "LabelValue": a.value, "Layer": 0} for a in labelmap.atoms]
    path = write_slicer_segmentation(
        tmp_path / "s.seg.nrrd", labelmap.labels, labelmap.affine, segments
    )
    return codes(analyze(series, read_labelmap(path, series)).flags)


CHANGES = {
    "kidneys": ({"kidney_left": "Right kidney", "kidney_right": "Left kidney"}, "not_this_organ"),
    "liver_and_lung": (
        {"liver": "lung_lower_lobe_right", "lung_lower_lobe_right": "liver"},
        "not_this_organ",
    ),
    "numbers": ({"liver": "Segment_1", "spleen": "Segment_2"}, "unknown_labels"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_segments_that_cannot_be_what_they_are_called_are_flagged(
    host, use_organs, phantom, change, tmp_path
):
    names, code = CHANGES[change]
    rename(phantom[1], **names)
    apply(host, use_organs)
    assert code in result_codes(use_organs)
    assert ".csv" not in " ".join(f.message for f in use_organs.results.results.result.all_flags())
    assert result_codes(use_organs) >= flags_of_slicer_file(use_organs, phantom, tmp_path)


def test_the_phantoms_own_segments_raise_none_of_these_flags(analysed):
    assert not result_codes(analysed) & {"not_this_organ", "unknown_labels", "unnamed_labels"}


def test_names_that_are_exchanged_in_the_result_are_flagged(host, analysed):
    results = analysed.results.results
    assert "not_this_organ" not in codes(results.result.flags)
    segmentation = results.segmentation.GetSegmentation()
    left, right = (segmentation.GetSegment(f"kidney_{side}") for side in ("left", "right"))
    left.SetName("kidney_right")
    right.SetName("kidney_left")
    analysed.logic.recompute(results)
    assert "not_this_organ" in codes(results.result.flags)
    flagged = {o.organ for o in results.result.organs if "not_this_organ" in codes(o.flags)}
    assert flagged == {"kidney_left", "kidney_right"}


def test_a_name_that_is_taken_off_in_the_result_is_flagged(host, analysed):
    results = analysed.results.results
    rename(results.segmentation, spleen="Segment_1")
    analysed.logic.recompute(results)
    (found,) = [f for f in results.result.flags if f.code == "unknown_labels"]
    assert found.detail == "Segment_1 (names from the segmentation)"
    assert "spleen" not in results.doses()


def test_overlapping_segments_are_flagged_in_the_result(host, use_organs, phantom):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import labelmap_of

    series = use_organs.logic.series(phantom[0])
    liver = labelmap_of(phantom[1], phantom[0], series).mask("liver")
    lesion = np.zeros(liver.shape, np.uint8)
    lesion[tuple(np.argwhere(liver)[:20].T)] = 1
    node = phantom[1]
    identifier = node.GetSegmentation().AddEmptySegment("lesion", "lesion")
    slicer.util.updateSegmentBinaryLabelmapFromArray(lesion, node, identifier, phantom[0])
    apply(host, use_organs)
    assert "segments_overlap" in result_codes(use_organs)
