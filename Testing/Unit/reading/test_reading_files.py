"""Reading: files that are damaged, foreign, hidden or oddly placed."""

from __future__ import annotations

import os
import struct

import numpy as np
import pydicom
import pytest
from dicom_files import SHAPE, codes, make_slice, save, write_series
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from CTDoseSegLib.dicom import decoding
from CTDoseSegLib.errors import Cancelled, CTDoseSegError, InputError, PixelDataError
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.tasks.progress import Collected


def test_a_path_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match="missing does not exist"):
        read_series(tmp_path / "missing")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="empty"):
        read_series(tmp_path)


def test_an_empty_file_is_refused_by_name(tmp_path):
    for name in ("a.dcm", "a.nii.gz"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(InputError, match=rf"{name} is empty \(0 bytes\)"):
            read_series(tmp_path / name)


def test_a_folder_without_dicom_is_refused_naming_a_volume_file_in_it(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="None of the 1 files in the folder is DICOM"):
        read_series(tmp_path)
    (tmp_path / "ct.nii.gz").write_bytes(b"x" * 400)
    with pytest.raises(InputError, match=r"ct\.nii\.gz; give that file itself"):
        read_series(tmp_path)


def test_hidden_files_dicomdir_and_foreign_files_are_left_out_and_counted(tmp_path):
    write_series(tmp_path)
    save(make_slice(9), tmp_path / ".hidden.dcm")
    save(make_slice(8), tmp_path / "DICOMDIR")
    (tmp_path / "notes.txt").write_text("not DICOM " * 40)
    (tmp_path / "empty").write_bytes(b"")
    series = read_series(tmp_path)
    assert series.hu.shape == (5, *SHAPE)
    assert "4 files were left out: they are not DICOM images." in series.left_out


def test_subfolders_with_names_of_any_language_are_read(tmp_path):
    folder = tmp_path / "Thorax für Ärztin" / "胸部"
    write_series(folder)
    assert read_series(tmp_path).hu.shape[0] == 5


def test_a_loop_of_symbolic_links_ends(tmp_path):
    write_series(tmp_path / "a")
    os.symlink(tmp_path, tmp_path / "a" / "loop", target_is_directory=True)
    os.symlink(tmp_path / "gone", tmp_path / "broken")
    os.symlink(tmp_path / "self", tmp_path / "self")
    assert read_series(tmp_path).hu.shape[0] == 5


def test_a_pipe_in_the_folder_does_not_stop_the_reader(tmp_path):
    write_series(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert read_series(tmp_path).hu.shape[0] == 5


def test_a_file_without_preamble_and_meta_group_is_read(tmp_path):
    data = make_slice()
    del data.file_meta
    pydicom.dcmwrite(
        tmp_path / "bare", data, implicit_vr=True, little_endian=True, enforce_file_format=False
    )
    assert (read_series(tmp_path / "bare").hu == 0).all()


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_byte_order_and_implicit_tags_give_the_same_values(tmp_path, syntax):
    pixels = np.arange(48, dtype=np.uint16).reshape(SHAPE)
    data = make_slice()
    data.file_meta.TransferSyntaxUID = syntax
    stored = pixels.astype(">u2") if syntax == ExplicitVRBigEndian else pixels
    data.PixelData = stored.tobytes()
    data["PixelData"].VR = "OW"
    pydicom.dcmwrite(tmp_path / "a.dcm", data, enforce_file_format=True)
    assert np.array_equal(read_series(tmp_path / "a.dcm").hu[0], pixels.astype(int) - 1024)


def test_truncated_pixels_are_refused_with_the_files_name_alone(tmp_path):
    write_series(tmp_path)
    victim = tmp_path / "series-002.dcm"
    victim.write_bytes(victim.read_bytes()[:-10])
    with pytest.raises(PixelDataError, match=r"^series-002\.dcm: the pixels are cut off") as error:
        read_series(tmp_path)
    assert str(tmp_path) not in str(error.value)


def test_a_file_without_pixels_is_refused(tmp_path):
    data = make_slice()
    del data.PixelData
    with pytest.raises(PixelDataError, match="no pixels"):
        read_series(save(data, tmp_path / "a.dcm"))


def test_a_damaged_file_among_good_ones_is_flagged(tmp_path):
    write_series(tmp_path)
    victim = tmp_path / "series-002.dcm"
    victim.write_bytes(_nested())
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 4
    assert {"files_unreadable", "missing_slices"} <= codes(series)
    assert any("nested too deeply" in reason for reason in series.left_out)
    assert not any("series-002" in text for text in (*series.left_out, *map(repr, series.flags)))


def _nested(depth: int = 20000) -> bytes:
    """A file whose sequences of undefined length lie in each other."""
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    meta = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", 20) + b"1.2.840.10008.1.2.1\0"
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(meta))
    return bytes(128) + b"DICM" + length + meta + (sequence + item) * depth


def test_sequences_nested_without_end_are_refused(tmp_path):
    (tmp_path / "deep.dcm").write_bytes(_nested())
    with pytest.raises(InputError, match=r"deep\.dcm: its sequences are nested too deeply"):
        read_series(tmp_path / "deep.dcm")


def test_a_size_that_the_file_cannot_hold_is_refused_before_memory_is_taken(tmp_path):
    for rows, columns in ((65535, 65535), (4096, 4096), (0, 8)):
        path = save(make_slice(Rows=rows, Columns=columns), tmp_path / "huge.dcm")
        with pytest.raises(PixelDataError, match=r"huge\.dcm: (Rows x Columns|the pixels are cut)"):
            read_series(path)


def test_a_colour_picture_is_refused(tmp_path):
    with pytest.raises(PixelDataError, match="colour picture"):
        read_series(save(make_slice(SamplesPerPixel=3), tmp_path / "a.dcm"))


def test_a_number_that_is_a_word_is_a_missing_value_with_a_flag(tmp_path):
    path = save(make_slice(XRayTubeCurrent=100), tmp_path / "a.dcm")
    raw = path.read_bytes()
    at = raw.index(struct.pack("<HH2s", 0x0018, 0x1151, b"IS"))
    path.write_bytes(raw[: at + 8] + b"high" + raw[at + 12 :])
    series = read_series(path)
    assert series.slices[0].tube_current_mA is None
    assert {"tags_unreadable", "tube_current_missing"} <= codes(series)
    assert any("XRayTubeCurrent" in flag.message for flag in series.flags)


def test_a_wrong_vr_is_read_by_what_the_file_wrote(tmp_path):
    path = save(make_slice(KVP=120), tmp_path / "a.dcm")
    raw = path.read_bytes()
    at = raw.index(struct.pack("<HH2s", 0x0018, 0x0060, b"DS"))
    double = struct.pack("<HH2sHd", 0x0018, 0x0060, b"FD", 8, 100.0)
    path.write_bytes(raw[:at] + double + raw[at + 8 + raw[at + 6] :])
    assert read_series(path).acquisition.kvp_kV == 100.0


def test_a_bad_character_set_does_not_stop_the_reader(tmp_path):
    path = save(
        make_slice(SpecificCharacterSet="ISO_IR 6", SeriesDescription="AAAA"), tmp_path / "a"
    )
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"\xff\xfe\xe4A").replace(b"IR 6", b"IR99"))
    # The text cannot be decoded, and is not shown.
    assert read_series(path).description == "3"


