"""A series of the DICOM database: its exposure, its modality and its slices."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import SMALL
from scanned_phantom import load_scan, write_scan


def test_dicom_files_that_left_the_database_are_flagged(host, panel, phantom):
    phantom[0].SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    series = panel.logic.series(phantom[0])
    assert "dicom_not_found" in {f.code for f in series.flags}


def test_a_dicom_folder_brings_its_exposure(host, panel, tmp_path):
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    import slicer
    from DICOMLib import DICOMUtils

    (uid,) = host.database.index_folder(tmp_path / "dicom")
    (identifier,) = DICOMUtils.loadSeriesByUID([uid])
    node = slicer.mrmlScene.GetNodeByID(identifier)
    panel._parameterNode.inputVolume = node
    host.process_events()
    assert panel.ui.kvp_kV_source.text == "read"
    assert panel.ui.ctdivol_mGy_source.text == "read"
    assert "0018,0060" in panel.ui.kvp_kV_source.toolTip
    from CTDoseSegLib.reading.reader import read_series

    scene, files = panel.logic.series(node), read_series(tmp_path / "dicom")
    assert np.array_equal(scene.hu, files.hu)
    assert np.allclose(scene.affine, files.affine, atol=1e-4)
    assert scene.slices == files.slices
    assert scene.acquisition == files.acquisition
    assert {f.code for f in scene.flags} == {f.code for f in files.flags}


def test_the_headers_of_one_ct_alone_are_kept_by_the_console_too(host, panel, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui.nodes import headers
    from CTDoseSegLib.ctdoseseg_ui.nodes.volumes import dicom_files

    volumes = [load_scan(host, write_scan(tmp_path / str(n), seed=n)) for n in (1, 2)]
    for volume in volumes:
        panel.logic.series(volume)
    assert set(headers._kept) == set(dicom_files(volumes[1])[0])


def test_mr_by_its_dicom_modality_is_refused(host, panel, tmp_path):
    import pydicom

    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    for path in (tmp_path / "dicom").iterdir():
        data = pydicom.dcmread(path)
        data.Modality = "MR"
        data.save_as(path)
    import slicer
    from DICOMLib import DICOMUtils

    (uid,) = host.database.index_folder(tmp_path / "dicom")
    (identifier,) = DICOMUtils.loadSeriesByUID([uid])
    panel._parameterNode.inputVolume = slicer.mrmlScene.GetNodeByID(identifier)
    host.process_events()
    assert "MR, not CT" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled


def test_an_irregular_dicom_series_keeps_its_slices_positions(host, panel, tmp_path):
    from slicerhost.dicom.loading import load_series

    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    sorted((tmp_path / "dicom").iterdir())[5].unlink()
    (uid,) = host.database.index_folder(tmp_path / "dicom")
    series = panel.logic.series(load_series(uid, irregular=True))
    codes = {f.code for f in series.flags}
    assert {"nonlinear_transform", "missing_slices"} <= codes
    assert not series.regular
    steps = np.diff(series.z_mm)
    assert steps.max() == pytest.approx(2 * steps.min())
