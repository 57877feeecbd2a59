"""From DICOM files to HU, histogram, montage, isotropic volume, bone surface and lungs.

In the order of a tutorial on the processing of chest CT: each step is a command, on the DICOM files
of a small phantom.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest
import trimesh
from command_run import rows
from command_run import run as run_process
from Corpus.base import FAMILY_NAME, GIVEN_NAME
from PIL import Image
from scipy import ndimage
from tiny_analysis import tiny_series

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.phantom import phantom as phantoms
from CTDoseSegLib.reading.npy_volume import write_npy_volume
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.user import read_labelmap

pytestmark = pytest.mark.slow

SMALL = {"shape": (160, 160, 48), "spacing_mm": (2.7, 2.7, 10.0)}
ISOTROPIC_MM = 2.5


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and what a person reads at the terminal."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = command_line.main([str(argument) for argument in arguments])
    return code, printed.getvalue()


@pytest.fixture(scope="module")
def dicom(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantoms, "Phantom", partial(phantoms.Phantom, **SMALL))
        assert run("phantom", folder / "phantom", "--events", "none")[0] == 0
    return folder / "phantom" / "dicom"


@pytest.fixture(scope="module")
def exported(dicom, tmp_path_factory) -> tuple[Path, str]:
    output = tmp_path_factory.mktemp("exported")
    more = ("--npy", "--spacing", ISOTROPIC_MM, "--threshold", 350)
    code, printed = run("export", dicom, "--output", output, *more)
    assert code == 0, printed
    return output, printed


@pytest.fixture(scope="module")
def drawn(exported, tmp_path_factory) -> tuple[Path, str, int]:
    """Pictures of the isotropic volume, with the steps of the slice with most lung."""
    volume = exported[0] / "hu_iso.npy"
    hu = np.load(volume)
    k = int(((hu > -900) & (hu < -700)).sum(axis=(1, 2)).argmax())
    output = tmp_path_factory.mktemp("drawn")
    more = ("--start", 10, "--step", 3, "--window", -1000, 400, "--bins", 50, "--lung-slice", k)
    code, printed = run("pictures", volume, "--output", output, *more)
    assert code == 0, printed
    return output, printed, k


def test_1_the_slices_become_hu_in_an_npy_file_that_every_command_reads(dicom, exported, tmp_path):
    folder, _ = exported
    series = read_series(dicom)
    saved = np.load(folder / "hu.npy")
    assert saved.dtype == np.int16
    np.testing.assert_array_equal(saved, series.hu)
    code, printed = run("segment", folder / "hu.npy", "--output", tmp_path, "--engine", "classical")
    assert code == 0, printed
    labels = np.asarray(nibabel.load(tmp_path / "segmentation.nii.gz").dataobj).T
    assert labels.shape == saved.shape


def test_2_the_histogram_counts_all_voxels_and_what_stands_out_is_printed(exported, drawn):
    folder, printed, _ = drawn
    hu = np.load(exported[0] / "hu_iso.npy")
    bins = rows(folder / "histogram.csv")
    assert len(bins) == 50
    assert sum(int(row["voxels"]) for row in bins) == hu.size
    assert float(bins[0]["low_hu"]) == hu.min()
    assert float(bins[-1]["high_hu"]) == hu.max()
    assert f"{hu.size} voxels from {hu.min()} to {hu.max()} HU" in printed
    assert (folder / "histogram.png").stat().st_size > 10_000
    assert "air (below -900 HU)" in printed


def test_3_the_montage_shows_the_slices_of_choice(drawn):
    folder, _, _ = drawn
    with Image.open(folder / "montage.png") as image:
        assert image.width > 1000
        assert len(np.unique(np.asarray(image.convert("L")))) > 50


def test_4_resampling_prints_both_shapes(dicom, exported):
    folder, printed = exported
    before = np.load(folder / "hu.npy").shape
    after = np.load(folder / "hu_iso.npy").shape
    for shape in (before, after):
        assert " x ".join(str(n) for n in shape) in printed
    series = read_series(dicom)
    extent = np.array(before) * series.spacing_mm[::-1]
    np.testing.assert_allclose(np.array(after) * ISOTROPIC_MM, extent, atol=ISOTROPIC_MM)
    affine = nibabel.load(folder / "hu_iso.nii.gz").affine
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), ISOTROPIC_MM, rtol=1e-5)


def test_5_the_bones_surface_lies_in_the_body_and_turns_in_a_page(exported):
    folder, printed = exported
    hu, affine = np.load(folder / "hu_iso.npy"), nibabel.load(folder / "hu_iso.nii.gz").affine
    mesh = trimesh.load(folder / "surface_350_hu.stl")
    dense = np.argwhere(hu >= 350)
    ends = np.array([dense.min(axis=0) - 1, dense.max(axis=0) + 1])[:, ::-1]
    ras = ends @ affine[:3, :3].T + affine[:3, 3]
    lps = ras * (-1, -1, 1)
    assert (mesh.bounds[0] >= lps.min(axis=0) - 1e-3).all()
    assert (mesh.bounds[1] <= lps.max(axis=0) + 1e-3).all()
    assert len(trimesh.load(folder / "surface_350_hu.ply").faces) == len(mesh.faces) > 1000
    page = (folder / "surface_350_hu.html").read_text(encoding="utf-8")
    assert "THREE.WebGLRenderer" in page
    assert "not for clinical use" in page
    assert "also of couch and headrest" in printed


def test_6_the_lung_mask_is_shown_step_by_step(drawn):
    folder, _, _ = drawn
    with Image.open(folder / "lung_steps.png") as image:
        assert image.height > image.width > 800


def test_7_the_mask_of_all_slices_is_written_and_empty_slices_are_reported(exported, drawn):
    folder, printed, k = drawn
    hu = np.load(exported[0] / "hu_iso.npy")
    image = nibabel.load(folder / "lung_mask.nii.gz")
    mask = np.asarray(image.dataobj).T > 0
    np.testing.assert_allclose(image.affine, nibabel.load(exported[0] / "hu_iso.nii.gz").affine)
    # Without the single voxels of air outside that noise makes as dense as lung.
    aerated = ndimage.binary_opening((hu[k] > -900) & (hu[k] < -600), np.ones((3, 3)))
    assert aerated.sum() > 1000
    assert (mask[k] & aerated).sum() > 0.9 * aerated.sum()
    masked = np.load(folder / "hu_lungs.npy")
    np.testing.assert_array_equal(masked[mask], hu[mask])
    assert (masked[~mask] == -1024).all()
    empty = int((~mask.any(axis=(1, 2))).sum())
    assert empty > 0
    assert f"in {empty} of {len(mask)} slices" in printed
    assert (folder / "lung_montage.png").stat().st_size > 10_000


def test_another_program_gets_shapes_and_empty_slices_as_json(exported, tmp_path):
    volume = exported[0] / "hu.npy"
    more = ("--output", tmp_path, "--spacing", 5, "--events", "jsonl")
    done = run_process("export", volume, *more)
    assert done.returncode == 0, done.stderr
    (event,) = (e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "result")
    assert event["shape"] == list(np.load(volume).shape)
    assert event["spacing_mm"] == pytest.approx(SMALL["spacing_mm"][::-1], rel=1e-4)
    hu = np.asarray(nibabel.load(tmp_path / "hu_iso.nii.gz").dataobj).T
    assert event["shape_iso"] == list(hu.shape)
    assert event["spacing_iso_mm"] == [5, 5, 5]


def test_an_engine_that_finds_the_couch_leaves_it_out_of_the_surface(dicom, exported, tmp_path):
    volume = exported[0] / "hu.npy"
    back = {}
    for name, more in (("with", ()), ("without", ("--engine", "classical"))):
        output = tmp_path / name
        code, printed = run("export", volume, "--output", output, "--threshold", -300, *more)
        assert code == 0, printed
        assert ("also of couch" in printed) is (name == "with")
        back[name] = trimesh.load(output / "surface_-300_hu.stl").bounds[1, 1]  # LPS: posterior
    series = read_series(dicom)
    truth = read_labelmap(dicom.parent / "truth" / "segmentation.nii.gz", series)
    rows_mm = series.affine[1, 1] * np.flatnonzero(truth.mask("body").any(axis=(0, 2)))
    body_mm = -(rows_mm + series.affine[1, 3]).min()  # RAS anterior to LPS posterior
    assert back["without"] == pytest.approx(body_mm, abs=4)
    assert back["with"] > body_mm + 6


def test_pictures_of_a_second_ct_leave_none_of_the_first(tmp_path):
    for slices, options in ((2, ("--lung-slice", 0)), (1, ())):
        write_npy_volume(tiny_series(slices), tmp_path / "ct.npy")
        code, printed = run(
            *("pictures", tmp_path / "ct.npy", "--output", tmp_path / "drawn", *options)
        )
        assert code == 0, printed
    names = {path.name for path in (tmp_path / "drawn").iterdir()}
    assert names == {"histogram.csv", "histogram.png", "montage.png"}


@pytest.mark.parametrize("kind", ["irregular", "one slice"])
def test_an_irregular_stack_and_one_slice_have_pictures_and_the_first_no_surface(tmp_path, kind):
    series = tiny_series(regular=False) if kind == "irregular" else tiny_series(1)
    write_npy_volume(series, tmp_path / "ct.npy")
    code, printed = run(
        *("pictures", tmp_path / "ct.npy", "--output", tmp_path / "drawn", "--lung-slice", 0)
    )
    assert code == 0, printed
    names = {path.name for path in (tmp_path / "drawn").iterdir()}
    assert {"histogram.png", "montage.png", "lung_steps.png", "hu_lungs.npy"} <= names
    assert ("lung_mask.nii.gz" in names) is (kind == "one slice")
    assert ("written as npy alone" in printed) is (kind == "irregular")
    more = ("--output", tmp_path / "out", "--threshold", 0)
    code, printed = run("export", tmp_path / "ct.npy", *more)
    assert code == (3 if kind == "irregular" else 0)
    assert ("not equally spaced" in printed) is (kind == "irregular")


def test_missing_slices_are_reported_and_no_stretched_volume_is_written(dicom, tmp_path):
    files = sorted((path for path in dicom.iterdir()), key=lambda path: path.name)
    (tmp_path / "ct").mkdir()
    for path in (*files[:20], *files[23:]):
        (tmp_path / "ct" / path.name).symlink_to(path)
    ct, flagged = tmp_path / "ct", "warning: Slices are missing: 3 of 48"
    code, printed = run("pictures", ct, "--output", tmp_path / "drawn")
    assert code == 0, printed
    assert flagged in printed
    code, printed = run("export", ct, "--output", tmp_path / "out")
    assert code == 3
    assert "add --npy" in printed
    code, printed = run("export", ct, "--output", tmp_path / "out", "--npy")
    assert code == 0, printed
    assert flagged in printed
    assert "No hu.nii.gz" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"hu.npy", "hu.json"}
    read = read_series(tmp_path / "out" / "hu.npy")
    z_mm = [one.z_mm for one in read_series(ct).slices]
    assert [one.z_mm for one in read.slices] == z_mm


def test_a_single_slice_says_what_its_step_is(dicom, tmp_path):
    (tmp_path / "ct").mkdir()
    (tmp_path / "ct" / "one.dcm").symlink_to(min(dicom.iterdir()))
    output = ("--output", tmp_path / "out", "--events", "jsonl")
    done = run_process("export", tmp_path / "ct", *output)
    assert done.returncode == 0, done.stderr
    (result,) = (
        event
        for line in done.stdout.splitlines()
        if (event := json.loads(line))["event"] == "result"
    )
    (doubt,) = result["doubts"]
    assert "its thickness of 10 mm is taken as the step" in doubt


def test_no_file_names_the_patient(ct, tmp_path):
    more = ("--npy", "--spacing", 6, "--threshold", -500)
    code, printed = run("export", ct, "--output", tmp_path / "exported", *more)
    assert code == 0, printed
    code, words = run("pictures", ct, "--output", tmp_path / "drawn", "--lung-slice", 0)
    assert code == 0, words
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 12
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        for name in (FAMILY_NAME, GIVEN_NAME):
            assert name.encode() not in content, path.name
    assert FAMILY_NAME not in printed + words


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("export", ("--threshold", 9000), "No voxel reaches 9000 HU"),
        ("pictures", ("--window", 100, -100), "lower value first"),
        ("pictures", ("--start", 4000), "give --start one of them"),
        ("pictures", ("--rows", 99), "give --rows such a number"),
        ("pictures", ("--lung-slice", 4000), "give --lung-slice one of them"),
        ("pictures", ("--bins", 99999), "--bins"),
    ],
)
def test_choices_beyond_the_volume_are_refused_in_a_sentence(
    exported, tmp_path, command, options, words
):
    volume = exported[0] / "hu.npy"
    code, printed = run(command, volume, "--output", tmp_path / "out", *options)
    assert code == 3
    assert words in re.sub(r"\s+", " ", printed)
    assert not (tmp_path / "out").exists()
