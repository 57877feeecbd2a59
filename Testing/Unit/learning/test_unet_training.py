"""Training: data as users have it, exact resume, and what is refused."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dicom_files import make_slice, save
from labelled_scans import write_scan

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.errors import Cancelled, InputError, ModelError, OutputError  # noqa: E402
from CTDoseSegLib.learning.unet import train, trainer  # noqa: E402
from CTDoseSegLib.learning.unet.cases import read_cases  # noqa: E402
from CTDoseSegLib.learning.unet.config import read_config  # noqa: E402
from CTDoseSegLib.learning.unet.history import History  # noqa: E402
from CTDoseSegLib.learning.unet.label_pictures import read_picture  # noqa: E402
from CTDoseSegLib.learning.unet.previews import FRAME_MS  # noqa: E402
from CTDoseSegLib.learning.unet.split import OTHER_PATIENTS, split  # noqa: E402
from CTDoseSegLib.learning.unet.validation import Agreement, Validation  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import load_unet  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

pytestmark = pytest.mark.slow

NETWORK = '[network]\nclasses = ["bone"]\nwidths = [4, 8]\ncontext = 0\npixel_mm = 0\n'
TRAINING = "[training]\nepochs = 3\nsteps = 3\nbatch = 2\nvalidation = 0.4\n"


def volume(folder, name, rng, *, labels=True, shape=(4, 16, 16)):
    """A CT with a bright block, and the label map of the block, as npy pairs."""
    hu = rng.normal(-900, 20, shape).astype(np.int16)
    j, i = rng.integers(2, 8, 2)
    hu[:, j : j + 5, i : i + 6] = 700
    write_scan(folder, name, hu, hu > 0 if labels else None)
    return hu


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        volume(tmp_path / "set", name, rng)
    return tmp_path


def config(
    folder, data='[[data]]\nkind = "volumes"\nfolder = "set"\n', network=NETWORK, rest=TRAINING
):
    path = folder / "config.toml"
    path.write_text(network + data + rest)
    return path


def test_a_run_writes_a_network_that_can_be_loaded_and_its_history(data):
    summary = train.train(config(data), data / "run")
    assert summary["epochs"] == 3
    _network, spec, digest = load_unet(data / "run")
    assert spec.classes == ("bone",)
    assert digest == summary["sha256"]
    lines = (data / "run" / "history.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,loss,seconds,validation_loss,training_accuracy,")
    assert lines[0].endswith(",training_dice,validation_dice,dice_bone,validated_on")
    assert lines[1].endswith(",other patients")
    assert len(lines) == 4
    pictures = {"training_curve.png", "first_batch.png", "data_check.png"}
    assert pictures <= set(summary["files"])


def test_each_column_of_the_history_holds_the_value_that_it_is_named_after(tmp_path):
    trained = Agreement(2)
    truth, predicted = np.zeros((2, 4, 4), np.uint8)
    truth[0], predicted[0, :3], predicted[1, 0] = 1, 1, 1
    trained.add(predicted, truth)  # Dice 6 / 8, 14 of 16 pixels right
    history = History(("bone", "liver"), OTHER_PATIENTS)
    history.add(1, 2.0, trained, Validation(0.5, np.array([0.2, 0.4]), 0.625), 7.0)
    history.write(tmp_path)
    with (tmp_path / "history.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row.pop("validated_on") == OTHER_PATIENTS
    assert {name: float(value) for name, value in row.items()} == {
        "epoch": 1,
        "loss": 2.0,
        "seconds": 7.0,
        "validation_loss": 0.5,
        "training_accuracy": 0.875,
        "validation_accuracy": 0.625,
        "training_dice": 0.75,
        "validation_dice": 0.3,
        "dice_bone": 0.2,
        "dice_liver": 0.4,
    }


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_run_that_was_ended_goes_on_to_the_same_weights(data, monkeypatch, dropout):
    path = config(data, network=NETWORK + f"dropout = {dropout}\n")
    train.train(path, data / "whole")
    real = train.Trainer._one_epoch

    def ended_in_the_second_epoch(self, progress, folder):
        if self.epoch == 1:
            raise KeyboardInterrupt
        return real(self, progress, folder)

    monkeypatch.setattr(train.Trainer, "_one_epoch", ended_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        train.train(path, data / "parts")
    monkeypatch.setattr(train.Trainer, "_one_epoch", real)
    train.train(path, data / "parts")
    for name in ("unet.safetensors", "checkpoint.safetensors", "epochs.gif"):
        assert (data / "parts" / name).read_bytes() == (data / "whole" / name).read_bytes()


class Listener(Progress):
    """Keeps the notes, and whether there was an animation at each."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.notes, self.animated = folder, [], []

    def emit(self, kind, /, **fields):
        if kind == "note" and fields["message"].startswith("epoch"):
            self.notes.append(fields["message"])
            self.animated.append((self.folder / "epochs.gif").is_file())


