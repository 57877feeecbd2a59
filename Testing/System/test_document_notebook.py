"""The CT dosimetry notebook from its first step to its last, on a phantom with stand-in networks.

What the notebook computes is computed here beside the command, with the packages that it uses and
in its order: pydicom for HU, nibabel for masks, scikit-learn for scalers, torch for the networks.
"""

from __future__ import annotations

import sys
import warnings
from itertools import pairwise

import nibabel
import numpy as np
import pydicom
import pytest
from command_run import result_of, rows

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom

torch = pytest.importorskip("torch", reason="the published networks need torch")
preprocessing = pytest.importorskip("sklearn.preprocessing", reason="it scales their input")
pytestmark = pytest.mark.slow

ORGANS = (
    *("esophagus", "aorta", "lung_lower_lobe_left", "lung_lower_lobe_right"),
    *("lung_upper_lobe_left", "lung_upper_lobe_right", "lung_middle_lobe_right"),
    *("skin", "lung_vessels", "lung_trachea_bronchia"),
)
WIDTHS = (5, 512, 256, 128, 64, 1)


class Model(torch.nn.Module):
    """The notebook's network: 5-512-256-128-64-1."""

    def __init__(self):
        super().__init__()
        layers = []
        for number, (before, after) in enumerate(pairwise(WIDTHS)):
            layers += [torch.nn.Linear(before, after)]
            if number < len(WIDTHS) - 2:
                layers += [torch.nn.ReLU()]
                layers += [torch.nn.Dropout(0.1)] if number else []
        self.model = torch.nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """Folders of networks and of arrays, apart, as somebody downloads them."""
    models, arrays = (tmp_path_factory.mktemp(name) for name in ("models", "arrays"))
    (models / "chest_models").mkdir()
    inside = arrays / "training_arrays" / "chest_merged_training_arrays"
    inside.mkdir(parents=True)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    for organ in ORGANS:
        network = Model()
        torch.nn.init.constant_(network.model[-1].bias, float(rng.uniform(5, 20)))
        torch.save(network.state_dict(), models / "chest_models" / f"{organ}_model.pth")
        table = rng.normal((20, 40, 150, 270, 0, 9), (200, 30, 60, 30, 150, 3), (400, 6))
        table[5, 1] = np.nan
        np.save(inside / f"{organ}_training_array.npy", table.astype(np.float32))
    return models, arrays


@pytest.fixture(scope="module")
def analyzed(downloads, tmp_path_factory):
    """Folder of the phantom, and that of its analysis in the reference mode."""
    folder = tmp_path_factory.mktemp("notebook")
    shape, spacing_mm = (96, 96, 24), (4.6, 4.6, 14.0)
    write_dicom(Phantom(variant="chest", shape=shape, spacing_mm=spacing_mm), folder / "ct")
    models, arrays = downloads
    segmentation = folder / "ct" / "truth" / "segmentation.nii.gz"
    arguments = ["analyze", folder / "ct" / "dicom", "--output", folder / "results"]
    arguments += ["--segmentation", segmentation, "--inference-arrays"]
    arguments += ["--dose-engine", "published", "--dose-model", models, "--dose-arrays", arrays]
    assert command_line.main([*map(str, arguments), "--events", "none"]) == 0
    return folder / "ct", folder / "results"


@pytest.fixture(scope="module")
def notebook(analyzed):
    """What the notebook reads and computes: HU, masks by organ, mA, WED and location by slice.

    But for the location, which is that of the published arrays: Slice Location.
    """
    ct, results = analyzed
    slices = [pydicom.dcmread(path) for path in (ct / "dicom").iterdir()]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    stack = np.stack([one.pixel_array for one in slices]).astype(np.int16)
    hu = stack * slices[0].RescaleSlope + slices[0].RescaleIntercept
    values = {row["name"]: int(row["value"]) for row in rows(results / "labels.csv")}
    groups: dict[str, list[int]] = {}
    for row in rows(results / "groups.csv"):
        groups.setdefault(row["group"], []).append(values[row["atom"]])
    image = nibabel.load(results / "segmentation.nii.gz")
    labels = np.asarray(image.dataobj).transpose(2, 1, 0)

    def mask(organ):
        return np.where(np.isin(labels, groups[organ]), 1.0, np.nan)

    row_mm, column_mm = (float(v) for v in slices[0].PixelSpacing)
    body = mask("body")
    area = np.count_nonzero(body == 1, axis=(1, 2)) * row_mm * column_mm
    wed = 2 * np.sqrt((np.nanmean(hu * body, axis=(1, 2)) / 1000 + 1) * area / np.pi)
    current = [one.XRayTubeCurrent for one in slices]
    location = [one.SliceLocation for one in slices]
    return hu, mask, current, wed, location


