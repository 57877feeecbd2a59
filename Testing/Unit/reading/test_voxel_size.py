"""A header with no voxel size, or two, is refused; what it leaves in doubt is flagged."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_files import codes

import CTDoseSegLib
from CTDoseSegLib.errors import GeometryError, InputError
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.reading.nrrd_header import nrrd_fields
from CTDoseSegLib.reading.reader import read_series

RNG = np.random.default_rng(14)
AFFINE = np.array([[-4.5, 0, 0, 200], [0, -4.5, 0, 190], [0, 0, 20, -170], [0, 0, 0, 1.0]])
# By 30 degrees, one row longer than pixdim states.
TURNED = np.array([[3.9, 2.5, 0, 0], [-2.25, 4.33, 0, 0], [0, 0, 20, 0], [0, 0, 0, 1]])


def voxels(dtype=np.int16):
    return RNG.integers(-1000, 900, (8, 7, 6)).astype(dtype)


def write_nifti(path, sform=AFFINE, qform=AFFINE, pixdim=None, unit="mm", dtype=np.int16, kind=1):
    """Write NIfTI with each field as it is given; None: its code is 0."""
    header = (nibabel.Nifti1Header, nibabel.Nifti2Header)[kind - 1]()
    image = (nibabel.Nifti1Image, nibabel.Nifti2Image)[kind - 1](voxels(dtype), None, header)
    image.header.set_xyzt_units(unit)
    if qform is not None:
        image.header.set_qform(qform, 1)
    if sform is not None:
        image.header.set_sform(sform, 1)
    image.to_filename(path)
    if pixdim is not None:  # nibabel itself would not write what disagrees
        opened = gzip.open if path.name.endswith(".gz") else open
        with opened(path, "rb") as file:
            data = bytearray(file.read())
        start, number = ((80, "<f4"), (112, "<f8"))[kind - 1]
        stored = np.array(pixdim, number).tobytes()
        data[start : start + len(stored)] = stored
        with opened(path, "wb") as file:
            file.write(bytes(data))
    return np.asanyarray(image.dataobj)


def spacing_mm(series):
    return np.linalg.norm(series.affine[:3, :3], axis=0)


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz"])
@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize(
    ("forms", "flagged"),
    [
        ({}, set()),
        ({"qform": None, "pixdim": (4.5, 4.5, 20)}, set()),
        ({"sform": None}, set()),
        ({"sform": None, "qform": None, "pixdim": (4.5, 4.5, 20)}, {"orientation_unknown"}),
        ({"qform": None, "pixdim": (0, 0, 0)}, set()),
        ({"pixdim": (4.51, 4.49, 20.1)}, set()),  # rounded, within 1 %
    ],
)
def test_one_voxel_size_is_read_from_where_it_stands(tmp_path, name, kind, forms, flagged):
    written = write_nifti(tmp_path / name, kind=kind, **forms)
    series = read_series(tmp_path / name)
    assert np.array_equal(series.hu, written.T)
    assert spacing_mm(series) == pytest.approx((4.5, 4.5, 20), rel=0.01)
    doubts = {"orientation_unknown", "orientation_disagrees", "unit_converted"}
    assert codes(series) & doubts == flagged


def test_the_affine_is_that_of_the_sform(tmp_path):
    write_nifti(tmp_path / "ct.nii")
    assert np.allclose(read_series(tmp_path / "ct.nii").affine, AFFINE, atol=1e-4)


@pytest.mark.parametrize(
    ("sform", "pixdim", "wed", "volume"),
    [
        (np.diag([-4.5, -4.5, 26.67, 1]), (4.5, 4.5, 20), "1", "0.75"),
        (np.diag([1, 1, 1, 1.0]), (4.5, 4.5, 20), "4.5", "405"),
        (np.diag([-4.5, -4.5, 20, 1]), (3, 3, 20), "0.667", "0.444"),
        (np.diag([-4.5, 4.5, 20, 1]), (4.5, 9, 20), "1.41", "2"),
        (TURNED, (4.5, 4.5, 20), "0.948", "0.9"),
    ],
)
def test_two_voxel_sizes_are_refused_with_both_and_the_factors(
    tmp_path, sform, pixdim, wed, volume
):
    write_nifti(tmp_path / "ct.nii.gz", sform=sform, qform=None, pixdim=pixdim)
    with pytest.raises(GeometryError, match=r"^ct\.nii\.gz: its header has two voxel sizes") as got:
        read_series(tmp_path / "ct.nii.gz")
    assert f"a factor of {wed} in WED and {volume} in volumes" in str(got.value)


def test_a_label_map_with_two_voxel_sizes_is_refused(tmp_path):
    from CTDoseSegLib.reading.label_map_file import read_label_file

    write_nifti(tmp_path / "labels.nii", pixdim=(1, 1, 1), dtype=np.uint8)
    with pytest.raises(GeometryError, match="two voxel sizes"):
        read_label_file(tmp_path / "labels.nii")


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("meter", 1000), ("micron", 1e-3)])
def test_the_unit_of_length_is_honoured(tmp_path, unit, factor):
    affine = np.diag([1 / factor, 1 / factor, 1 / factor, 1]) @ AFFINE
    write_nifti(tmp_path / "ct.nii", sform=affine, qform=affine, unit=unit)
    series = read_series(tmp_path / "ct.nii")
    assert np.allclose(series.affine, AFFINE, rtol=1e-5)
    assert ("unit_converted" in codes(series)) == (factor != 1)


def test_an_unknown_code_of_a_unit_is_refused(tmp_path):
    write_nifti(tmp_path / "ct.nii")
    data = bytearray((tmp_path / "ct.nii").read_bytes())
    data[123] = 6
    (tmp_path / "ct.nii").write_bytes(bytes(data))
    with pytest.raises(GeometryError, match="unknown unit of length"):
        read_series(tmp_path / "ct.nii")


@pytest.mark.parametrize("forms", [{"sform": None, "qform": None, "pixdim": (0, 4.5, 20)}])
def test_no_voxel_size_is_refused(tmp_path, forms):
    write_nifti(tmp_path / "ct.nii", **forms)
    with pytest.raises(GeometryError, match="no voxel size"):
        read_series(tmp_path / "ct.nii")


def test_an_sform_that_spans_no_volume_is_refused(tmp_path):
    write_nifti(tmp_path / "ct.nii", sform=np.diag([-4.5, 0, 20, 1.0]))
    with pytest.raises(GeometryError, match="spans no volume"):
        read_series(tmp_path / "ct.nii")


@pytest.mark.parametrize(
    ("qform", "detail"),
    [
        (np.diag([4.5, -4.5, 20, 1]), "mirror image"),
        (np.diag([4.5, 4.5, 20, 1]), "180 degrees"),
        (np.array([[0, -4.5, 0, 0], [4.5, 0, 0, 0], [0, 0, 20, 0], [0, 0, 0, 1.0]]), "90 degrees"),
    ],
)
def test_two_orientations_are_flagged(tmp_path, qform, detail):
    write_nifti(tmp_path / "ct.nii", qform=qform)
    flags = {f.code: f.detail for f in read_series(tmp_path / "ct.nii").flags}
    assert detail in flags["orientation_disagrees"]


def test_what_nibabel_mends_stays_off_the_terminal(tmp_path):
    write_nifti(tmp_path / "ct.nii", sform=None)
    data = bytearray((tmp_path / "ct.nii").read_bytes())
    data[76:80] = np.array([3.0], "<f4").tobytes()  # qfac, which must be 1 or -1
    (tmp_path / "ct.nii").write_bytes(bytes(data))
    # In a process of its own: pytest takes what goes to a log.
    command = [sys.executable, "-m", "CTDoseSegLib", "segment", "ct.nii", "--engine", "classical"]
    done = subprocess.run(
        [*command, "--output", "out", "--events", "none"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(CTDoseSegLib.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "qfac" not in done.stderr
    assert str(tmp_path) not in done.stderr


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz"])
def test_a_header_with_fewer_slices_than_the_file_is_refused(tmp_path, name):
    write_nifti(tmp_path / "whole.nii")
    data = bytearray((tmp_path / "whole.nii").read_bytes())
    padded = bytes(data) + bytes(32)
    data[46:48] = (4).to_bytes(2, "little")  # dim[3]
    for content, refused in ((bytes(data), True), (padded, False)):
        packed = gzip.compress(content) if name.endswith(".gz") else content
        (tmp_path / name).write_bytes(packed)
        if refused:
            with pytest.raises(InputError, match="cut off or damaged"):
                read_series(tmp_path / name)
        else:
            assert read_series(tmp_path / name).hu.shape == (6, 7, 8)


def test_a_damaged_compressed_file_is_refused(tmp_path):
    write_nifti(tmp_path / "ct.nii.gz")
    data = bytearray((tmp_path / "ct.nii.gz").read_bytes())
    data[-8] ^= 1  # its check sum
    (tmp_path / "ct.nii.gz").write_bytes(bytes(data))
    with pytest.raises(InputError, match="cut off or damaged"):
        read_series(tmp_path / "ct.nii.gz")


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (0.5, 3), (2, 0)])
def test_the_scaling_of_stored_values_is_applied(tmp_path, slope, intercept):
    path = tmp_path / "ct.nii"
    stored = write_nifti(path)
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(bytes(data))
    expected = np.maximum(stored.T * slope + intercept, -10000)
    hu = read_series(path).hu
    inside = expected > -1000  # padding below becomes air
    assert np.allclose(hu[inside], expected[inside])


def write_nrrd(path, *fields, sizes="6 7 8"):
    head = ["NRRD0005", "type: short", "dimension: 3", f"sizes: {sizes}", "endian: little"]
    text = "\n".join([*head, *fields, "encoding: raw", "", ""])
    path.write_bytes(text.encode() + RNG.integers(-1000, 900, 336).astype("<i2").tobytes())


CM = "space directions: (.45,0,0) (0,.45,0) (0,0,2)"
LPS = ("space: left-posterior-superior", "space directions: (4.5,0,0) (0,4.5,0) (0,0,20)")


@pytest.mark.parametrize(
    ("fields", "flagged"),
    [
        (LPS, set()),
        ((LPS[0], LPS[1].replace(",", ", ")), set()),
        (("spacings: 4.5 4.5 20",), {"orientation_unknown"}),
        ((*LPS, 'space units: "mm" "mm" "mm"'), set()),
        ((LPS[0], CM, 'space units: "cm" "cm" "cm"'), {"unit_converted"}),
        ((LPS[0], LPS[1], "a note:=spacings: 1 1 1"), set()),
    ],
)
def test_the_voxel_size_of_a_nrrd_file(tmp_path, fields, flagged):
    write_nrrd(tmp_path / "ct.nrrd", *fields)
    series = read_series(tmp_path / "ct.nrrd")
    assert spacing_mm(series) == pytest.approx((4.5, 4.5, 20))
    assert codes(series) & {"orientation_unknown", "unit_converted"} == flagged


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((), "no voxel size"),
        (("spacings: nan nan nan",), "no voxel size"),
        (("space: LPS",), "no voxel size"),
        (("space: LPS", "space directions: none none none"), "no voxel size"),
        ((*LPS, "spacings: 1 1 1"), "two voxel sizes, .* 0.222 in WED"),
        ((*LPS, 'space units: "mm" "mm" "s"'), "units of length mm, s"),
        ((*LPS, 'space units: "inch" "inch" "inch"'), "units of length inch"),
    ],
)
def test_a_nrrd_file_without_one_voxel_size_is_refused(tmp_path, fields, sentence):
    write_nrrd(tmp_path / "ct.nrrd", *fields)
    with pytest.raises(GeometryError, match=rf"^ct\.nrrd: .*{sentence}"):
        read_series(tmp_path / "ct.nrrd")


@pytest.mark.parametrize("sizes", ["6 7 4", "6 7 0", "1e9 7 8", "", "6 7 -8"])
def test_a_nrrd_file_of_other_sizes_is_refused(tmp_path, sizes):
    write_nrrd(tmp_path / "ct.nrrd", *LPS, sizes=sizes)
    with pytest.raises(InputError, match="sizes in its header"):
        read_series(tmp_path / "ct.nrrd")


def test_fields_of_a_nrrd_header_are_apart_from_the_users_pairs(tmp_path):
    write_nrrd(tmp_path / "ct.nrrd", "# a comment: 3", "Segment0_Name:=liver: left", *LPS)
    fields, _ = nrrd_fields(tmp_path / "ct.nrrd")
    assert fields["Segment0_Name"] == "liver: left"
    assert fields["space"] == "left-posterior-superior"
    assert "# a comment" not in fields


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1)])
def test_an_affine_that_states_nothing_is_flagged(signs):
    hu = voxels()
    assert "voxel_size_presumed" in codes(series_from_array(hu, np.diag([*signs, 1.0])))
    for other in (np.diag([*signs, 1.0]), np.diag([*signs, 1.0])):
        other[2, 3] = 5.0  # an origin: someone knew where the volume lies
        assert "voxel_size_presumed" not in codes(series_from_array(hu, other))
    assert "voxel_size_presumed" not in codes(series_from_array(hu, np.diag([1, 1, 1.25, 1])))


def trunk():
    """Air with a body that reaches from the first to the last slice, [k, j, i]."""
    hu = np.full((10, 30, 30), -1000, np.int16)
    hu[:, 6:24, 3:27] = 40
    return hu


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (1, 0, 2), (2, 0, 1)])
def test_exchanged_axes_are_flagged(order):
    affine = np.diag([-1, -1, 5, 1.0])
    assert "axes_doubtful" in codes(series_from_array(trunk().transpose(order), affine))


@pytest.mark.parametrize("shape", ["whole", "zoomed", "zoomed_above_the_head", "ball", "wide"])
def test_axes_in_order_raise_no_doubt(shape):
    hu = trunk()
    if shape == "zoomed":
        hu = hu[:, 8:20, 8:20]
    elif shape == "zoomed_above_the_head":
        hu = hu[:, 8:20, 8:20]
        hu[-2:] = -1000
    elif shape == "ball":
        hu[[0, -1]] = -1000
    elif shape == "wide":
        hu = hu[:, :, 5:25]
    assert "axes_doubtful" not in codes(series_from_array(hu, np.diag([-1, -1, 5, 1.0])))
