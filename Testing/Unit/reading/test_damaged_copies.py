"""Reading: a damaged copy of an intact slice costs nothing, and is named without identity."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from dicom_files import SHAPE, UID, codes, make_slice, save, write_series
from pydicom.uid import RLELossless

from CTDoseSegLib.batch.discovery import discover
from CTDoseSegLib.errors import PixelDataError
from CTDoseSegLib.reading.reader import read_series

NAME = "0-Secret^Person.dcm"  # is read before the intact slices


def cut_pixels(content: bytes) -> bytes:
    return content[:-10]


def cut_before_pixels(content: bytes) -> bytes:
    return content[: content.rindex(b"\xe0\x7f\x10\x00")]


def cut_in_header(content: bytes) -> bytes:
    """Keep Rows and Columns, not the spacing and the pixels: it fits no group."""
    return content[: content.index(b"\x28\x00\x30\x00")]


def damage(folder: Path, copy, name: str = NAME, **tags) -> tuple[Path, str]:
    """Write a damaged copy of slice 2; return its path and the start of its hash."""
    data = make_slice(2, **tags)
    path = save(data, folder / name)
    path.write_bytes(copy(path.read_bytes()))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def named(series, mark: str) -> None:
    """Assert that the one damaged file is named by `mark`, and by nothing else."""
    (found,) = [flag for flag in series.flags if flag.code == "damaged_copies"]
    assert found.detail == mark
    everything = [*(flag.message for flag in series.flags), *series.left_out]
    assert not any("Secret" in text or ".dcm" in text for text in everything)


@pytest.mark.parametrize("copy", [cut_pixels, cut_before_pixels, cut_in_header])
@pytest.mark.parametrize("name", [NAME, "z.dcm"], ids=["first", "last"])
def test_a_damaged_copy_of_the_same_instance_is_left_out(copy, name, tmp_path):
    write_series(tmp_path)
    _, digest = damage(tmp_path, copy, name)
    series = read_series(tmp_path)
    assert series.hu[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert "mixed_series" not in codes(series)
    named(series, f"file {1 if name == NAME else 6} (SHA-256 {digest})")


@pytest.mark.parametrize("uid", [f"{UID}.77", None], ids=["another UID", "no UID"])
def test_a_damaged_slice_at_the_position_of_an_intact_one_is_left_out(uid, tmp_path):
    write_series(tmp_path)
    _, digest = damage(tmp_path, cut_pixels, SOPInstanceUID=uid)
    series = read_series(tmp_path)
    assert series.hu[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert not {"phases_left_out", "duplicates_dropped"} & codes(series)
    named(series, f"file 1 (SHA-256 {digest})")


@pytest.mark.parametrize("uid", [f"{UID}.9.3", f"{UID}.77"], ids=["same UID", "another UID"])
def test_a_damaged_compressed_copy_is_left_out(uid, tmp_path):
    noise = np.random.default_rng(0).integers(1000, 1050, (5, *SHAPE)).astype(np.uint16)
    for k in range(5):
        data = make_slice(k, noise[k])
        data.compress(RLELossless, generate_instance_uid=False)
        save(data, tmp_path / f"{k}.dcm")
    copy = make_slice(2, noise[2])
    copy.SOPInstanceUID = uid
    copy.compress(RLELossless, generate_instance_uid=False)
    path = save(copy, tmp_path / NAME)
    path.write_bytes(path.read_bytes()[:-30])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    series = read_series(tmp_path)
    assert np.array_equal(series.hu, noise.astype(int) - 1024)
    named(series, f"file 1 (SHA-256 {digest})")


@pytest.mark.parametrize("written", [0, 20, 47])
@pytest.mark.parametrize("name", [NAME, "z.dcm"], ids=["first", "last"])
def test_a_copy_whose_end_was_never_written_is_left_out(written, name, tmp_path):
    write_series(tmp_path)
    size = 2 * int(np.prod(SHAPE))
    path, digest = damage(
        tmp_path, lambda content: content[: 2 * written - size] + bytes(size - 2 * written), name
    )
    assert path.stat().st_size == (tmp_path / "series-002.dcm").stat().st_size
    series = read_series(tmp_path)
    assert [np.unique(hu).tolist() for hu in series.hu] == [[0], [1], [2], [3], [4]]
    assert "phases_left_out" not in codes(series)
    named(series, f"file {1 if name == NAME else 6} (SHA-256 {digest})")


def test_a_damaged_slice_without_an_intact_one_is_still_refused(tmp_path):
    write_series(tmp_path, slices=(0, 1, 3, 4))
    damage(tmp_path, cut_pixels)
    damage(tmp_path, cut_pixels, "z.dcm")
    with pytest.raises(PixelDataError, match="the pixels are cut off"):
        read_series(tmp_path)


def test_whole_copies_of_another_size_are_not_called_damaged(tmp_path):
    write_series(tmp_path)
    save(make_slice(2, StudyDate="20200101"), tmp_path / NAME)
    series = read_series(tmp_path)
    assert "damaged_copies" not in codes(series)
    assert "duplicates_dropped" in codes(series)


def test_a_file_that_cannot_be_read_is_named_by_its_hash(tmp_path):
    write_series(tmp_path, slices=(0, 1, 3, 4))
    _, digest = damage(tmp_path, lambda content: content[:400])
    series = read_series(tmp_path)
    (found,) = [flag for flag in series.flags if flag.code == "files_unreadable"]
    assert f"file 1 (SHA-256 {digest}): " in found.message
    assert any(f"file 1 (SHA-256 {digest}): " in text for text in series.left_out)
    assert "Secret" not in found.message


@pytest.mark.parametrize("copy", [cut_pixels, cut_in_header])
@pytest.mark.parametrize("uid", [f"{UID}.9.3", f"{UID}.77"], ids=["same UID", "another UID"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_discover_tells_of_a_damaged_copy_and_plans_its_study(copy, uid, packed, tmp_path):
    root = tmp_path / "a"
    write_series(root)
    _, digest = damage(root, copy, SOPInstanceUID=uid)
    if packed:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for file in sorted(root.iterdir()):
                archive.write(file, file.name)
        root = tmp_path / "a.zip"
    scans = list(discover(root))
    (taken,) = [scan for scan in scans if scan.include == "yes"]
    assert taken.n_images == 5
    (left_out,) = [scan for scan in scans if scan.include == "no"]
    assert left_out.reason == f"file 1 (SHA-256 {digest}) is damaged; an intact copy is there"


def test_discover_names_a_file_that_cannot_be_read_by_its_hash(tmp_path):
    write_series(tmp_path)
    _, digest = damage(tmp_path, lambda content: content[:400])
    (left_out,) = [scan for scan in discover(tmp_path) if scan.include == "no"]
    assert f"the first: file 1 (SHA-256 {digest}): " in left_out.reason
    assert "Secret" not in left_out.reason
