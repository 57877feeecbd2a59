"""Dose reports: what is read from the files of several makers, and what is refused."""

from __future__ import annotations

import pydicom
import pytest
from dicom_files import UID, make_slice, save
from dose_reports import event, item, report, write_report
from dose_scans import codes
from hypothesis import given, settings
from hypothesis import strategies as st
from read_reports import only, read

from CTDoseSegLib.ct.dose_report import merged
from CTDoseSegLib.dicom.truncation import is_cut_off
from CTDoseSegLib.errors import DoseReportError
from CTDoseSegLib.reading.dose_report_file import read_dose_report

pytestmark = pytest.mark.slow

KINDS = {
    "CT-ESR-GE_Optima": "llslls",
    "CT-RDSR-GEPixelMed": "st",
    "CT-RDSR-Siemens-Continued-1": "ls",
    "CT-RDSR-Siemens-Multi-1": "l",
    "CT-RDSR-Siemens-Multi-2": "ls",
    "CT-RDSR-Siemens_Flash-QA-DS": "tttttttss",
    "CT-RDSR-SpectrumDynamics": "lttff",
    "CT-RDSR-ToshibaPixelMed": "lss",
    "CT-RDSR-Toshiba_MultiValSD": "lls",
    "NM-CT-RDSR-Siemens": "ls",
}
LETTER = {"localizer": "l", "spiral": "s", "stationary": "t", "free": "f"}


@pytest.fixture(scope="module")
def files(data_dir):
    return {path.stem: path for path in (data_dir / "rdsr").glob("*.dcm")}


def test_every_report_of_every_maker_is_read_or_refused_with_a_sentence(files):
    kinds, refused = {}, {}
    for name, path in files.items():
        try:
            kinds[name] = "".join(LETTER[e.kind] for e in read_dose_report(path).events)
        except DoseReportError as error:
            refused[name] = str(error)
    assert kinds == KINDS
    (name,) = refused
    assert name == "CT-SC-Philips_Brilliance16P"
    assert "picture of a dose page" in refused[name]
    assert "--acquisition" in refused[name]


def test_every_report_states_as_many_events_and_as_much_dlp_as_it_lists(files):
    for name in KINDS:
        dose_report = read_dose_report(files[name])
        assert dose_report.stated_events == len(dose_report.events)
        listed = sum(e.dlp_mGy_cm or 0 for e in dose_report.events)
        assert dose_report.dlp_total_mGy_cm == pytest.approx(listed, rel=1e-3)
        assert dose_report.flags == ()


# Concept to field, as an independent reading of the file gives them.
NUMBERS = {
    "113824": "exposure_time_s",
    "113825": "scanning_length_mm",
    "113893": "volume_length_mm",
    "113895": "volume_top_z_mm",
    "113896": "volume_bottom_z_mm",
    "113899": "exposed_range_mm",
    "113826": "single_collimation_mm",
    "113827": "total_collimation_mm",
    "113828": "pitch",
    "113733": "kvp_kV",
    "113734": "tube_current_mA",
    "113833": "tube_current_max_mA",
    "113834": "rotation_time_s",
    "113830": "ctdivol_mGy",
    "113838": "dlp_mGy_cm",
}


def dump(node: pydicom.Dataset, values: dict) -> dict:
    """Numbers by code value, and event UID and phantom, of a content item and all below it."""
    concept = node.ConceptNameCodeSequence[0].CodeValue
    if node.ValueType == "NUM" and concept in NUMBERS:
        values[concept] = float(node.MeasuredValueSequence[0].NumericValue)
    elif concept == "113769":
        values[concept] = node.UID
    elif concept == "113835":
        values[concept] = node.ConceptCodeSequence[0].CodeValue
    for child in node.get("ContentSequence", ()):
        dump(child, values)
    return values


def dumped(path) -> list[dict]:
    """Each CT Acquisition of a file."""
    return [
        dump(node, {})
        for node in pydicom.dcmread(path).ContentSequence
        if node.ConceptNameCodeSequence[0].CodeValue == "113819"
    ]