def test_the_animation_is_made_at_the_end_of_a_frame_an_epoch(data):
    from PIL import Image, ImageSequence

    heard = Listener(data / "run")
    rest = TRAINING + "print_every = 1\n"
    train.train(config(data, rest=rest), data / "run", progress=heard)
    assert heard.animated == [False, False, True]
    with Image.open(data / "run" / "epochs.gif") as animation:
        shown_ms = sum(frame.info["duration"] for frame in ImageSequence.Iterator(animation))
    assert shown_ms == 3 * FRAME_MS  # equal pictures are one frame, shown for longer
    assert len(list((data / "run" / "epochs").iterdir())) == 3


def test_a_run_that_patience_ends_prints_and_animates_its_last_epoch(data):
    heard = Listener(data / "run")
    rest = TRAINING.replace("epochs = 3", "epochs = 200") + "print_every = 99\npatience = 1\n"
    rest += "learning_rate = 1e-9\n"
    summary = train.train(config(data, rest=rest), data / "run", progress=heard)
    assert 1 < summary["epochs"] < 200
    assert [note.split()[1] for note in heard.notes] == ["1", str(summary["epochs"])]
    assert heard.animated == [False, True]


@pytest.mark.parametrize("message", ["finding labelled scans", "looking for names of patients"])
def test_a_training_can_be_cancelled_before_its_scans_are_read(data, message):
    seen = []

    class Cancels(Progress):
        def emit(self, kind, /, **fields):
            seen.append(fields.get("message", ""))
            if seen[-1] == message:
                self.cancel()

    with pytest.raises(Cancelled):
        train.train(config(data), data / "run", progress=Cancels())
    assert seen[-1] == message
    assert not any(one.startswith("reading") for one in seen)


def test_the_scans_are_looked_for_once_and_the_progress_never_falls_back(data):
    heard = []

    class Keeps(Progress):
        def emit(self, kind, /, **fields):
            if kind == "progress":
                heard.append((fields["fraction"], fields["message"]))

    train.train(config(data), data / "run", progress=Keeps())
    assert [message for _, message in heard].count("finding labelled scans") == 1
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)


def test_a_checkpoint_of_another_configuration_is_refused(data):
    train.train(config(data), data / "run")
    with pytest.raises(InputError, match="another configuration"):
        train.train(config(data, rest=TRAINING + "seed = 3\n"), data / "run")


def test_a_run_begins_with_a_former_network(data):
    first = train.train(config(data), data / "first")
    rest = TRAINING.replace("epochs = 3", "epochs = 1").replace("steps = 3", "steps = 1")
    more = 'start_from = "first"\nlearning_rate = 1e-9\n'
    again = train.train(config(data, rest=rest + more), data / "again")
    assert again["sha256"] != first["sha256"]
    begun, former = (load_unet(data / name)[0].state_dict() for name in ("again", "first"))
    for name, value in former.items():
        if name.endswith(("weight", "bias")):
            torch.testing.assert_close(begun[name], value, atol=1e-6, rtol=0)


def test_a_former_network_that_is_not_there_is_named_before_anything_is_made(data):
    with pytest.raises(ModelError, match=r"unet\.safetensors"):
        train.train(config(data, rest=TRAINING + 'start_from = "nowhere"\n'), data / "run")
    assert not (data / "run" / "checkpoint.safetensors").exists()


def test_a_loss_that_is_no_number_stops_and_keeps_the_best_network(data, monkeypatch):
    path = config(data)
    real = trainer.loss
    calls = []

    def breaks(*args, **kwargs):
        calls.append(1)
        return real(*args, **kwargs) * (float("nan") if len(calls) > 4 else 1.0)

    monkeypatch.setattr(trainer, "loss", breaks)
    with pytest.raises(ModelError, match="not a number any more"):
        train.train(path, data / "run")
    load_unet(data / "run")


@pytest.mark.parametrize(
    ("full_for", "words"),
    [("checkpoint", "goes on where it was"), ("", "run cannot be written: the disk is full")],
    ids=["checkpoint", "pictures"],
)
def test_a_full_disk_keeps_the_last_checkpoint(data, monkeypatch, full_for, words):
    path = config(data)
    train.train(config(data, rest=TRAINING.replace("epochs = 3", "epochs = 1")), data / "one")
    before = (data / "one" / "checkpoint.safetensors").read_bytes()

    write_bytes = Path.write_bytes

    def full(self, content):
        if full_for in self.name:
            raise OSError(28, "No space left on device")
        return write_bytes(self, content)

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OutputError, match=words):
        train.train(path, data / "run")
    assert (data / "one" / "checkpoint.safetensors").read_bytes() == before


