"""Exposure: what the headers state, what a user types, and what is flagged as unknown."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from dicom_files import codes, make_slice, save, write_series
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from CTDoseSegLib.ct.acquisition import Acquisition, check_typed, read_typed_acquisition
from CTDoseSegLib.dicom.header import Header
from CTDoseSegLib.errors import AcquisitionError
from CTDoseSegLib.reading.exposure import age_years, read_exposure
from CTDoseSegLib.reading.reader import read_series


def header(**values) -> Header:
    """Numbers and texts become tuples, as in a header that was read."""
    return Header("a.dcm", {k: v if isinstance(v, tuple) else (v,) for k, v in values.items()}, "")


def exposure(*headers, step_mm=10.0):
    read = read_exposure(headers, [step_mm * k for k in range(len(headers))])
    return read.acquisition, read.slices, {flag.code for flag in read.flags}


SIEMENS = {
    "Manufacturer": "SIEMENS",
    "KVP": 120.0,
    "XRayTubeCurrent": 615.0,
    "ExposureTime": 330.0,
    "SpiralPitchFactor": 0.8,
    "Exposure": 253.0,
}


def test_effective_mas_is_current_times_rotation_over_pitch():
    acquisition, (only,), flag_codes = exposure(header(**SIEMENS))
    assert acquisition.rotation_time_s == pytest.approx(0.33)
    assert only.effective_mAs == pytest.approx(615 * 0.33 / 0.8)
    assert only.exposure_mAs == 253
    assert "exposure_disagrees" not in flag_codes
    assert acquisition.sources["effective_mAs"] == "computed: mA x rotation time / pitch"


@pytest.mark.parametrize(("written", "flagged"), [(242.0, False), (238.0, True), (17.0, True)])
def test_exposure_that_differs_by_over_five_per_cent_is_flagged(written, flagged):
    _, _, flag_codes = exposure(header(**SIEMENS | {"Exposure": written}))
    assert ("exposure_disagrees" in flag_codes) is flagged


def test_without_pitch_siemens_and_philips_give_effective_mas_themselves():
    for maker, known in (("SIEMENS", True), ("Philips", True), ("GE MEDICAL SYSTEMS", False)):
        tags = {k: v for k, v in SIEMENS.items() if k != "SpiralPitchFactor"}
        _, (only,), flag_codes = exposure(header(**tags | {"Manufacturer": maker}))
        assert only.effective_mAs == (253 if known else None)
        assert ("effective_mas_unknown" in flag_codes) is not known


def test_the_rotation_time_is_the_revolution_time_where_it_is_stated():
    acquisition, _, _ = exposure(header(**SIEMENS | {"RevolutionTime": 0.5}))
    assert acquisition.rotation_time_s == 0.5
    assert acquisition.sources["rotation_time_s"] == "image (0018,9305)"


def test_the_exposure_time_of_philips_is_rotation_over_pitch():
    tags = SIEMENS | {"Manufacturer": "Philips", "ExposureTime": 1280.0, "SpiralPitchFactor": 0.391}
    tags["Exposure"] = 787.0  # 615 mA x 1.28 s
    acquisition, _, _ = exposure(header(**tags))
    assert acquisition.rotation_time_s == pytest.approx(0.5, abs=0.001)
    del tags["SpiralPitchFactor"]
    assert exposure(header(**tags))[0].rotation_time_s is None


def test_the_pitch_follows_from_table_feed_and_collimation():
    tags = {k: v for k, v in SIEMENS.items() if k != "SpiralPitchFactor"}
    acquisition, _, _ = exposure(
        header(**tags, TableFeedPerRotation=15.36, TotalCollimationWidth=19.2)
    )
    assert acquisition.pitch == pytest.approx(0.8)
    assert acquisition.sources["pitch"].startswith("computed: table feed")


def test_currents_and_exposures_in_micro_units_are_converted():
    _, (only,), _ = exposure(header(XRayTubeCurrentInuA=200000.0, ExposureInuAs=150000.0))
    assert (only.tube_current_mA, only.exposure_mAs) == (200, 150)


@pytest.mark.parametrize("current", [None, 0.0])
def test_a_tube_current_of_zero_is_not_known(current):
    tags = {} if current is None else {"XRayTubeCurrent": current}
    _, slices, flag_codes = exposure(header(XRayTubeCurrent=100.0), header(**tags))
    assert [s.tube_current_mA for s in slices] == [100, None]
    assert "tube_current_missing" in flag_codes


def test_a_ctdivol_of_zero_is_not_known():
    acquisition, (only,), flag_codes = exposure(header(CTDIvol=0.0))
    assert only.ctdivol_mGy is None
    assert acquisition.ctdivol_mGy is None
    assert "ctdivol_missing" in flag_codes


@pytest.mark.parametrize(
    ("tags", "detail"), [({}, ": 1 of 2 slices."), ({"CTDIvol": 0.0}, ": 0 in 1 of 2 slices.")]
)
def test_a_ctdivol_that_is_absent_is_not_flagged_as_zero(tags, detail):
    headers = [header(CTDIvol=5.0), header(**tags)]
    (missing,) = [
        f for f in read_exposure(headers, [0.0, 5.0]).flags if f.code == "ctdivol_missing"
    ]
    assert detail in missing.message


@pytest.mark.parametrize(
    ("doses", "currents", "expected"),
    [((10, 10), (100, 200), True), ((5, 10), (100, 200), False), ((10, 10), (100, 100), None)],
)
def test_a_ctdivol_that_does_not_follow_the_current_is_the_scans_mean(doses, currents, expected):
    headers = [
        header(CTDIvol=float(d), XRayTubeCurrent=float(c))
        for d, c in zip(doses, currents, strict=True)
    ]
    acquisition, slices, _ = exposure(*headers)
    assert acquisition.ctdivol_is_scan_mean is expected
    assert acquisition.ctdivol_mGy == sum(doses) / 2
    assert tuple(s.ctdivol_mGy for s in slices) == doses


@pytest.mark.parametrize(
    ("values", "expected"),
    [((), None), (("113691",), 32), (("113690",), 16), (("113690", "113691"), None)],
)
def test_the_phantom_is_known_by_its_one_code(values, expected):
    items = tuple({"CodeValue": (value,)} for value in values)
    acquisition, _, flag_codes = exposure(header(CTDIPhantomTypeCodeSequence=items))
    assert acquisition.phantom_cm == expected
    assert ("phantom_unknown" in flag_codes) is (expected is None)


def test_the_phantom_code_is_read_from_a_file(tmp_path):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "113690", "DCM"
    path = save(make_slice(CTDIPhantomTypeCodeSequence=[item]), tmp_path / "a.dcm")
    assert read_series(path).acquisition.phantom_cm == 16


@pytest.mark.parametrize("kvp", [0.0, 12.0, 1200.0])
def test_an_impossible_tube_voltage_is_not_known(kvp):
    acquisition, _, flag_codes = exposure(header(KVP=kvp))
    assert acquisition.kvp_kV is None
    assert "kvp_unknown" in flag_codes


def test_a_tube_voltage_that_changes_is_not_known():
    acquisition, _, flag_codes = exposure(header(KVP=80.0), header(KVP=140.0))
    assert acquisition.kvp_kV is None
    assert "kvp_unknown" in flag_codes


@pytest.mark.parametrize(
    ("tags", "field", "expected"),
    [
        ({"FilterMaterial": ("TIN",)}, "tin_filter", True),
        ({"FilterMaterial": ("ALUMINUM",)}, "tin_filter", False),
        ({"FilterType": "SN"}, "tin_filter", True),
        ({"FilterType": "FLAT"}, "tin_filter", None),
        ({"ImageType": ("ORIGINAL", "PRIMARY", "AXIAL", "DET_AB")}, "dual_source", True),
        ({"SpiralPitchFactor": 3.2}, "dual_source", True),
        ({"SpiralPitchFactor": 1.7}, "dual_source", None),
        ({"ScanOptions": "HELICAL CARDIAC"}, "ecg_gated", True),
        ({"CardiacSynchronizationTechnique": "RETROSPECTIVE"}, "ecg_gated", True),
        ({"CardiacSynchronizationTechnique": "NONE"}, "ecg_gated", False),
        ({"NominalPercentageOfCardiacPhase": 70.0}, "ecg_gated", True),
        ({"ScanOptions": "HELICAL MODE"}, "ecg_gated", None),
        ({"ContrastBolusAgent": "Ultravist"}, "contrast", True),
        ({"ContrastBolusAgent": "NONE"}, "contrast", False),
        ({}, "contrast", None),
        ({"PregnancyStatus": 1.0}, "pregnancy_stated", False),
        ({"PregnancyStatus": 2.0}, "pregnancy_stated", True),
        ({"PregnancyStatus": 3.0}, "pregnancy_stated", True),
        ({"PregnancyStatus": 4.0}, "pregnancy_stated", None),
        ({"PatientSex": "F"}, "sex", "F"),
        ({"PatientSex": "?"}, "sex", None),
        ({"PatientWeight": 0.0}, "weight_kg", None),
    ],
    ids=str,
)  # fmt: skip
def test_the_technique_is_as_the_tags_state_and_else_unknown(tags, field, expected):
    acquisition, _, _ = exposure(header(**tags))
    assert getattr(acquisition, field) is expected or getattr(acquisition, field) == expected
    assert (field in acquisition.sources) is (expected is not None)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"PatientAge": "053Y"}, 53),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "010D"}, 10 / 365.25),
        ({"PatientAge": "abc", "PatientBirthDate": "20000101", "StudyDate": "20100101"}, 10),
        ({"PatientBirthDate": "20200101", "StudyDate": "20100101"}, None),
        ({"PatientBirthDate": "1900", "StudyDate": "20100101"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_age_comes_from_age_or_dates(tags, expected):
    age, source = age_years(header(**tags))
    assert age == (None if expected is None else pytest.approx(expected, abs=0.01))
    assert bool(source) is (expected is not None)


def test_the_irradiated_range_is_not_the_image_range():
    acquisition, _, flag_codes = exposure(header(KVP=120.0), header(KVP=120.0), step_mm=200.0)
    assert acquisition.irradiated_range_mm is None
    assert "irradiated_range_unknown" in flag_codes
    acquisition, _, flag_codes = exposure(*2 * [header(ScanLength=240.0)], step_mm=200.0)
    assert acquisition.irradiated_range_mm == (-20, 220)
    assert "irradiated_range_unknown" not in flag_codes


def test_the_axis_of_rotation_is_the_centre_of_data_collection_in_all_slices():
    stated = header(DataCollectionCenterPatient=(12.5, -188.0, 40.0))
    higher = header(DataCollectionCenterPatient=(12.5, -188.0, 45.0))
    elsewhere = header(DataCollectionCenterPatient=(20.0, -188.0, 45.0))
    acquisition, _, _ = exposure(stated, higher)
    # DICOM counts to the left and to posterior.
    assert acquisition.isocentre_mm == (-12.5, 188.0)
    assert acquisition.sources["isocentre_mm"] == "image (0018,9313)"
    assert exposure(stated, elsewhere)[0].isocentre_mm is None
    assert exposure(header(), header())[0].isocentre_mm is None


def test_every_known_field_has_a_source(tmp_path):
    write_series(tmp_path)
    acquisition = read_series(tmp_path).acquisition
    known = {
        f.name
        for f in fields(acquisition)
        if f.name != "sources" and getattr(acquisition, f.name) is not None
    }
    assert {"kvp_kV", "pitch", "ctdivol_mGy"} <= known <= set(acquisition.sources)


def test_dual_energy_is_flagged():
    assert "dual_energy" in exposure(header(MultienergyCTAcquisition="YES"))[2]


# What a user types


def typed(tmp_path, **values):
    path = tmp_path / "typed.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_typed_values_replace_those_of_the_image_with_their_source(tmp_path):
    folder = write_series(tmp_path / "ct")
    given_values = {"kvp_kV": 100, "phantom_cm": 16, "irradiated_range_mm": [90, 120]}
    series = read_series(folder, acquisition=typed(tmp_path, **given_values))
    assert series.acquisition.kvp_kV == 100
    assert series.acquisition.irradiated_range_mm == (90, 120)
    assert series.acquisition.sources["kvp_kV"] == "user"
    assert series.acquisition.sources["pitch"] == "image (0018,9311)"
    assert not {"phantom_unknown", "irradiated_range_unknown"} & codes(series)
    assert "phantom_unknown" in codes(read_series(folder))


def test_typed_values_per_slice_are_one_for_all_or_one_for_each(tmp_path):
    folder = write_series(tmp_path / "ct", CTDIvol=None)
    series = read_series(folder, acquisition=typed(tmp_path, ctdivol_mGy=7))
    assert [s.ctdivol_mGy for s in series.slices] == [7] * 5
    series = read_series(folder, acquisition=typed(tmp_path, ctdivol_mGy=[1, 2, 3, 4, 5]))
    assert [s.ctdivol_mGy for s in series.slices] == [1, 2, 3, 4, 5]
    assert series.acquisition.ctdivol_mGy == 3
    assert "ctdivol_missing" not in codes(series)
    with pytest.raises(AcquisitionError, match="ctdivol_mGy has 2 values for 5 slices"):
        read_series(folder, acquisition=typed(tmp_path, ctdivol_mGy=[1, 2]))


def test_a_typed_pitch_changes_effective_mas(tmp_path):
    folder = write_series(tmp_path / "ct", XRayTubeCurrent=200)
    before = read_series(folder).slices[0].effective_mAs
    after = read_series(folder, acquisition=typed(tmp_path, pitch=2.5)).slices[0].effective_mAs
    assert (before, after) == (pytest.approx(80), pytest.approx(40))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kvp", 120),
        ("sources", {}),
        ("kvp_kV", 1200),
        ("kvp_kV", "120"),
        ("kvp_kV", True),
        ("pitch", 0),
        ("pitch", float("nan")),
        ("phantom_cm", 20),
        ("phantom_cm", True),
        ("ecg_gated", "no"),
        ("kernel", 3),
        ("sex", "female"),
        ("irradiated_range_mm", [10, 5]),
        ("irradiated_range_mm", 10),
        ("isocentre_mm", [10]),
        ("isocentre_mm", [10, "5"]),
        ("tube_current_mA", []),
        ("tube_current_mA", [100, -1]),
        ("ctdivol_mGy", 0),
    ],
)
def test_an_impossible_typed_value_is_refused_by_its_key(key, value):
    with pytest.raises(AcquisitionError, match=f"^{key} is "):
        check_typed({key: value})


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00", "[" * 100000])
def test_a_typed_file_that_is_no_object_is_refused(tmp_path, text):
    path = tmp_path / "typed.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AcquisitionError, match=r"typed\.json"):
        read_typed_acquisition(path)
    with pytest.raises(AcquisitionError, match=r"gone\.json cannot be read"):
        read_typed_acquisition(tmp_path / "gone.json")


@given(
    st.dictionaries(
        st.sampled_from([f.name for f in fields(Acquisition)] + ["other", "tube_current_mA"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.floats()
            | st.integers()
            | st.sampled_from(["M", "x", ""]),
            lambda inner: st.lists(inner, max_size=3),
        ),
    )
)
def test_whatever_is_typed_is_taken_or_refused_in_a_sentence(values):
    try:
        taken = check_typed(values)
    except AcquisitionError:
        return
    assert set(taken.values) | set(taken.per_slice) <= set(values)