@pytest.mark.parametrize(
    ("name", "counted"),
    [("CT-RDSR-Siemens-Multi-2", 21), ("CT-ESR-GE_Optima", 50), ("CT-RDSR-Toshiba_MultiValSD", 25)],
)
def test_every_number_is_the_files(name, counted, files):
    compared = 0
    for read_event, written in zip(
        read_dose_report(files[name]).events, dumped(files[name]), strict=True
    ):
        for concept, field in NUMBERS.items():
            value = getattr(read_event, field)
            # Toshiba writes lengths of 0 for localizers: not a length.
            assert value == (written.get(concept) or None), (field, written)
            compared += value is not None
        assert read_event.uid == written["113769"]
        phantom = {"113691": 32, "113690": 16, None: None}[written.get("113835")]
        assert read_event.phantom_cm == phantom
    assert compared == counted


def test_both_tubes_of_a_dual_source_scanner_are_kept(files):
    events = read_dose_report(files["CT-RDSR-Siemens_Flash-QA-DS"]).events
    assert all(e.dual_source and len(e.sources) == 2 for e in events)
    assert [tube.kvp_kV for tube in events[0].sources] == [100, 140]
    assert [tube.tube_current_mA for tube in events[0].sources] == [399, 308]
    assert events[0].kvp_kV is None
    assert events[1].kvp_kV == 120
    assert events[1].rotation_time_s is None


def test_a_tin_filter_is_read_from_siemens_comment(files, tmp_path):
    events = read_dose_report(files["CT-RDSR-Siemens_Flash-QA-DS"]).events
    assert [e.tin_filter for e in events[:2]] == [True, False]
    assert only(tmp_path).tin_filter is None


def test_z_is_that_of_the_frame_of_reference(files):
    tracking = read_dose_report(files["CT-RDSR-GEPixelMed"]).events[1]
    assert tracking.volume_range_mm == (-2.5, 2.5)
    assert tracking.scan_range_mm is None
    assert tracking.frame_of_reference_uid.startswith("1.2.840.113619.2.55.3")


def test_no_name_no_number_and_no_comment_is_kept(files, tmp_path):
    identity = ("Nobody", "Marsden", "Schmidt", "10293847", "Secret", "4711", "technical")
    shown = repr(
        [
            read_dose_report(files["CT-RDSR-GEPixelMed"]),
            read(
                tmp_path,
                event(protocol="Thorax Secret ID-4711", comment="Internal technical, Secret"),
            ),
        ]
    )
    assert not [word for word in identity if word in shown]
    serial = read_dose_report(files["CT-RDSR-Siemens-Multi-2"]).device
    assert serial.serial == "989801"
    assert "989801" not in repr(serial)


@pytest.mark.parametrize("depth", [1, 3])
def test_acquisitions_and_totals_are_found_in_containers_of_a_makers_own(depth, tmp_path):
    plain = read(tmp_path, event(), event(uid=f"{UID}.5.2", ctdivol=3, dlp=96), total=352)
    data = report(event(), event(uid=f"{UID}.5.2", ctdivol=3, dlp=96), total=352)
    for _ in range(depth):
        content = list(data.ContentSequence)
        data.ContentSequence = [item("CONTAINER", "1", content, scheme="99MAKER")]
    data.save_as(tmp_path / "nested.dcm", enforce_file_format=True)
    nested = read_dose_report(tmp_path / "nested.dcm")
    assert nested.events == plain.events
    assert (nested.dlp_total_mGy_cm, nested.stated_events) == (352, 2)


def test_the_doses_of_an_event_are_found_in_a_container_of_a_makers_own(tmp_path):
    wrapped = event()
    content = list(wrapped.ContentSequence)
    wrapped.ContentSequence = [*content[:3], item("CONTAINER", "1", content[3:], scheme="99MAKER")]
    (read_event,) = read(tmp_path, wrapped).events
    assert (read_event.ctdivol_mGy, read_event.pitch, read_event.phantom_cm) == (8, 1, 32)


def test_an_event_with_nothing_in_it_is_an_event(tmp_path):
    data = report(item("CONTAINER", "113819"), item("CONTAINER", "113819", [item("NUM", "113830")]))
    data.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    dose_report = read_dose_report(tmp_path / "report.dcm")
    assert [e.kind for e in dose_report.events] == ["unknown", "unknown"]
    assert all(codes(e.flags) == {"rdsr_no_ctdivol"} for e in dose_report.events)