def test_patients_never_stand_on_both_sides(data):
    chosen = read_config(config(data))
    cases, _ = read_cases(chosen)
    cases = [replace(c, patient="p" if k < 2 else "q") for k, c in enumerate(cases)]
    for seed in range(8):
        parts = split(cases, replace(chosen, training=replace(chosen.training, seed=seed)))
        assert [len(parts.train), len(parts.held)] == [2, 2]
        assert not {c.patient for c in parts.train} & {c.patient for c in parts.held}
        assert parts.validated_on == OTHER_PATIENTS
        assert not parts.warning


def test_dicom_folders_with_npz_masks_are_read(tmp_path):
    for n in range(2):
        folder = tmp_path / "set" / f"case{n}"
        folder.mkdir(parents=True)
        masks = np.zeros((3, 8, 8), np.uint8)
        for k in range(3):
            pixels = np.full((8, 8), 24, np.int16)
            pixels[1:3, 2:6] = 1924
            masks[k, -3:-1, 2:6] = 1  # upside down
            slice_ = make_slice(k, pixels, SeriesInstanceUID=f"1.2.{n}", PatientID=str(n))
            save(slice_, folder / f"{k}.dcm")
        np.savez(folder / "labels.npz", Masks=masks)
    source = '[[data]]\nkind = "npz"\nfolder = "set"\nflip = true\n'
    cases, _ = read_cases(read_config(config(tmp_path, source)))
    assert len(cases) == 2
    for case in cases:
        assert ((case.labels == 1) == (case.volume > 500)).all()


def test_slices_with_a_picture_of_labels_each_are_read(tmp_path):
    from PIL import Image

    for n in range(3):
        pixels = np.full((8, 8), 24, np.int16)
        pixels[2:4, 1:3] = 1924
        (tmp_path / "set" / "dicoms").mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / "labels").mkdir(exist_ok=True)
        slice_ = make_slice(0, pixels, SeriesInstanceUID=f"1.2.{n}", PatientID=f"p{n}")
        save(slice_, tmp_path / "set" / "dicoms" / f"s{n}.dcm")
        picture = np.zeros((8, 8), np.uint8)
        picture[2:4, 1:3] = 1
        Image.fromarray(picture).save(tmp_path / "set" / "labels" / f"s{n}.png")
    cases, _ = read_cases(
        read_config(config(tmp_path, '[[data]]\nkind = "slices"\nfolder = "set"\n'))
    )
    assert len({case.patient for case in cases}) == 3
    assert all(((case.labels == 1) == (case.volume > 500)).all() for case in cases)


def test_lossy_labels_are_repaired_and_photographs_refused(tmp_path):
    from PIL import Image

    labels = np.zeros((64, 64), np.uint8)
    labels[16:48, 16:48] = 120
    Image.fromarray(labels).save(tmp_path / "l.jpg", quality=85)
    assert (read_picture(tmp_path / "l.jpg") == labels).mean() > 0.99
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "n.jpg", quality=85)
    with pytest.raises(InputError, match="lossy"):
        read_picture(tmp_path / "n.jpg")
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[..., 0] = 200
    Image.fromarray(colours).save(tmp_path / "c.png")
    with pytest.raises(InputError, match="coloured"):
        read_picture(tmp_path / "c.png")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("no label", "a has no labels"),
        ("no image", "a has no image"),
        ("shape", "shape"),
        ("value", "value 7"),
        ("twice", "Two files"),
        ("never", "No case has bone"),
        ("no folder", "no folder"),
    ],
)
def test_data_that_cannot_be_used_are_refused_with_the_reason(data, damage, said):
    images, labels = data / "set" / "images", data / "set" / "labels"
    if damage == "no label":
        (labels / "a.npy").unlink()
    elif damage == "no image":
        (images / "a.npy").unlink()
        (images / "a.json").unlink()
    elif damage == "shape":
        np.save(labels / "a.npy", np.ones((4, 8, 8), np.uint8))
    elif damage == "value":
        np.save(labels / "a.npy", np.full((4, 16, 16), 7, np.uint8))
    elif damage == "twice":
        shutil.copy(labels / "a.npy", labels / "a.nii.gz")
    elif damage == "never":
        for path in labels.iterdir():
            np.save(path, np.zeros((4, 16, 16), np.uint8))
    else:
        shutil.rmtree(labels)
    with pytest.raises(InputError, match=said):
        read_cases(read_config(config(data)))


def test_workers_change_neither_the_weights_nor_the_phantoms(data):
    alone = train.train(config(data), data / "alone")
    helped = train.train(config(data, rest=TRAINING + "workers = 2\n"), data / "helped")
    assert alone["sha256"] == helped["sha256"]
    phantoms = '[[data]]\nkind = "phantoms"\ncount = 2\nfirst_seed = 1003\n'
    made = [
        read_cases(read_config(config(data, phantoms, rest=TRAINING + f"workers = {n}\n")))[0]
        for n in (0, 2)
    ]
    for one, other in zip(*made, strict=True):
        assert one.name == other.name
        assert np.array_equal(one.volume, other.volume)
        assert np.array_equal(one.labels, other.labels)
