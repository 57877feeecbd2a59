"""Judging a UNet: figures against masks whose agreement is known, tables, pictures."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from labelled_scans import training_config, write_scan
from network_scans import series

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")
pytest.importorskip("monai", reason="surface distances need monai")

from CTDoseSegLib.cli import command_line  # noqa: E402
from CTDoseSegLib.errors import Cancelled, InputError  # noqa: E402
from CTDoseSegLib.learning.unet import train  # noqa: E402
from CTDoseSegLib.learning.unet.case import pixel_digest  # noqa: E402
from CTDoseSegLib.learning.unet.evaluate import _parts, evaluate  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice, score, slice_agreement  # noqa: E402
from CTDoseSegLib.learning.unet.pictures import FRAME_MS  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

pytestmark = pytest.mark.slow

CONFIG = training_config(
    ["body_rest", "bone"], values='{ 1 = "body_rest", 2 = "bone" }', epochs=1, steps=1
)


def cube(low, high, shape=(8, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[2:6, low:high, low:high] = True
    return mask


def judge(found, truth, known=None, spacing=(2.0, 1.0, 1.0)):
    known = np.ones(truth.shape, bool) if known is None else known
    return score("case", "bone", found, truth, known, spacing)


def test_a_shifted_cube_has_the_agreement_that_is_counted_by_hand():
    truth, found = cube(4, 14), np.roll(cube(4, 14), 2, axis=2)
    one = judge(found, truth)
    assert one.dice == pytest.approx(0.8)  # 8 of 10 columns
    assert one.hd95_mm == pytest.approx(2.0)
    assert one.surface_dice == 1.0  # within 2 mm
    assert one.state == "both"
    assert one.true_ml == pytest.approx(4 * 100 * 2 / 1000)
    far = judge(np.roll(cube(4, 14), 5, axis=2), truth)
    assert far.surface_dice < 0.9
    assert far.hd95_mm == pytest.approx(5.0)


def test_dice_is_twice_what_is_shared_over_both():
    assert dice(both=6, predicted_voxels=8, true_voxels=12) == pytest.approx(0.6)
    assert dice(0, 0, 5) == 0.0
    assert dice(0, 0, 0) is None


def test_absent_is_right_and_has_no_distance():
    none = np.zeros((8, 20, 20), bool)
    assert judge(none, none).state == "absent"
    assert judge(none, none).dice is None
    assert judge(none, none).accuracy == 1.0
    assert judge(cube(4, 6), none).state == "invented"
    assert judge(cube(4, 6), none).dice == 0.0
    missed = judge(none, cube(4, 6))
    assert (missed.state, missed.dice, missed.hd95_mm) == ("missed", 0.0, None)


def test_unknown_voxels_count_for_nobody():
    truth, found = cube(4, 14), cube(4, 18)
    known = ~(found & ~truth)
    assert judge(found, truth).dice < 0.9
    assert judge(found, truth, known).dice == 1.0


def test_slices_without_the_label_have_no_dice_where_none_is_found_either():
    truth, found = cube(4, 14), cube(4, 14)
    found[3] = False
    found[7, 0, 0] = True
    dice, accuracy = slice_agreement(found, truth, np.ones(truth.shape, bool))
    assert np.isnan(dice[[0, 1, 6]]).all()
    assert dice[[2, 3, 4, 5, 7]].tolist() == [1, 0, 1, 1, 0]
    assert accuracy == pytest.approx([1, 1, 1, 0.75, 1, 1, 1, 1 - 1 / 400])


@pytest.fixture
def trained(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abc":
        hu = rng.normal(-1000, 5, (4, 24, 24)).astype(np.int16)
        hu[:, 4:20, 4:20] = rng.normal(30, 5, (4, 16, 16))
        hu[:, 10:14, 10:14] = 700
        labels = (hu > -500).astype(np.uint8) + (hu > 400)
        labels[0, :2] = 255
        write_scan(tmp_path / "set", name, hu, labels, (2.0, 2.0, 5.0))
    (tmp_path / "config.toml").write_text(CONFIG)
    train.train(tmp_path / "config.toml", tmp_path / "run")
    return tmp_path


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_an_evaluation_writes_figures_tables_predictions_and_pictures(trained):
    from PIL import Image, ImageSequence

    (trained / "judged").mkdir()
    (trained / "judged" / "predictions_of_an_earlier_run_0000.jpg").touch()
    summary = evaluate(trained / "config.toml", trained / "run", trained / "judged")
    written = {path.name for path in (trained / "judged").iterdir()}
    assert set(summary["files"]) == written
    assert {"dice_histograms.png", "slice_histograms.png"} <= written
    assert {"worst_median_best.png", "coronal.png"} <= written
    cases = rows(trained / "judged" / "unet_cases.csv")
    assert {(r["case"], r["label"]) for r in cases} == {
        (case, label) for case in "abc" for label in ("body_rest", "bone")
    }
    slices = rows(trained / "judged" / "unet_slices.csv")
    assert len(slices) == 3 * 2 * 4
    of_part = {
        part: {r["case"] for r in slices if r["part"] == part}
        for part in ("training", "validation")
    }
    assert (len(of_part["training"]), len(of_part["validation"])) == (2, 1)
    assert not of_part["training"] & of_part["validation"]
    bone = [r for r in slices if r["label"] == "bone"]
    assert {float(r["true_area_mm2"]) for r in bone} == {16 * 4.0}
    for n in (1, 2, 3):
        name = f"predictions_scan_{n}"
        assert f"{name}.nii.gz" in written
        assert any(one.startswith(f"{name}_") and one.endswith(".jpg") for one in written)
        with Image.open(trained / "judged" / f"{name}.gif") as animation:
            shown_ms = [frame.info["duration"] for frame in ImageSequence.Iterator(animation)]
        assert sum(shown_ms) == 4 * FRAME_MS  # equal pictures are one frame, shown for longer


def test_names_of_cases_stand_in_the_tables_and_once_on_the_screen_beside_their_numbers(trained):
    for part in ("images", "labels"):
        for path in (trained / "set" / part).iterdir():
            path.rename(path.with_name(f"Secret_{path.name}"))
    notes = []

    class Listener(Progress):
        def emit(self, kind, /, **fields):
            notes.extend([fields["message"]] if kind == "note" else [])

    train.train(trained / "config.toml", trained / "again", progress=Listener())
    evaluate(trained / "config.toml", trained / "again", trained / "judged", progress=Listener())
    named = [note for note in notes if "Secret" in note]
    assert len(named) == 2
    assert all("scan 1 is Secret_a, scan 2 is Secret_b" in note for note in named)
    for path in [*(trained / "judged").iterdir(), *(trained / "again").iterdir()]:
        assert "Secret" not in path.name
        if path.suffix in (".txt", ".md", ".json"):
            assert "Secret" not in path.read_text()
    assert rows(trained / "judged" / "unet_cases.csv")[0]["case"] == "Secret_a"


def test_titles_of_pictures_have_numbers_for_names(trained, monkeypatch):
    from matplotlib.axes import Axes

    titles = []
    real = Axes.set_title

    def kept(axes, text, **how):
        titles.append(text)
        return real(axes, text, **how)

    monkeypatch.setattr(Axes, "set_title", kept)
    train.train(trained / "config.toml", trained / "again")
    evaluate(trained / "config.toml", trained / "again", trained / "judged")
    assert {"scan 1, truth", "scan 3, coronal"} <= set(titles)
    assert any(title.startswith("worst: scan ") for title in titles)
    assert not [title for title in titles if title.startswith(("a,", "b,", "c,"))]


def test_an_evaluation_can_be_cancelled_while_the_network_runs(trained):
    messages = []

    class Cancels(Progress):
        def emit(self, kind, /, **fields):
            messages.append(fields.get("message", ""))
            if "UNet" in messages[-1]:
                self.cancel()

    with pytest.raises(Cancelled):
        evaluate(trained / "config.toml", trained / "run", trained / "judged", progress=Cancels())
    assert ["UNet" in message for message in messages].index(True) == len(messages) - 1
    assert not (trained / "judged").exists()


def test_what_the_network_was_trained_on_is_apart_in_table_summary_and_screen(trained, capfd):
    arguments = [trained / "config.toml", "--unet", trained / "run", "--output", trained / "out"]
    assert command_line.main(["evaluate-unet", *map(str, arguments)]) == 0
    printed = capfd.readouterr()
    assert "always_return_as_numpy" not in printed.err
    of_case = {r["case"]: r["part"] for r in rows(trained / "out" / "unet_cases.csv")}
    assert sorted(of_case.values()) == ["training", "training", "validation"]
    of_slices = {(r["case"], r["part"]) for r in rows(trained / "out" / "unet_slices.csv")}
    assert of_slices == set(of_case.items())
    held, learned = (printed.out.index(s) for s in ("Held out from the training (1", "Trained on"))
    assert held < learned
    assert "(2 cases)" in printed.out[learned:]


@pytest.mark.parametrize(
    ("step_mm", "expected"),
    [
        (5.0, ("training", "validation", "training", "", "")),
        (-5.0, ("", "", "training", "validation", "training")),
    ],
    ids=["foot first", "head first"],
)
def test_slices_are_marked_from_the_feet_whichever_way_a_scan_is_stored(
    tmp_path, step_mm, expected
):
    scan = series((5, 12, 12))
    scan = replace(scan, affine=scan.affine @ np.diag([1, 1, step_mm / 5, 1]))
    listed = {"training": [0, 2], "validation": [1]}
    split = {part: {pixel_digest(scan): numbers} for part, numbers in listed.items()}
    (tmp_path / "split.json").write_text(json.dumps(split))
    assert _parts(scan, tmp_path) == expected


def test_the_medians_of_a_part_are_those_of_its_cases_alone(trained):
    summary = evaluate(trained / "config.toml", trained / "run", trained / "judged")
    assert [(one["part"], one["cases"]) for one in summary["parts"]] == [
        ("validation", 1),
        ("training", 2),
    ]
    cases = rows(trained / "judged" / "unet_cases.csv")
    for one in summary["parts"]:
        own = [float(r["dice"]) for r in cases if (r["part"], r["label"]) == (one["part"], "bone")]
        assert one["dice"]["bone"] == pytest.approx(np.median(own), rel=1e-5)


@pytest.mark.filterwarnings("error")
def test_the_librarys_warning_of_itself_is_not_shown():
    judge(cube(4, 14), cube(5, 15))


def test_other_classes_than_the_networks_are_refused(trained):
    text = CONFIG.replace('"bone"', '"liver"')
    (trained / "other.toml").write_text(text)
    with pytest.raises(InputError, match="are not those of the network"):
        evaluate(trained / "other.toml", trained / "run", trained / "judged")
    assert not (trained / "judged").exists()
