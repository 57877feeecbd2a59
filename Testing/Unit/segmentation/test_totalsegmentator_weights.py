"""TotalSegmentator's weights: listed, checked, imported and removed without running their content.

The checkpoints here are real torch files, without a network around them.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from CTDoseSegLib.cli import weights as command
from CTDoseSegLib.cli.command_line import main
from CTDoseSegLib.errors import InputError, ModelError, OutputError
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.segmentation.threshold.engine import segment
from CTDoseSegLib.segmentation.totalsegmentator import weights
from CTDoseSegLib.segmentation.totalsegmentator.engine import TotalSegmentatorEngine
from CTDoseSegLib.segmentation.totalsegmentator.plan import make_plan
from CTDoseSegLib.tasks.progress import Progress

pytestmark = pytest.mark.slow

NAME = "Dataset297_TotalSegmentator_total_3mm_1559subj"
PLACE = "nnUNetTrainer__nnUNetPlans__3d_fullres"


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "Gewichte ü"
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(folder))
    return folder


def network(folder: Path, name: str = NAME, labels: int = 3, content=None) -> Path:
    """A folder as TotalSegmentator's archives hold it."""
    np = pytest.importorskip("numpy")
    torch = pytest.importorskip("torch", reason="a checkpoint is a file of torch")
    place = folder / name / PLACE
    (place / "fold_0").mkdir(parents=True)
    named = {"background": 0, **{f"organ_{n}": n for n in range(1, labels + 1)}}
    (place / "dataset.json").write_text(json.dumps({"labels": named}))
    (place / "plans.json").write_text("{}")
    content = content or {
        # What nnU-Net's trainer puts into a checkpoint.
        "network_weights": torch.nn.Conv3d(1, 2, 1).state_dict(),
        "logging": {"ema_fg_dice": [np.float64(0.5), np.float32(0.25)]},
        "_best_ema": np.float64(0.5),
        "init_args": {"device": torch.device("cpu"), "configuration": "3d_fullres"},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(content, place / "fold_0" / "checkpoint_final.pth")
    return folder / name


def packed(folder: Path, archive: Path, extra=()) -> Path:
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*")):
            out.write(path, path.relative_to(folder.parent))
        for info, text in extra:
            out.writestr(info, text)
    return archive


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


def test_weights_needs_names_where_they_mean_something(store, capsys):
    assert main(["weights", "import"]) == 3
    assert "needs the ZIP files" in capsys.readouterr().err
    assert main(["weights", "status", "x"]) == 3
    assert "takes no names" in capsys.readouterr().err


def test_fetch_without_a_network_names_what_to_copy(store, tmp_path, monkeypatch, capfd):
    pytest.importorskip("totalsegmentator", reason="it does the download")
    # A proxy that nobody listens at: what a machine without a network looks like.
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    assert main(["weights", "fetch", "--events", "none"]) == 3
    printed = capfd.readouterr().err
    assert f"copy {NAME}.zip of TotalSegmentator's releases" in printed
    assert weights.present() == []


# Fetching ------------------------------------------------------------------------------------


@pytest.fixture
def like_2_13(monkeypatch):
    """The table that says which networks a task needs came after 2.13."""
    pytest.importorskip("totalsegmentator", reason="it does the download")
    monkeypatch.setitem(sys.modules, "totalsegmentator.map_tasks_config", None)


@pytest.fixture
def licensed(store, tmp_path, monkeypatch):
    """A licence, and all networks but the licensed one."""
    pytest.importorskip("totalsegmentator", reason="it does the download")
    home = tmp_path / "home"
    home.mkdir()
    settings = {"license_number": "aca_" + 14 * "X"}
    (home / "config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(home))
    for one in make_plan("fast", ("heart_chambers",)).weights:
        if not one.licensed:
            network(store, one.folder, one.labels)
    return home


@pytest.fixture
def releases(tmp_path, monkeypatch):
    """A server in place of GitHub's, which holds the 3 mm and the 6 mm network."""
    pytest.importorskip("totalsegmentator", reason="it does the download")
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    for number in (297, 298):
        about = TASK_ID_WEIGHTS_CONFIGS[number]
        name = about["foldername"]
        place = tmp_path / "server/wasserth/TotalSegmentator/releases/download" / about["version"]
        place.mkdir(parents=True, exist_ok=True)
        packed(network(tmp_path / "made", name, labels=117), place / f"{name}.zip")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "server"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "sitecustomize.py").write_text(
        "import requests\n"
        "get = requests.get\n"
        f"requests.get = lambda url, **o: get(url.replace('https://github.com', {here!r}), **o)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield server
    server.shutdown()
    server.server_close()
    assert list(temporary.iterdir()) == []


def test_what_is_missing_is_fetched_whole_and_the_users_settings_stay(store, releases, tmp_path):
    assert main(["weights", "fetch", "--events", "none"]) == 0
    assert [path.name for path in store.iterdir()] == [NAME]
    assert not (tmp_path / "home").exists()


def test_version_2_13_fetches_by_its_own_command(store, releases, like_2_13, tmp_path, capsys):
    assert main(["weights", "status"]) == 0
    assert "does not say beforehand" in capsys.readouterr().out
    kept = network(store, NAME, labels=3)
    assert main(["weights", "fetch", "--events", "none"]) == 0
    names = sorted(path.name for path in store.iterdir())
    assert [name[:10] for name in names] == ["Dataset297", "Dataset298"]
    weights.look_at(kept, 3)  # what was there is left alone
    assert not (tmp_path / "home").exists()


def test_what_is_fetched_must_be_what_the_task_needs(store, releases, tmp_path, capsys):
    (archive,) = (tmp_path / "server").rglob(f"{NAME}.zip")
    packed(network(tmp_path / "wrong", labels=26), archive)
    assert main(["weights", "fetch", "--events", "none"]) == 3
    assert "distinguish 26 labels where the task has 117" in capsys.readouterr().err
    assert list(store.iterdir()) == []


def test_weights_that_are_not_whole_are_not_fetched_over(store, capsys):
    pytest.importorskip("totalsegmentator", reason="it says which weights it needs")
    made = network(store, labels=117)
    next(made.rglob("*.pth")).unlink()
    assert main(["weights", "fetch", "--events", "none"]) == 3
    assert f"weights remove {NAME}" in capsys.readouterr().err


def test_licensed_weights_without_a_licence_are_not_asked_for(store, licensed, capsys):
    (licensed / "config.json").unlink()
    assert main(["weights", "fetch", "--extra", "heart_chambers", "--events", "none"]) == 3
    assert "needs a licence, and no valid one is set" in capsys.readouterr().err


@pytest.mark.parametrize("server", ["refuses", "hangs"])
def test_a_licence_server_that_is_away_is_reported_in_time(
    store, licensed, monkeypatch, capfd, server
):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if server == "refuses":
            listening.close()
        else:

            def hang():
                connection, _ = listening.accept()
                asked.append((connection.recv(4096), connection))

            threading.Thread(target=hang, daemon=True).start()
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.setattr(command, "SILENCE_S", 10.0)
        assert main(["weights", "fetch", "--extra", "heart_chambers", "--events", "none"]) == 3
    printed = capfd.readouterr().err
    assert "licensed ones need totalseg_set_license and its server" in printed
    if server == "hangs":
        assert "the server sent nothing for 10 s" in printed
        assert asked[0][0].startswith(b"CONNECT backend.totalsegmentator.com")
        asked[0][1].close()
    else:
        assert "Connection refused" in printed
    assert all(path.name.startswith("Dataset") for path in store.iterdir())


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
