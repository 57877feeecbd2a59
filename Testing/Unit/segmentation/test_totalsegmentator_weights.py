"""TotalSegmentator's weights: listed, checked, imported and removed without running their content.

The checkpoints here are real torch files, without a network around them.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from network_weights import NAME, network, packed

from CTDoseSegLib.cli import weights as cli_weights
from CTDoseSegLib.cli.command_line import main
from CTDoseSegLib.cli.weights import weights as weights_command
from CTDoseSegLib.errors import InputError, ModelError, OutputError
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.segmentation.threshold.engine import segment
from CTDoseSegLib.segmentation.totalsegmentator import weights
from CTDoseSegLib.segmentation.totalsegmentator.engine import TotalSegmentatorEngine
from CTDoseSegLib.segmentation.totalsegmentator.phase import PHASE
from CTDoseSegLib.segmentation.totalsegmentator.plan import Weights, make_plan
from CTDoseSegLib.segmentation.totalsegmentator.weights import missing_sentence
from CTDoseSegLib.tasks.progress import Progress

pytestmark = pytest.mark.slow
# Of the task headneck_bones_vessels, which the classifier of the contrast phase runs.
HEAD = "Dataset776_headneck_bones_vessels_492subj"


class Runs:
    """What unpickling would carry out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_an_archive_is_imported_whole_and_its_hash_is_shown(store, tmp_path, capsys):
    archive = packed(network(tmp_path / "there"), tmp_path / "weights.zip")
    assert main(["weights", "import", str(archive)]) == 0
    (folder,) = weights.present()
    assert folder == store / NAME
    assert weights.look_at(folder, 3).sha256 in capsys.readouterr().out
    assert [path.name for path in store.iterdir()] == [NAME]


def test_an_archive_is_not_imported_over_weights_that_are_there(store, tmp_path):
    archive = packed(network(tmp_path / "there"), tmp_path / "weights.zip")
    weights.import_zip(archive)
    with pytest.raises(OutputError, match="there already; remove them first"):
        weights.import_zip(archive)


@pytest.mark.parametrize("name", ["../evil", "/evil", f"{NAME}/../../evil", "C:\\evil", "..\\evil"])
def test_an_archive_that_would_write_elsewhere_is_refused_and_nothing_unpacked(
    store, tmp_path, name
):
    archive = packed(network(tmp_path / "there"), tmp_path / "weights.zip", [(name, "evil")])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="written elsewhere"):
        weights.import_zip(archive)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_an_archive_is_refused(store, tmp_path):
    link = zipfile.ZipInfo(f"{NAME}/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = packed(network(tmp_path / "there"), tmp_path / "weights.zip", [(link, "/etc")])
    with pytest.raises(InputError, match="written elsewhere"):
        weights.import_zip(archive)


def test_another_archive_and_a_cut_one_are_distinguished(store, tmp_path):
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as out:
        out.writestr("Task251_TotalSegmentator/model", "old")
    with pytest.raises(InputError, match=r"one folder Dataset<number>"):
        weights.import_zip(other)
    archive = packed(network(tmp_path / "there"), tmp_path / "weights.zip")
    archive.write_bytes(archive.read_bytes()[:300])
    with pytest.raises(InputError, match="not a whole ZIP file"):
        weights.import_zip(archive)
    with pytest.raises(InputError, match="not a whole ZIP file"):
        weights.import_zip(tmp_path / "none.zip")
    assert not store.exists() or list(store.iterdir()) == []


def test_a_checkpoint_that_would_run_code_is_refused_without_running_it(store, tmp_path):
    mark = tmp_path / "ran"
    made = network(tmp_path / "there", content={"network_weights": Runs(mark)})
    with pytest.raises(ModelError, match=r"posix mkdir|nt mkdir") as error:
        weights.import_zip(packed(made, tmp_path / "weights.zip"))
    assert "may run code" in str(error.value)
    assert not mark.exists()
    assert list(store.iterdir()) == []


def test_a_name_put_together_at_run_time_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="a checkpoint is a file of torch")
    made = network(tmp_path)
    content = {"network_weights": torch.nn.Linear(1, 1).state_dict()}
    torch.save(content, next(made.rglob("*.pth")), pickle_protocol=4)
    with pytest.raises(ModelError, match="made up at run time"):
        weights.look_at(made)


def test_a_cut_checkpoint_and_one_of_another_task_are_refused(tmp_path):
    made = network(tmp_path, labels=3)
    with pytest.raises(ModelError, match="distinguish 3 labels where the task has 117"):
        weights.look_at(made, 117)
    path = next(made.rglob("*.pth"))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match="cut short"):
        weights.look_at(made, 3)
    path.unlink()
    with pytest.raises(ModelError, match=r"lack fold_0/checkpoint_final\.pth"):
        weights.look_at(made, 3)


@pytest.mark.parametrize("damage", ["cut short", "those of another task"])
def test_damaged_weights_are_refused_before_a_run(store, damage):
    np = pytest.importorskip("numpy")
    pytest.importorskip("totalsegmentator", reason="it says which weights it needs")
    made = network(store, labels=117 if damage == "cut short" else 26)
    if damage == "cut short":
        path = next(made.rglob("*.pth"))
        path.write_bytes(path.read_bytes()[:-300])
    hu = np.full((4, 30, 30), -1000, np.int16)
    hu[:, 4:-4, 4:-4] = 20
    engine = TotalSegmentatorEngine("fast", "cpu", body_mask=segment)
    with pytest.raises(ModelError, match=damage):
        engine.segment(series_from_array(hu, np.diag([-9.0, -9.0, 9.0, 1.0])), Progress())


