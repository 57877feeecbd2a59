"""Tables, label map files, and the folder that appears whole or not at all."""

from __future__ import annotations

import csv
import errno
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_analysis import AFFINE, organ_dose, tiny_analysis, tiny_labelmap, tiny_result

from CTDoseSegLib.ct.volume_files import write_nifti
from CTDoseSegLib.dosimetry.effective_dose import (
    DoseLengthProduct,
    EffectiveDose,
    effective_dose,
)
from CTDoseSegLib.errors import Cancelled, OutputError
from CTDoseSegLib.files.staging import staged_folder
from CTDoseSegLib.outputs.tables import cell, write_labelmap, write_tables
from CTDoseSegLib.reporting.terminal import (
    HEADINGS,
    effective_dose_words,
    plain_table,
    print_result,
    summary,
)
from CTDoseSegLib.result import Result
from CTDoseSegLib.result_folder import write_result
from CTDoseSegLib.segmentation.labelmap import Atom
from CTDoseSegLib.tasks.progress import Collected

PROMISED = {
    "slices.csv": "slice_index,z_mm,slice_location_mm,tube_current_mA,ctdivol_mGy,body_area_mm2,"
    "body_mean_hu,wed_mm,truncated_fraction,wed_corrected_mm,ssde_mGy,flags",
    "organ_slices.csv": "organ,region,slice_index,area_mm2,mean_hu,sd_hu,dose_mGy",
    "organ_doses.csv": "organ,region,dose_mGy,model_low_mGy,model_high_mGy,total_low_mGy,"
    "total_high_mGy,dose_slice_mean_mGy,volume_ml,n_slices,coverage,flags,route,"
    "whole_organ_dose_mGy,whole_organ_low_mGy,whole_organ_high_mGy",
    "labels.csv": "value,name,snomed_code,color",
    "groups.csv": "group,atom",
}
LIBRARY = Path(__file__).resolve().parents[3] / "CTDoseSeg"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    analysis = tiny_analysis()
    write_tables(Result.of(analysis), folder)
    write_labelmap(analysis.labelmap, folder)
    return analysis, folder


@pytest.mark.parametrize("name", PROMISED)
def test_each_table_begins_with_the_promised_columns(written, name):
    header = (written[1] / name).read_bytes().split(b"\n")[0].decode()
    assert header == PROMISED[name] or header.startswith(PROMISED[name] + ",")


def test_a_slice_has_one_row_and_empty_cells_where_nothing_is_known(written):
    analysis, folder = written
    table = rows(folder / "slices.csv")
    assert [row["slice_index"] for row in table] == ["0", "1", "2", "3"]
    assert [row["tube_current_mA"] for row in table] == ["200", "201", "202", ""]
    assert [row["slice_location_mm"] for row in table] == ["-12.5", "", "", ""]
    assert float(table[2]["wed_mm"]) == pytest.approx(analysis.size.wed_mm[2], rel=1e-5)
    assert float(table[2]["ssde_mGy"]) == pytest.approx(analysis.ssde.ssde_mGy[2], rel=1e-5)


def test_an_organ_has_a_row_for_each_slice_that_it_is_on(written):
    table = rows(written[1] / "organ_slices.csv")
    lung = [row for row in table if row["organ"] == "lung"]
    assert [row["slice_index"] for row in lung] == ["1", "2", "3"]
    assert {row["area_mm2"] for row in lung} == {str(36 * 64)}
    assert {row["dose_mGy"] for row in lung} == {"10.1235"}
    liver = [row for row in table if row["organ"] == "liver"]
    assert len(liver) == 4
    assert {row["dose_mGy"] for row in liver} == {""}


def test_a_refused_organ_keeps_its_row_with_the_reason(written):
    lung, liver = rows(written[1] / "organ_doses.csv")
    assert lung["dose_mGy"] == "10.1235"
    assert lung["flags"] == "organ_cut"
    assert (liver["dose_mGy"], liver["total_high_mGy"], liver["coverage"]) == ("", "", "")
    assert liver["flags"] == "too_large"