def array_of(results, organ):
    return np.load(results / "inference_arrays" / organ / f"{organ}_inference_array.npy")


def test_wed_is_the_notebooks_and_the_rim_of_partly_filled_pixels(analyzed, notebook):
    """The rim is 0.1 to 0.4 % of the diameter at usual pixels; these are 4.6 mm wide."""
    _, results = analyzed
    slices = rows(results / "slices.csv")
    area, mean = (
        np.array([float(row[name]) for row in slices]) for name in ("body_area_mm2", "body_mean_hu")
    )
    wed = np.array([float(row["wed_mm"]) for row in slices])
    np.testing.assert_allclose(
        2 * np.sqrt((mean / 1000 + 1) * area / np.pi), notebook[3], rtol=1e-5
    )
    assert (wed > notebook[3]).all()
    np.testing.assert_allclose(wed, notebook[3], rtol=0.01)


def test_inference_arrays_hold_the_notebooks_rows(analyzed, notebook):
    _, results = analyzed
    hu, mask, current, wed, location = notebook
    for organ in ORGANS:
        organ_hu = hu * mask(organ)
        expected = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for j in range(len(hu)):
                if not np.all(np.isnan(organ_hu[j])):
                    mean, sd = np.nanmean(organ_hu[j]), np.nanstd(organ_hu[j])
                    expected.append((mean, sd, current[j], wed[j], location[j]))
        rows_of_organ = array_of(results, organ)
        assert rows_of_organ.dtype == np.float32
        np.testing.assert_allclose(rows_of_organ, expected, rtol=1e-5, atol=1e-4)
    codes = {flag["code"] for flag in result_of(results)["flags"]}
    assert "inference_rows_incomplete" not in codes


def test_doses_are_the_notebooks_means_over_slices(analyzed, downloads):
    _, results = analyzed
    models, arrays = downloads
    doses = {row["organ"]: float(row["dose_mGy"]) for row in rows(results / "organ_doses.csv")}
    assert set(doses) == set(ORGANS)
    for organ in ORGANS:
        network = Model()
        network.load_state_dict(torch.load(models / "chest_models" / f"{organ}_model.pth"))
        network.eval()
        folder = arrays / "training_arrays" / "chest_merged_training_arrays"
        table = np.load(folder / f"{organ}_training_array.npy")[:, :-1]
        scaler = preprocessing.StandardScaler().fit(table[~np.isnan(table).any(axis=1)])
        scaled = scaler.transform(array_of(results, organ))
        with torch.no_grad():
            predictions = network(torch.tensor(scaled, dtype=torch.float32)).numpy()
        assert doses[organ] == pytest.approx(np.mean(predictions), rel=1e-4), organ


def test_no_interval_is_given_and_the_bars_are_a_picture(analyzed):
    _, results = analyzed
    for row in rows(results / "organ_doses.csv"):
        assert row["total_low_mGy"] == row["total_high_mGy"] == ""
        assert "published_no_interval" in row["flags"]
    assert (results / "organ_doses.png").read_bytes().startswith(b"\x89PNG")
    assert result_of(results)["provenance"]["parameters"]["dose_model"] == "published"


@pytest.mark.parametrize("missing", ["models", "arrays", "torch"])
@pytest.mark.parametrize("command", ["analyze", "batch"])
def test_what_is_missing_is_said_before_the_ct_is_looked_for(
    command, missing, downloads, tmp_path, capsys, monkeypatch
):
    """The input is not even there: an error of reading would name it."""
    models, arrays = downloads
    empty = tmp_path / "nothing here"
    empty.mkdir()
    if missing == "torch":
        monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not there
    arguments = [command, tmp_path / "no_ct", "--output", tmp_path / "o", "--events", "none"]
    arguments += ["--dose-engine", "published"]
    arguments += ["--dose-model", empty if missing == "models" else models]
    arguments += ["--dose-arrays", empty if missing == "arrays" else arrays]
    assert command_line.main([*map(str, arguments)]) == 3
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "no_ct" not in message
    assert "torch is not installed" in message if missing == "torch" else "nothing here" in message
    assert not (tmp_path / "o").exists()