@pytest.mark.parametrize("sequence", ["MeasuredValueSequence", "ConceptNameCodeSequence"])
def test_empty_sequences_are_values_that_are_not_there(sequence, tmp_path):
    data = report(event())
    for child in data.ContentSequence[1].ContentSequence[4].ContentSequence:
        if sequence in child:
            setattr(child, sequence, [])
    data.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    (only_event,) = read_dose_report(tmp_path / "report.dcm").events
    assert (only_event.ctdivol_mGy, only_event.dlp_mGy_cm) == (None, None)
    assert only_event.kvp_kV == 120


def test_events_that_are_stated_and_not_there_are_flagged(tmp_path):
    dose_report = read(tmp_path, event(), stated=3)
    assert codes(dose_report.flags) == {"rdsr_events_missing"}
    assert "1 of 3" in dose_report.flags[0].message


def test_a_total_that_is_not_the_sum_is_flagged(tmp_path):
    assert codes(read(tmp_path, event(), total=300).flags) == {"rdsr_total_differs"}
    assert read(tmp_path, event(), total=256).flags == ()


@pytest.mark.parametrize("name", ["CT-RDSR-Siemens-Multi-2", "CT-RDSR-SpectrumDynamics"])
def test_a_report_that_is_cut_off_anywhere_is_refused(name, files, tmp_path):
    whole = files[name].read_bytes()
    assert not is_cut_off(whole)
    for size in (*range(1, 400, 7), *range(400, len(whole), 211), len(whole) - 1):
        path = tmp_path / "cut.dcm"
        path.write_bytes(whole[:size])
        with pytest.raises(DoseReportError) as refusal:
            read_dose_report(path)
        assert "cut.dcm" in str(refusal.value)
        assert str(refusal.value).endswith(".")


@settings(max_examples=150, deadline=None)
@given(place=st.integers(132, 4000), byte=st.integers(0, 255))
def test_a_changed_byte_gives_events_or_a_sentence(place, byte, tmp_path_factory):
    path = tmp_path_factory.mktemp("changed") / "changed.dcm"
    report(event(), event(kind="localizer")).save_as(path, enforce_file_format=True)
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(bytes(content))
    try:
        assert read_dose_report(path).events
    except DoseReportError as error:
        sentence = str(error)
    else:
        return
    assert sentence.startswith("changed.dcm")
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("CTDIvol 8 mGy " * 20), "not DICOM"),
        (lambda path: save(make_slice(), path), "no structured report.*CT"),
        (lambda path: write_report(path), "without a CT acquisition"),
        (lambda path: write_report(path, ConceptNameCodeSequence=None), 'its title is ""'),
        (lambda path: path.mkdir(), "cannot be read"),
    ],
)
def test_another_file_is_refused_with_what_it_is(make, says, tmp_path):
    path = tmp_path / "chosen.dcm"
    make(path)
    with pytest.raises(DoseReportError, match=says) as refusal:
        read_dose_report(path)
    assert "chosen.dcm" in str(refusal.value)


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DoseReportError, match=r"none\.dcm cannot be read"):
        read_dose_report(tmp_path / "none.dcm")


def test_reports_that_grow_with_the_examination_are_one(files):
    parts = [read_dose_report(files[f"CT-RDSR-Siemens-Multi-{n}"]) for n in (1, 2)]
    whole = merged(parts)
    assert [e.kind for e in whole.events] == ["localizer", "spiral"]
    assert whole.dlp_total_mGy_cm == 77.27
    assert len(whole.sha256) == 2


def test_events_of_two_reports_are_added_and_their_total_is_not_known(tmp_path):
    first = read(tmp_path, event(), event(uid=f"{UID}.5.2"), total=512)
    second = read(tmp_path, event(), event(uid=f"{UID}.5.3"), total=512)
    whole = merged([first, second])
    assert len({e.uid for e in whole.events}) == len(whole.events) == 3
    assert whole.dlp_total_mGy_cm is None