def test_the_completed_organs_dose_stands_beside_that_of_the_seen_part(tmp_path):
    whole = {"whole_organ_dose_mGy": 8.0, "whole_organ_low_mGy": 5.5, "whole_organ_high_mGy": 12.0}
    result = tiny_result(
        organs=(replace(organ_dose("lung", 10.0), **whole), organ_dose("liver", 9.0))
    )
    write_tables(result, tmp_path)
    lung, liver = rows(tmp_path / "organ_doses.csv")
    assert [lung[name] for name in whole] == ["8", "5.5", "12"]
    assert [liver[name] for name in whole] == ["", "", ""]
    assert (lung["dose_mGy"], lung["route"]) == ("10", "ctdivol")


def test_an_organ_with_models_of_two_regions_has_rows_for_both(tmp_path):
    chest = organ_dose("liver", 9.0)
    result = tiny_result(organs=(chest, replace(chest, region="abdomen")))
    write_tables(result, tmp_path)
    table = [row for row in rows(tmp_path / "organ_slices.csv") if row["organ"] == "liver"]
    assert [row["region"] for row in table] == ["chest"] * 4 + ["abdomen"] * 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (np.float32("nan"), ""),
        (np.int64(7), "7"),
        (True, "1"),
        (-0.0, "0"),
        (-12.5, "-12.5"),
        (1 / 3, "0.333333"),
        (np.float32(0.1), "0.1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("liver = good", "liver = good"),
    ],
)
def test_a_cell_is_short_empty_or_harmless(value, text):
    assert cell(value) == text


def test_tables_are_utf8_with_line_feeds_and_quoted_where_needed(tmp_path):
    labelmap = tiny_labelmap()
    atom = Atom(9, 'Läber, "=1"\n', "", "#ffffff", "=evil()")
    labelmap = replace(labelmap, atoms=(*labelmap.atoms, atom))
    write_labelmap(labelmap, tmp_path)
    content = (tmp_path / "labels.csv").read_bytes()
    assert b"\r" not in content
    assert rows(tmp_path / "labels.csv")[-1]["name"] == atom.name
    assert rows(tmp_path / "labels.csv")[-1]["origin"] == "'=evil()"


def test_the_label_map_comes_back_on_the_same_grid(written):
    image = nibabel.load(written[1] / "segmentation.nii.gz")
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, tiny_labelmap().labels)
    groups = {(row["group"], row["atom"]) for row in rows(written[1] / "groups.csv")}
    assert ("lung", "lung_left") in groups


rotations = st.tuples(*[st.floats(-180, 180)] * 3)


@settings(max_examples=60, deadline=None)
@given(
    angles=rotations,
    spacing=st.tuples(*[st.floats(0.2, 8)] * 3),
    mirrored=st.booleans(),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
)
def test_any_orthogonal_affine_survives_in_both_forms_of_the_header(
    tmp_path_factory, angles, spacing, mirrored, origin
):
    x, y, z = np.radians(angles)
    turn = np.eye(3)
    for angle, (a, b) in ((x, (1, 2)), (y, (0, 2)), (z, (0, 1))):
        step = np.eye(3)
        step[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        turn = turn @ step
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing * (-1 if mirrored else 1, 1, 1)
    affine[:3, 3] = origin
    path = tmp_path_factory.getbasetemp() / "affine.nii.gz"
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    write_nifti(path, voxels, affine)
    image = nibabel.load(path)
    np.testing.assert_allclose(image.get_sform(), affine, atol=2e-4)
    # The format keeps three of the quaternion's four numbers, in float32: coarse at half turns.
    np.testing.assert_allclose(image.get_qform(), affine, atol=2e-3 * max(spacing))
    by_itk = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(by_itk), voxels)
    corner = np.array(by_itk.TransformIndexToPhysicalPoint((3, 2, 1))) * (-1, -1, 1)
    np.testing.assert_allclose(corner, (affine @ (3, 2, 1, 1))[:3], atol=5e-3)


def test_a_sheared_affine_is_kept_not_straightened(tmp_path):
    affine = AFFINE.copy()
    affine[1, 2] = 1.5
    write_nifti(tmp_path / "tilt.nii.gz", tiny_labelmap().labels, affine)
    image = nibabel.load(tmp_path / "tilt.nii.gz")
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    assert image.get_qform(coded=True)[1] == 0


