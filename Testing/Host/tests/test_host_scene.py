"""Scene, subject hierarchy, files and DICOM."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest


def item_of(node) -> int:
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy.GetItemByDataNode(node)


def test_subject_hierarchy_items_come_and_go_with_their_nodes(host, ct):
    import slicer

    assert item_of(ct)
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    assert item_of(table)
    slicer.mrmlScene.RemoveNode(table)
    hidden = slicer.vtkMRMLTableNode()
    hidden.SetHideFromEditors(True)
    assert not item_of(slicer.mrmlScene.AddNode(hidden))


def test_closing_the_scene_tells_the_module(host, demo, ct):
    import slicer

    host.load_module(demo)
    widget = host.open("HostDemo")
    widget.parameters.factor = 3.0
    slicer.mrmlScene.Clear(False)
    host.check()
    assert widget.parameters.factor == 1.0
    assert widget.parameters.volume is None


def test_a_saved_bundle_brings_everything_back(host, demo, ct, tmp_path):
    import slicer

    host.load_module(demo)
    widget = host.open("HostDemo")
    widget.parameters.factor = 2.0
    host.click(widget.ui.applyButton)
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(False)
    assert not slicer.util.getNodesByClass("vtkMRMLTableNode")
    slicer.util.loadScene(str(path))
    host.check()
    assert widget.parameters.factor == 2.0
    (table,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert table.GetNumberOfRows() == 40
    (segmentation,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 1
    assert item_of(segmentation)


def test_volumes_segmentations_and_tables_are_saved_and_loaded(host, ct, tmp_path):
    import slicer

    assert slicer.util.saveNode(ct, str(tmp_path / "ct.nrrd"))
    again = slicer.util.loadVolume(str(tmp_path / "ct.nrrd"))
    assert np.array_equal(slicer.util.arrayFromVolume(again), slicer.util.arrayFromVolume(ct))
    assert again.GetSpacing() == ct.GetSpacing()
    with pytest.raises(RuntimeError, match=r"nothing\.nrrd"):
        slicer.util.loadVolume(str(tmp_path / "nothing.nrrd"))


@pytest.fixture
def dicom_folder(tmp_path):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    study, series = generate_uid(), generate_uid()
    for index in (2, 0, 1):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.PatientID, data.PatientName, data.Modality = "P", "P", "CT"
        data.SeriesDescription, data.SeriesNumber = "Test", 4
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [-10, -20, 30 + 5 * index]
        data.PixelSpacing, data.SliceThickness = [2, 3], 5
        data.Rows, data.Columns, data.SamplesPerPixel = 4, 6, 1
        data.PhotometricInterpretation = "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelRepresentation, data.RescaleSlope, data.RescaleIntercept = 1, 1, -1024
        data.WindowCenter, data.WindowWidth = 40, 400
        data.XRayTubeCurrent = 100 + index
        data.PixelData = np.full((4, 6), index, np.int16).tobytes()
        data.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (tmp_path / "notes.txt").write_text("no DICOM")
    return tmp_path


def test_a_series_is_indexed_and_loaded_with_its_geometry(host, dicom_folder):
    import slicer
    import vtk
    from DICOMLib import DICOMUtils

    (series,) = slicer.dicomDatabase.index_folder(dicom_folder)
    (identifier,) = DICOMUtils.loadSeriesByUID([series])
    node = slicer.mrmlScene.GetNodeByID(identifier)
    array = slicer.util.arrayFromVolume(node)
    assert array[:, 0, 0].tolist() == [-1024, -1023, -1022]
    affine = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(affine)
    expected = [[-3, 0, 0, 10], [0, -2, 0, 20], [0, 0, 5, 30], [0, 0, 0, 1]]
    assert np.allclose(slicer.util.arrayFromVTKMatrix(affine), expected)
    uids = node.GetAttribute("DICOM.instanceUIDs").split()
    paths = [slicer.dicomDatabase.fileForInstance(uid) for uid in uids]
    currents = [slicer.dicomDatabase.fileValue(path, "0018,1151") for path in paths]
    assert currents == ["100", "101", "102"]
    assert slicer.dicomDatabase.fileValue(paths[0], "0018,0060") == ""
    assert node.GetDisplayNode().GetWindow() == 400
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.GetItemParent(item_of(node))
    assert hierarchy.GetItemLevel(study) == "Study"


def test_an_irregular_series_gets_a_nonlinear_transform(host, dicom_folder):
    import slicer

    node = host.load_dicom(dicom_folder, irregular=True)
    assert node.GetParentTransformNode() is not None
    assert not node.GetParentTransformNode().IsLinear()
    assert slicer.util.arrayFromVolume(node).shape == (3, 4, 6)


def test_sample_data_are_registered_and_loaded(host, ct, tmp_path):
    import SampleData
    import slicer

    path = tmp_path / "sample.nrrd"
    slicer.util.saveNode(ct, str(path))
    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    with pytest.raises(ValueError, match="checksum"):
        register("CTDoseSeg", "Block", path.as_uri(), path.name, "Block")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for name, checksum in (("Block", digest), ("Altered", "0")):
        register(
            category="CTDoseSeg",
            sampleName=name,
            uris=path.as_uri(),
            fileNames=path.name,
            nodeNames=name,
            checksums=f"SHA256:{checksum}",
        )
    node = SampleData.downloadSample("Block")
    assert SampleData.downloadSamples("Block")
    assert slicer.util.arrayFromVolume(node).shape == (40, 64, 64)
    assert SampleData.downloadSamples("Altered") == []
    with pytest.raises(IndexError):
        SampleData.downloadSample("Altered")