def test_only_weights_can_be_removed(store, tmp_path, capsys):
    weights.import_zip(packed(network(tmp_path / "there"), tmp_path / "weights.zip"))
    (store / "mine").mkdir()
    for name in ("mine", "../there", "Dataset001_none", "."):
        assert main(["weights", "remove", name, "--events", "none"]) == 3
    assert "There are no weights" in capsys.readouterr().err
    assert main(["weights", "remove", NAME]) == 0
    assert [path.name for path in store.iterdir()] == ["mine"]
    assert (tmp_path / "there").exists()


def test_status_lists_what_is_missing_and_what_to_copy_where(store, tmp_path, capsys):
    pytest.importorskip("totalsegmentator", reason="it says what it needs")
    assert main(["weights", "status"]) == 0
    printed = capsys.readouterr().out
    assert NAME in printed
    assert "weights import" in printed
    network(store, labels=117)
    assert main(["weights", "status"]) == 0
    assert "all weights are here" in capsys.readouterr().out


def test_the_contrast_phase_needs_networks_of_its_own_beside_those_of_any_quality(store):
    pytest.importorskip("totalsegmentator", reason="it says what it needs")
    pytest.importorskip("xgboost", reason="TotalSegmentator's classifier runs on it")
    for needed in make_plan("full").weights:
        network(store, name=needed.folder, labels=needed.labels)
    assert TotalSegmentatorEngine("full").available() == (True, "")
    able, reason = TotalSegmentatorEngine("full", extras=(PHASE,)).available()
    assert not able
    assert f"{NAME}, {HEAD} are not in" in reason
    lines = weights_command("status", (), "full", (PHASE,), Progress())["lines"]
    assert reason in lines[-1]
    fetched = []
    with pytest.MonkeyPatch.context() as patch:  # no server here: what would be asked of it
        patch.setattr(cli_weights, "_download", lambda _plan, lacking, *_: fetched.extend(lacking))
        weights_command("fetch", (), "full", (PHASE,), Progress())
    assert [one.folder for one in fetched] == [NAME, HEAD]


def test_the_sentence_names_the_whole_command_and_all_files_and_the_licences_way():
    free = [Weights(f"Dataset29{n}_part", 20, False, 290 + n) for n in range(5)]
    licensed = Weights("Dataset481_tissue", 3, True, 481)
    text = missing_sentence([*free, licensed], "full", ("tissue_types", "breasts"))
    assert "run ctdoseseg weights fetch --quality full --extra tissue_types breasts;" in text
    assert (
        "the 5 files Dataset290_part.zip, Dataset291_part.zip, Dataset292_part.zip and 2 more"
        in text
    )
    assert "Dataset481_tissue.zip" not in text
    assert "Dataset481_tissue come from its authors' server" in text
    assert "totalseg_set_license" in text
    alone = missing_sentence([licensed], extras=("tissue_types",))
    assert "releases" not in alone
    assert "run ctdoseseg weights fetch --extra tissue_types;" in alone


def test_weights_needs_names_where_they_mean_something(store, capsys):
    assert main(["weights", "import"]) == 3
    assert "needs the ZIP files" in capsys.readouterr().err
    assert main(["weights", "status", "x"]) == 3
    assert "takes no names" in capsys.readouterr().err


# What nnU-Net writes -------------------------------------------------------------------------

TRAIN = """
import json, sys
from pathlib import Path
import numpy as np, torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from standin_weights import _architecture, _plans

architecture = _architecture(2)
plans = _plans("Dataset297_x", architecture, 3.0)
plans["configurations"]["3d_fullres"]["patch_size"] = [8, 8, 8]
dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1},
           "numTraining": 1, "file_ending": ".nii.gz"}
trainer = nnUNetTrainer(plans, "3d_fullres", 0, dataset, device=torch.device("cpu"))
trainer.enable_deep_supervision = False
place = Path(trainer.preprocessed_dataset_folder)
place.mkdir(parents=True)
(place / "case.npz").touch()  # tells it the kind of its training data
trainer.initialize()
trainer.on_train_epoch_start()
batch = {"data": torch.randn(2, 1, 8, 8, 8), "target": torch.randint(0, 2, (2, 1, 8, 8, 8)).float()}
trainer.on_train_epoch_end([trainer.train_step(batch)])
trainer.network.eval()
trainer.on_validation_epoch_end([trainer.validation_step(batch)])
trainer.logger.log("epoch_start_timestamps", 1.0, 0)
trainer.logger.log("epoch_end_timestamps", 2.0, 0)
trainer._best_ema = trainer.logger.get_value("ema_fg_dice", step=-1) if hasattr(
    trainer.logger, "get_value") else trainer.logger.my_fantastic_logging["ema_fg_dice"][-1]
trainer.save_checkpoint(sys.argv[1])
"""


def test_a_checkpoint_of_nnunets_own_trainer_is_let_in(tmp_path):
    """One step of a tiny network: weights, optimizer, logged numbers of numpy, plans, device."""
    for package in ("torch", "nnunetv2"):
        pytest.importorskip(package, reason="it writes the checkpoint")
    made = network(tmp_path)
    path = next(made.rglob("*.pth"))
    path.unlink()
    folders = {
        name: str(tmp_path / "nnunet")
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
    }
    support = Path(__file__).resolve().parents[2] / "support"
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(path)],
        env={**os.environ, **folders, "PYTHONPATH": str(support), "nnUNet_n_proc_DA": "0"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    weights.look_at(made, 3)
    with zipfile.ZipFile(path) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        named = weights._imports(archive.read(pickled))
    assert any("scalar" in name for name in named), "it has logged numbers of numpy"