def test_the_same_label_map_gives_the_same_bytes(tmp_path):
    paths = [write_nifti(tmp_path / n, tiny_labelmap().labels, AFFINE) for n in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_an_analysis_is_written_with_all_promised_files(tmp_path):
    progress = Collected()
    names = {path.name for path in write_result(tiny_analysis(), tmp_path / "out", progress)}
    assert names == {
        *PROMISED,
        "segmentation.nii.gz",
        "result.json",
        "wed.png",
        "organ_doses.png",
        "overlay.png",
        "hu_histogram.png",
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert progress.log[-1]["fraction"] == 1.0


def test_no_file_name_or_series_identity_reaches_a_result(tmp_path):
    write_result(tiny_analysis(), tmp_path)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert b"Doe" not in content, path.name
        assert b"680043" not in content, path.name


def test_a_crash_in_the_middle_leaves_nothing(tmp_path):
    def half_a_run():
        with staged_folder(tmp_path / "a" / "b") as folder:
            (folder / "slices.csv").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_a_run()
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_run_leaves_the_former_result_untouched(tmp_path):
    write_result(tiny_analysis(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    progress = Collected()
    progress.cancel()
    with pytest.raises(Cancelled):
        write_result(tiny_analysis(slices=3), tmp_path, progress)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_files_of_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with staged_folder(tmp_path) as folder:
        (folder / "slices.csv").write_text("new")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "slices.csv").read_text() == "new"


def test_a_picture_of_an_earlier_run_does_not_stay_beside_a_new_result(tmp_path):
    (tmp_path / "overlay.png").write_bytes(b"old")
    with staged_folder(tmp_path, replaces=["overlay.png"]) as folder:
        (folder / "result.json").write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_two_runs_cannot_write_one_folder_at_once(tmp_path):
    with staged_folder(tmp_path) as folder:
        (folder / "slices.csv").write_text("first")
        with pytest.raises(OutputError, match=f"process {os.getpid()}"), staged_folder(tmp_path):
            pytest.fail("both runs were let in")
    assert [path.name for path in tmp_path.iterdir()] == ["slices.csv"]


def test_a_lock_left_by_a_killed_run_does_not_lock_the_folder(tmp_path):
    (tmp_path / ".ctdoseseg.lock").write_text("1\n")
    with staged_folder(tmp_path) as folder:
        (folder / "slices.csv").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["slices.csv"]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="out cannot be written: a part of its path is a file"):
        write_result(tiny_analysis(), tmp_path / "out")
    with pytest.raises(OutputError, match="a part of its path is a file"):
        write_result(tiny_analysis(), tmp_path / "out" / "deeper")


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission"), (errno.EROFS, "read-only")],
)
def test_what_the_system_refuses_becomes_a_sentence(tmp_path, number, words):
    with pytest.raises(OutputError, match=words), staged_folder(tmp_path / "out"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on file size to run into")
def test_a_file_that_the_system_cuts_short_is_an_error_and_leaves_nothing(tmp_path):
    code = f"""
        import resource, signal, sys
        sys.path.insert(0, {str(LIBRARY)!r})
        import numpy as np
        from pathlib import Path
        from CTDoseSegLib.ct.volume_files import write_nifti
        from CTDoseSegLib.errors import OutputError
        from CTDoseSegLib.files.staging import staged_folder
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        noise = np.random.default_rng(0).integers(0, 255, (10, 100, 200), np.uint8)
        try:
            with staged_folder({str(tmp_path / "out")!r}) as folder:
                write_nifti(folder / "hu.nii.gz", noise, np.eye(4))
        except OutputError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "takes no file of this size" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_terminal_shows_every_organ_its_reason_and_the_notice(capsys):
    print_result(tiny_result(), "results")
    shown = capsys.readouterr().out
    for words in ("lung", "10.1", "9.11 - 11.1", "organ_cut", "too_large", "not for clinical use"):
        assert words in shown
    assert "refusal: The body is too large: WED 400 mm. Use SSDE (liver)." in shown


def test_a_warning_that_several_organs_share_is_printed_once(capsys):
    flag = tiny_analysis().doses.organs[0].flags[0]
    organs = tuple(organ_dose(name, 5.0, 4, flag) for name in ("lung", "liver"))
    print_result(tiny_result(organs=organs))
    assert capsys.readouterr().out.count("The organ ends outside the scan") == 1


def test_the_plain_table_is_aligned():
    table = plain_table([("lung", "10", "9 - 11", "7 - 14", "12", ""), ("x", *"12345")])
    assert table[0].split("  ")[0].strip() == HEADINGS[0]
    assert table[2].index("10") + 2 == table[3].index("1") + 1


def test_the_summary_names_what_is_not_known():
    lines = "\n".join(summary(tiny_result(ctdivol=False)))
    assert "CTDIvol:      not known" in lines
    assert "SSDE:         not known" in lines


def test_the_summary_has_size_at_the_centre_effective_dose_and_scanner():
    analysis = tiny_analysis()
    lines = summary(Result.of(analysis))
    (size,) = [line for line in lines if line.startswith("WED:")]
    assert f"{analysis.size.wed_mm[2]:.0f} mm at the centre slice; 90 % interval of" in size
    (scanner,) = [line for line in lines if line.startswith("Scanner:")]
    assert scanner.startswith("Scanner:      no profile of this scanner")
    profile = replace(analysis.scanner, name="Vendor Model")
    assert "Scanner:      profile Vendor Model" in summary(
        Result.of(replace(analysis, scanner=profile))
    )
    effective = effective_dose(analysis.series, analysis.measurements)
    (printed,) = [
        line
        for line in summary(Result.of(replace(analysis, effective_dose=effective)))
        if line.startswith("Effective:")
    ]
    assert f"{effective.effective_dose_mSv:.3g} mSv" in printed
    low, high = effective.low_mSv, effective.high_mSv
    assert f"(published values {low:#.3g} to {high:#.3g} mSv)" in printed
    assert "abdomen, Deak 2010, ICRP 103" in printed
    assert effective.flags
    assert not any(entry.code in printed for entry in effective.flags)
    assert "; the patient's age is not known; the scanned range is short" in printed
    assert "never the sum of organ doses" in printed


def test_the_summary_has_the_90_percent_intervals_of_size_and_ssde():
    result = tiny_result()
    measured = replace(
        result,
        size=replace(result.size, mean_interval_mm=(295.0, 305.0)),
        ssde=replace(result.ssde, mean_interval_mGy=(8.0, 12.0)),
    )
    text = "\n".join(summary(measured))
    assert "at the centre slice; 90 % interval of the mean 295 to 305 mm\n" in text
    assert "; 90 % interval of the mean 8.00 to 12.0 mGy (" in text
    # What the field of view cuts off is estimated, and the interval is around that estimate.
    corrected = replace(measured.slices, wed_corrected_mm=1.1 * measured.slices.wed_mm)
    text = "\n".join(summary(replace(measured, slices=corrected)))
    assert "; 90 % interval of the corrected mean 295 to 305 mm\n" in text
    # Results of version 0.1.0 have none.
    old = replace(
        result,
        size=replace(result.size, mean_interval_mm=None),
        ssde=replace(result.ssde, mean_interval_mGy=None),
    )
    assert "interval of the" not in "\n".join(summary(old))


def test_the_range_of_an_effective_dose_is_labelled_as_published_values():
    found = EffectiveDose(2.9, 1.9, 3.4, dlp=DoseLengthProduct(138.0, "rdsr", None, 200.0, False))
    assert effective_dose_words(found) == "2.90 mSv (published values 1.90 to 3.40 mSv)"
    alone = replace(found, low_mSv=2.9, high_mSv=2.9)
    assert effective_dose_words(alone) == "2.90 mSv (the only published value)"
    bound = replace(found, low_mSv=2.9, dlp=replace(found.dlp, lower_bound=True))
    text = "at least 2.90 mSv (at least 3.40 mSv by the highest published factor)"
    assert effective_dose_words(bound) == text
    # Version 0.1.0 gave another thing, which its results still hold.
    old = replace(found, relative_half_width=0.4)
    assert effective_dose_words(old) == "2.90 mSv (90 % interval 1.90 - 3.40)"


def test_an_effective_dose_that_is_not_given_has_its_reason_in_the_summary():
    analysis = tiny_analysis(ctdivol=False)
    effective = effective_dose(analysis.series, analysis.measurements)
    (printed,) = [
        line
        for line in summary(Result.of(replace(analysis, effective_dose=effective)))
        if line.startswith("Effective:")
    ]
    assert printed == "Effective:    not given: CTDIvol is not known."
