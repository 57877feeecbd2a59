"""The manual of a general 2D segmenter, its training half: slices with a picture of labels each.

Its steps in their order: the folders, the system's line, the settings, the first batch, the
training with its lines and kept networks, the history and curve, and what to do where it is low.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re

import numpy as np
import pytest
from segmenter_slices import write_slices

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.cli import command_line  # noqa: E402
from CTDoseSegLib.learning.unet.slice_files import read_images  # noqa: E402
from CTDoseSegLib.segmentation.unet.engine import predict  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import for_inference, load_unet  # noqa: E402

pytestmark = pytest.mark.slow

SETTINGS = """[network]
labels = 6
input_shape = 48
widths = [8, 16, 32]
context = 0
least_ml = 0.0
[[data]]
kind = "slices"
folder = "data"
[training]
epochs = 6
steps = 10
batch = 5
learning_rate = 1e-2
print_every = 2
save_every = 3
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project's folder, its labels, and what a training of it printed."""
    folder = tmp_path_factory.mktemp("project")
    # As many exports have it: no patient, and a name that stands for none.
    labels = write_slices(folder / "data" / "train", PatientID="0", PatientName="ANONYMOUS")
    (folder / "settings.toml").write_text(SETTINGS)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command_line.main(
            ["train-unet", str(folder / "settings.toml"), "--output", str(folder / "trained")]
        )
    assert code == 0
    return folder, labels, re.sub(r"\s+", " ", out.getvalue() + err.getvalue())


def history(folder):
    with (folder / "trained" / "history.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_what_it_runs_on_and_every_second_epoch_are_printed(project):
    _, _, printed = project
    assert re.search(r"Trains on the (processor|graphics)", printed)
    shown = [
        int(n) for n in re.findall(r"epoch (\d+) of 6: loss [\d.]+, validation: loss", printed)
    ]
    assert shown == [1, 2, 4, 6]
    assert re.search(r"0 h 0 min \d+ s", printed)


def test_slices_of_one_series_are_one_scan_and_the_validation_is_a_block_of_it(project):
    folder, _, printed = project
    assert "There is one scan only" in printed
    assert {row["validated_on"] for row in history(folder)} == {"the same scan"}
    card = (folder / "trained" / "model_card.md").read_text()
    assert "1 cases (slices, 13 slices)" in card
    assert "**Caution.** There is one scan only" in card


def test_the_history_has_loss_accuracy_and_dice_of_training_and_validation(project):
    folder, _, _ = project
    rows = history(folder)
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    for name in ("loss", "validation_loss", "training_accuracy", "validation_accuracy"):
        assert all(np.isfinite(float(row[name])) for row in rows)
    dice = [float(rows[-1][f"dice_label_{n}"]) for n in range(1, 7)]
    assert float(rows[-1]["validation_dice"]) == pytest.approx(np.mean(dice), abs=1e-4)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    for name in ("training_curve.png", "first_batch.png", "data_check.png"):
        assert (folder / "trained" / name).read_bytes().startswith(b"\x89PNG")


def test_the_network_is_kept_with_the_epoch_in_its_name_and_predicts_at_its_input_shape(project):
    folder, labels, _ = project
    for epoch in (3, 6):
        network, spec, _ = load_unet(folder / "trained" / f"unet_epoch_{epoch:04d}")
        assert spec.classes == tuple(f"label_{n}" for n in range(1, 7))
        assert spec.input_shape == 48
    shapes = []
    network.down[0].register_forward_hook(lambda _m, given, _o: shapes.append(given[0].shape[2:]))
    series = read_images(folder / "data" / "train" / "dicoms")
    predicted = predict(for_inference(network), spec, series)
    assert {tuple(shape) for shape in shapes} == {(48, 48)}
    assert predicted.shape == labels.shape
    # Six epochs on little teach the largest regions, and where there is nothing.
    assert ((predicted > 0) == (labels > 0)).mean() > 0.9


def test_where_dice_is_low_it_says_what_to_try(project):
    folder, _, printed = project
    advice = (folder / "trained" / "what_to_try.txt").read_text()
    first = re.sub(r"\s+", " ", advice.splitlines()[0])
    assert first.startswith(("Good:", "Low:"))
    assert first in printed
    if first.startswith("Low:"):
        assert "one scan" in advice


def test_the_folder_alone_trains_with_a_number_of_labels(project, capfd):
    folder, _, _ = project
    command = ["train-unet", str(folder / "data"), "--labels", "6", "--input-shape", "32"]
    assert command_line.main([*command, "--epochs", "1", "--output", str(folder / "short")]) == 0
    _, spec, _ = load_unet(folder / "short")
    assert (spec.input_shape, len(spec.classes)) == (32, 6)
    assert command_line.main([*command[:2], "--output", str(folder / "none")]) == 3
    assert "--labels" in capfd.readouterr().err
    settings = ["train-unet", str(folder / "settings.toml"), "--labels", "6"]
    assert command_line.main([*settings, "--output", str(folder / "none")]) == 2