def test_a_missing_decoder_is_named_with_its_package(tmp_path, monkeypatch):
    data = make_slice()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    data.PixelData = pydicom.encaps.encapsulate([b"\0" * 100])
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    monkeypatch.setattr(decoding, "_decoder_missing", lambda syntax: True)
    with pytest.raises(
        PixelDataError, match=r"compressed as JPEG 2000 Lossless.*install.*pylibjpeg-openjpeg"
    ):
        read_series(save(data, tmp_path / "a.dcm"))


def test_damaged_compressed_pixels_are_refused(tmp_path):
    data = make_slice()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.5"
    data.PixelData = pydicom.encaps.encapsulate([b"\1" * 100])
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    with pytest.raises(PixelDataError, match=r"a\.dcm: the pixels are damaged or cut off"):
        read_series(save(data, tmp_path / "a.dcm"))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# The length of a description that swallows the patient's name behind it.
@example(changes=[(226, 0), (320, 0)], cut=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 1200)),
)
def test_random_damage_gives_a_typed_error_or_a_series(tmp_path, changes, cut):
    path = save(make_slice(), tmp_path / "a.dcm")
    raw = bytearray(path.read_bytes())
    for at, value in changes:
        raw[128 + at % (len(raw) - 128)] = value
    path.write_bytes(bytes(raw[:cut] if cut is not None else raw))
    text = "."
    try:
        text = read_series(path).description + "."
    except CTDoseSegError as error:  # nothing else may be raised
        text = str(error)
    assert "Secret" not in text
    assert text.endswith(".")


def test_progress_grows_to_one_and_a_cancel_is_heard(tmp_path):
    write_series(tmp_path)
    progress = Collected()
    read_series(tmp_path, progress=progress)
    fractions = [event["fraction"] for event in progress.log]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    progress.cancel()
    with pytest.raises(Cancelled):
        read_series(tmp_path, progress=progress)


def test_no_name_or_id_of_the_patient_leaves_the_reader(tmp_path):
    write_series(tmp_path / "in", SeriesDescription="Thorax SECRET ID-4711")
    write_series(tmp_path / "in", SeriesInstanceUID="1.2.3", SeriesDescription="Person lung")
    series = read_series(tmp_path / "in")
    shown = " ".join(
        (series.description, *series.left_out, *(flag.message for flag in series.flags))
    )
    for secret in ("secret", "person", "4711"):
        assert secret not in shown.lower()
    assert "secret" not in repr(series.acquisition).lower()


def test_a_reading_error_of_the_system_is_a_sentence(tmp_path, monkeypatch):
    write_series(tmp_path, slices=range(1))

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(InputError, match="no permission to read it"):
        read_series(tmp_path)
