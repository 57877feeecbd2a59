"""DICOM objects of a result: they state its numbers, belong to the CT, and hold no free text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_study import SECRETS, dicom_analysis, groups_of, numbers_of, write_ct
from tiny_analysis import tiny_analysis, tiny_labelmap

pytest.importorskip("highdicom", reason="DICOM objects need highdicom")

from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.outputs.dicom_objects.identity import Producer, date
from CTDoseSegLib.outputs.dicom_objects.kinds import FILES, kinds_of
from CTDoseSegLib.outputs.dicom_objects.rt_dose import make_rt_dose
from CTDoseSegLib.outputs.dicom_objects.source import read_source
from CTDoseSegLib.outputs.dicom_objects.writing import write_dicom_objects
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.result import Result
from CTDoseSegLib.segmentation.user import read_labelmap

PDF = b"%PDF-1.4 of a test"
ALL = ("seg", "labelmap", "sr", "rtdose", "pdf")


def dose_map() -> DoseMap:
    """A gradient along every axis, on a grid of its own."""
    k, j, i = np.indices((3, 5, 7)).astype(np.float32)
    dose = 4 + k + 0.5 * j + 0.25 * i
    affine = np.array([[-30.0, 0, 0, 120], [0, -30, 0, 80], [0, 0, 6, -41], [0, 0, 0, 1]])
    return DoseMap(dose, affine, 0.01 * dose, 1000)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    analysis = dicom_analysis(folder / "ct")
    result = Result.of(analysis)
    paths = write_dicom_objects(
        analysis.series,
        analysis.labelmap,
        result,
        folder,
        ALL,
        dose_map=dose_map(),
        pdf=PDF,
    )
    assert [path.name for path in paths] == [FILES[kind] for kind in ALL]
    return {kind: pydicom.dcmread(folder / FILES[kind]) for kind in ALL}, result, folder


@pytest.mark.parametrize("kind", ALL)
def test_an_object_belongs_to_the_patient_and_study_of_the_ct_and_is_a_series_of_its_own(
    written, kind
):
    data = written[0][kind]
    ct = pydicom.dcmread(written[2] / "ct" / "000.dcm")
    for keyword in (
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
        *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
    ):
        assert data[keyword].value == ct[keyword].value, keyword
    assert data.SeriesInstanceUID != ct.SeriesInstanceUID
    assert data.SeriesNumber != ct.SeriesNumber
    assert data.Manufacturer == "CTDoseSeg project"
    if kind in ("seg", "labelmap", "rtdose"):
        assert data.FrameOfReferenceUID == ct.FrameOfReferenceUID


@pytest.mark.parametrize("kind", ALL)
def test_no_free_text_of_the_ct_is_taken_over(written, kind):
    content = (written[2] / FILES[kind]).read_bytes()
    assert not [secret for secret in SECRETS if secret.encode() in content]


@pytest.mark.parametrize("kind", ["seg", "labelmap"])
def test_a_seg_holds_the_organs_where_they_are_without_couch_and_rest(written, kind):
    own = tiny_labelmap()
    read = read_labelmap(written[2] / FILES[kind], read_series(written[2] / "ct"))
    names = {atom.name: atom.value for atom in read.atoms}
    assert names.keys() - {"body_rest"} == {"liver", "lung_left"}
    for atom in own.atoms:
        if atom.name in ("liver", "lung_left"):
            here = own.labels == atom.value
            np.testing.assert_array_equal(read.labels == names[atom.name], here)


def test_a_segment_states_code_side_colour_and_algorithm(written):
    segments = {s.SegmentLabel: s for s in written[0]["seg"].SegmentSequence}
    lung = segments["lung_left"]
    kind = lung.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("39607008", "SCT")
    assert kind.CodeMeaning == "Lung"
    side = kind.SegmentedPropertyTypeModifierCodeSequence[0]
    assert (side.CodeValue, side.CodeMeaning) == ("7771000", "Left")
    assert lung.SegmentAlgorithmType == "AUTOMATIC"
    assert lung.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == (
        "CTDoseSeg with test"
    )
    assert (
        "SegmentedPropertyTypeModifierCodeSequence"
        not in (segments["liver"].SegmentedPropertyTypeCodeSequence[0])
    )


def test_the_report_has_a_group_for_each_organ_each_slice_and_the_scan(written):
    groups = groups_of(written[0]["sr"])
    slices = {f"slice {k}" for k in range(4)}
    assert set(groups) == {"Liver", "Left lung", "Lung", "whole scan"} | slices


def test_a_dose_has_its_interval_in_mgy_its_method_and_flags(written):
    _objects, result, _folder = written
    group = groups_of(written[0]["sr"])["Lung"]
    lung = result.dose_of("lung")
    value, unit = numbers_of(group)["Absorbed Dose"]
    assert (value, unit) == (pytest.approx(lung.dose_mGy, abs=0.005), "mGy")
    (dose,) = (
        item
        for item in group.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Absorbed Dose"
    )
    ends = {
        item.ConceptNameCodeSequence[0].CodeValue: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in dose.ContentSequence
        if item.ValueType == "NUM"
    }
    assert ends["371886008"] == (
        pytest.approx(lung.total_high_mGy - lung.dose_mGy, abs=0.011),
        "mGy",
    )
    assert ends["371885007"] == (
        pytest.approx(lung.dose_mGy - lung.total_low_mGy, abs=0.011),
        "mGy",
    )
    codes = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.ConceptCodeSequence[0].CodeMeaning
        for item in group.ContentSequence
        if item.ValueType == "CODE"
    }
    assert codes["Measurement Method"].startswith("Organ dose")
    assert codes["Flag of this number"] == "organ cut"


def test_an_organ_without_a_dose_has_volume_and_hu_and_the_flag(written):
    numbers = numbers_of(groups_of(written[0]["sr"])["Liver"])
    assert "Absorbed Dose" not in numbers
    structure = written[1].structures["liver"]
    assert numbers["Volume"] == (pytest.approx(structure.volume_ml, abs=0.006), "cm3")
    assert numbers["Attenuation Coefficient"][0] == pytest.approx(60, abs=2)


def test_a_slice_states_wed_and_refers_to_its_image(written):
    group = groups_of(written[0]["sr"])["slice 2"]
    numbers = numbers_of(group)
    slices = written[1].slices
    assert numbers["Longitudinal Position Z"] == (pytest.approx(slices.z_mm[2]), "mm")
    wed = numbers["Water Equivalent Diameter At Longitudinal Position Z"]
    assert wed == (pytest.approx(slices.wed_mm[2], abs=0.006), "mm")
    (image,) = (item for item in group.ContentSequence if item.ValueType == "IMAGE")
    own = pydicom.dcmread(written[2] / "ct" / "002.dcm").SOPInstanceUID
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == own


def test_ctdivol_is_the_mean_of_the_slices_as_in_the_report(written, tmp_path):
    from CTDoseSegLib.reporting.report.content import report_of

    analysis = dicom_analysis(tmp_path / "ct")
    result = Result.of(analysis)
    ctdivol_mGy = np.linspace(4.0, 7.0, len(result.slices))
    result = replace(
        result,
        slices=replace(result.slices, ctdivol_mGy=ctdivol_mGy),
        acquisition=replace(result.acquisition, ctdivol_mGy=9.0),
    )
    write_dicom_objects(analysis.series, analysis.labelmap, result, tmp_path, ("sr",))
    report = pydicom.dcmread(tmp_path / FILES["sr"])
    numbers = numbers_of(groups_of(report)["whole scan"])
    assert numbers["Mean CTDIvol"] == (5.5, "mGy")
    assert report_of(result).answer[0].value.startswith("5.50 mGy")


def test_organs_refer_to_their_segment(written):
    group = groups_of(written[0]["sr"])["Left lung"]
    (image,) = (item for item in group.ContentSequence if item.ValueType == "IMAGE")
    reference = image.ReferencedSOPSequence[0]
    seg = written[0]["seg"]
    assert reference.ReferencedSOPInstanceUID == seg.SOPInstanceUID
    named = {s.SegmentNumber: s for s in seg.SegmentSequence}
    segment = named[int(reference.ReferencedSegmentNumber)]
    assert segment.SegmentLabel == "lung_left"
    (uid,) = (
        item.UID
        for item in group.ContentSequence
        if item.ValueType == "UIDREF"
        and item.ConceptNameCodeSequence[0].CodeMeaning == "Tracking Unique Identifier"
    )
    assert uid == segment.TrackingUID


def test_the_report_is_preliminary_and_unverified(written):
    sr = written[0]["sr"]
    flags = (sr.PreliminaryFlag, sr.VerificationFlag, sr.CompletionFlag)
    assert flags == ("PRELIMINARY", "UNVERIFIED", "COMPLETE")


def test_rt_dose_is_the_map_in_gray_where_it_lies(written):
    import SimpleITK as sitk

    own = dose_map()
    image = sitk.ReadImage(str(written[2] / FILES["rtdose"]))
    scaling = float(written[0]["rtdose"].DoseGridScaling)
    dose_mGy = 1000 * scaling * sitk.GetArrayFromImage(image)
    np.testing.assert_allclose(dose_mGy, own.dose_mGy, atol=own.dose_mGy.max() / 60000)
    for kji in ((0, 0, 0), (2, 4, 6)):
        ras = own.affine @ (*kji[::-1], 1)
        place = image.TransformIndexToPhysicalPoint(kji[::-1])
        np.testing.assert_allclose(place, (-ras[0], -ras[1], ras[2]))


def test_a_map_from_head_to_feet_is_written_along_the_normal(tmp_path):
    import SimpleITK as sitk

    analysis = dicom_analysis(tmp_path / "ct")
    own = dose_map()
    affine = own.affine.copy()
    affine[:3, 3] += 2 * affine[:3, 2]
    affine[:3, 2] *= -1
    turned = replace(own, affine=affine)
    data = make_rt_dose(read_source(analysis.series), turned, Producer("x"))
    data.save_as(tmp_path / "d.dcm", enforce_file_format=True)
    image = sitk.ReadImage(str(tmp_path / "d.dcm"))
    read = sitk.GetArrayFromImage(image)
    ras = affine @ (0, 0, 0, 1)
    at = image.TransformPhysicalPointToIndex((-ras[0], -ras[1], ras[2]))
    assert 1000 * float(data.DoseGridScaling) * read[at[::-1]] == pytest.approx(4, abs=1e-3)


def test_a_map_without_dose_or_on_a_sheared_grid_is_refused(tmp_path):
    source = read_source(dicom_analysis(tmp_path / "ct").series)
    own = dose_map()
    with pytest.raises(InputError, match="no dose"):
        make_rt_dose(source, replace(own, dose_mGy=0 * own.dose_mGy), Producer("x"))
    sheared = own.affine.copy()
    sheared[1, 2] = 2.0
    with pytest.raises(InputError, match="tilted"):
        make_rt_dose(source, replace(own, affine=sheared), Producer("x"))


def test_the_pdf_is_the_file_that_was_given(written):
    data = written[0]["pdf"]
    assert data.EncapsulatedDocument[: len(PDF)] == PDF
    assert data.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_the_same_result_gives_the_same_bytes_and_another_gives_other_uids(written, tmp_path):
    analysis = dicom_analysis(tmp_path / "ct")
    result = written[1]
    again, other = tmp_path / "again", tmp_path / "other"
    again.mkdir()
    other.mkdir()
    more = {"dose_map": dose_map(), "pdf": PDF}
    made = replace(
        result, provenance=replace(result.provenance, created="2026-01-02T03:04:05+00:00")
    )
    write_dicom_objects(analysis.series, analysis.labelmap, made, again, ALL, **more)
    first = {kind: (again / FILES[kind]).read_bytes() for kind in ALL}
    write_dicom_objects(analysis.series, analysis.labelmap, made, again, ALL, **more)
    assert first == {kind: (again / FILES[kind]).read_bytes() for kind in ALL}
    for kind in ALL:
        assert pydicom.dcmread(again / FILES[kind]).SOPInstanceUID == (
            written[0][kind].SOPInstanceUID
        )
    labels = analysis.labelmap.labels.copy()
    labels[0, 8, 6] = 1
    edited = replace(analysis.labelmap, labels=labels)
    write_dicom_objects(analysis.series, edited, made, other, ALL, **more)
    for kind in ALL:
        uid = pydicom.dcmread(other / FILES[kind]).SOPInstanceUID
        assert uid != written[0][kind].SOPInstanceUID


@pytest.mark.parametrize("offset", ["+9900", "-24", "0530", "+05:30", "x"])
def test_a_zone_that_is_none_leaves_the_time_as_this_machine_has_it(offset):
    data = pydicom.Dataset()
    data.TimezoneOffsetFromUTC = offset
    date(data, "2026-02-01T12:00:00+00:00")
    plain = pydicom.Dataset()
    date(plain, "2026-02-01T12:00:00+00:00")
    assert (data.ContentDate, data.ContentTime) == (plain.ContentDate, plain.ContentTime)


def test_times_are_those_of_the_result_in_the_zone_of_the_study():
    data = pydicom.Dataset()
    data.TimezoneOffsetFromUTC = "-0530"
    date(data, "2026-01-02T03:04:05+00:00")
    assert (data.ContentDate, data.ContentTime) == ("20260101", "213405")


def test_what_is_de_identified_stays_so(tmp_path):
    analysis = dicom_analysis(
        tmp_path / "ct",
        PatientIdentityRemoved="YES",
        DeidentificationMethod="a tool",
        PatientName="",
    )
    write_dicom_objects(analysis.series, analysis.labelmap, Result.of(analysis), tmp_path, ("seg",))
    data = pydicom.dcmread(tmp_path / FILES["seg"])
    assert data.PatientIdentityRemoved == "YES"
    assert data.DeidentificationMethod == "a tool"


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"SOPInstanceUID": "1.2.3"}, "share one SOPInstanceUID"),
        ({"FrameOfReferenceUID": None}, "no FrameOfReferenceUID"),
        ({"StudyInstanceUID": ""}, "no StudyInstanceUID"),
    ],
    ids=["one UID for all", "no frame of reference", "blank study"],
)
def test_a_ct_that_cannot_be_named_gets_no_objects_but_a_sentence(tmp_path, tags, words):
    series = read_series(write_ct(tmp_path / "ct", **tags))
    with pytest.raises(InputError, match=words):
        read_source(series)


def test_a_volume_file_gets_no_objects_but_a_sentence(tmp_path):
    from CTDoseSegLib.ct.volume_files import write_volume

    made = tiny_analysis()
    path = write_volume(tmp_path, "ct", made.series.hu, made.series.affine)
    with pytest.raises(InputError, match="not read from DICOM"):
        read_source(read_series(path))


def test_a_report_without_a_seg_names_the_anatomy_alone(tmp_path):
    analysis = dicom_analysis(tmp_path / "ct")
    write_dicom_objects(analysis.series, analysis.labelmap, Result.of(analysis), tmp_path, ("sr",))
    groups = groups_of(pydicom.dcmread(tmp_path / FILES["sr"]))
    kinds = {item.ValueType for item in groups["Left lung"].ContentSequence}
    assert "IMAGE" not in kinds
    assert not (tmp_path / FILES["seg"]).exists()


def test_two_hundred_segments_keep_their_names_and_voxels(tmp_path):
    from CTDoseSegLib.segmentation.labelmap import Atom

    analysis = dicom_analysis(tmp_path / "ct")
    labels = np.zeros_like(analysis.labelmap.labels)
    names = [f"part_{n}" for n in range(1, 200)] + ["x" * 80]
    labels.reshape(-1)[:200] = np.arange(1, 201)
    atoms = tuple(Atom(n, name, "", "#112233", "given") for n, name in enumerate(names, 1))
    groups = {"body": tuple(names)}
    many = replace(analysis.labelmap, labels=labels, atoms=atoms, groups=groups, doubt=None)
    write_dicom_objects(analysis.series, many, Result.of(analysis), tmp_path, ("seg",))
    seg = pydicom.dcmread(tmp_path / FILES["seg"])
    assert len(seg.SegmentSequence) == 200
    assert seg.SegmentSequence[199].SegmentLabel == "x" * 64
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    read = read_labelmap(tmp_path / FILES["seg"], analysis.series)
    assert {atom.value: atom.name for atom in read.atoms} == {
        n: name[:64] for n, name in enumerate(names, 1)
    }
    np.testing.assert_array_equal(read.labels, labels)


def test_kinds_are_checked_by_name():
    assert kinds_of("seg, sr,seg") == ("seg", "sr")
    with pytest.raises(ValueError, match="rtstruct is no kind"):
        kinds_of("seg,rtstruct")


@pytest.mark.parametrize("character_set", ["ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]])
def test_a_name_in_another_script_arrives(tmp_path, character_set):
    name = "Müller^Zoë" if character_set == "ISO_IR 100" else "Yamada^Tarou=山田^太郎"
    analysis = dicom_analysis(tmp_path / "ct", SpecificCharacterSet=character_set, PatientName=name)
    write_dicom_objects(
        analysis.series,
        analysis.labelmap,
        Result.of(analysis),
        tmp_path,
        ("seg", "sr", "pdf"),
        pdf=PDF,
    )
    for kind in ("seg", "sr", "pdf"):
        assert str(pydicom.dcmread(tmp_path / FILES[kind]).PatientName) == name
