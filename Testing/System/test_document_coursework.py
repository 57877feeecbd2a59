"""The lung UNet coursework: Images/CASE/*.dcm with Segmentations/CASE.npz, mirrored and unsorted.

Its steps in their order: whose data are named, the coronal check, the network with dropout, the
training and test parts, histograms side by side, and the worst, median and best slices.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re

import numpy as np
import pytest
from dicom_files import make_slice, save

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")
pytest.importorskip("monai", reason="surface distances need monai")

from CTDoseSegLib.cli import command_line  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import load_unet  # noqa: E402

pytestmark = pytest.mark.slow

CASES, SLICES, SIZE = ("Case_000", "Case_001", "Case_002", "Case_003"), 8, 48
NAMED = "Case_002"
COURSEWORK = """[network]
labels = 1
widths = [8, 16, 32, 64]
context = 0
pixel_mm = 0
least_ml = 0.0
dropout = 0.5
[[data]]
kind = "npz"
folder = "coursework"
flip = "auto"
[training]
epochs = 5
steps = 12
batch = 3
learning_rate = 1e-2
validation = 0.34
augment = false
seed = 42
"""


def chest(k, rng):
    """HU and lungs [j, i] of slice `k`; the outer slices have no lung, which lie to the front."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    hu = np.where(((x - 0.5) / 0.45) ** 2 + ((y - 0.5) / 0.35) ** 2 < 1, 30.0, -1000.0)
    lung = np.zeros((SIZE, SIZE), bool)
    if 0 < k < SLICES - 1:
        wide = 0.10 + 0.01 * k
        for column in (0.31, 0.69):
            lung |= ((x - column) / wide) ** 2 + ((y - 0.42) / 0.2) ** 2 < 1
    hu[lung] = -820
    return np.rint(hu + rng.normal(0, 15, hu.shape)).astype(np.int16), lung


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command_line.main([str(a) for a in arguments])
    return code, re.sub(r"\s+", " ", out.getvalue() + err.getvalue())


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """The coursework's folder, and what training and judging printed."""
    folder = tmp_path_factory.mktemp("coursework")
    for n, case in enumerate(CASES):
        rng = np.random.default_rng(n)
        masks = np.zeros((SLICES, SIZE, SIZE), bool)
        for k in range(SLICES):
            hu, masks[k] = chest(k, rng)
            who = {"PatientName": "Doe^Jane", "PatientBirthDate": "19500101"}
            tags = who if case == NAMED else {"PatientName": "", "PatientBirthDate": ""}
            own = make_slice(
                k,
                hu,
                RescaleIntercept=0,
                PatientID=f"{n + 1:03d}",
                SeriesInstanceUID=f"1.2.3.{n + 1}",
                StudyInstanceUID=f"1.2.4.{n + 1}",
                PixelSpacing=[7.0, 7.0],
                SliceThickness=5,
                ImagePositionPatient=[-160, -160, 40 + 5 * k],
                SliceLocation=5 * k,
                **tags,
            )
            # The number in a file's name is not the slice's place.
            save(own, folder / "coursework" / "Images" / case / f"1-{(3 * k) % SLICES}.dcm")
        target = folder / "coursework" / "Segmentations" / f"{case}_seg.npz"
        target.parent.mkdir(exist_ok=True)
        np.savez(target, Masks=masks[:, ::-1])  # upside down
    (folder / "coursework.toml").write_text(COURSEWORK)
    trained = run("train-unet", folder / "coursework.toml", "--output", folder / "unet")
    judged = run(
        "evaluate-unet",
        *(folder / "coursework.toml", "--unet", folder / "unet", "--output", folder / "judged"),
    )
    assert (trained[0], judged[0]) == (0, 0), trained[1] + judged[1]
    return folder, trained[1], judged[1]


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_cases_that_name_their_patient_are_listed_and_no_value_of_theirs(work):
    _, printed, _ = work
    assert f"The images of {NAMED} name their patients (1 case)" in printed
    assert "Doe" not in printed
    assert "1950" not in printed


def test_masks_that_are_upside_down_are_turned_and_it_is_reported(work):
    folder, printed, _ = work
    assert "The masks were taken as upside down, slices from foot to head" in printed
    areas = {r["case"]: [] for r in rows(folder / "judged" / "unet_slices.csv")}
    hu = []
    for row in rows(folder / "judged" / "unet_slices.csv"):
        areas[row["case"]].append(float(row["true_area_mm2"]))
        hu += [float(row["mean_hu"])] if row["mean_hu"] else []
    assert all(a[0] == a[-1] == 0 and min(a[1:-1]) > 0 for a in areas.values())
    assert np.median(hu) < -600  # lungs were found where there is air


def test_the_data_are_shown_from_the_front_before_the_training(work):
    from PIL import Image

    folder, _, _ = work
    with Image.open(folder / "unet" / "data_check.png") as picture:
        assert min(picture.size) > 200


def test_dropout_is_of_the_network_and_off_when_it_is_used(work):
    folder, _, _ = work
    network, spec, _ = load_unet(folder / "unet")
    assert spec.dropout == 0.5
    shown = torch.rand(1, spec.channels, 32, 32)
    network.eval()
    assert torch.equal(network(shown), network(shown))
    network.train()
    assert not torch.equal(network(shown), network(shown))


def test_training_and_test_slices_are_told_apart_and_those_without_lungs_have_no_dice(work):
    folder, _, _ = work
    slices = rows(folder / "judged" / "unet_slices.csv")
    of_case = {case: {r["part"] for r in slices if r["case"] == case} for case in CASES}
    assert sorted(map(tuple, of_case.values())) == [("training",)] * 3 + [("validation",)]
    empty = [
        r for r in slices if float(r["true_area_mm2"]) == 0 and float(r["found_area_mm2"]) == 0
    ]
    assert empty
    assert all(r["dice"] == "" and float(r["accuracy"]) == 1.0 for r in empty)
    lungs = [float(r["dice"]) for r in slices if float(r["true_area_mm2"]) > 0]
    assert np.median(lungs) > 0.8


def test_histograms_and_the_three_worst_median_and_best_slices_are_drawn(work):
    from PIL import Image

    folder, _, _ = work
    with Image.open(folder / "judged" / "slice_histograms.png") as picture:
        wide, _ = picture.size
    assert wide > 900  # two columns
    with Image.open(folder / "judged" / "worst_median_best.png") as picture:
        wide, high = picture.size
    assert high > 2.5 * wide  # nine rows of three


def test_the_folder_alone_is_known_and_a_case_without_masks_is_named(work):
    folder, _, _ = work
    lone = folder / "coursework"
    code, _ = run("train-unet", lone, "--labels", 1, "--epochs", 1, "--output", folder / "short")
    assert code == 0
    (lone / "Segmentations" / "Case_001_seg.npz").rename(folder / "away.npz")
    try:
        code, printed = run("train-unet", lone, "--labels", 1, "--output", folder / "none")
    finally:
        (folder / "away.npz").rename(lone / "Segmentations" / "Case_001_seg.npz")
    assert code == 3
    assert "Case_001 has no masks in Segmentations" in printed
