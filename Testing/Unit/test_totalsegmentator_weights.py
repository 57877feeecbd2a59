"""TotalSegmentator's weights: found, checked, imported and removed without running what is in them.

The checkpoints here are real torch files, without a network around them.
"""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from CTDoseSegLib.cli import main
from CTDoseSegLib.errors import InputError, ModelError, OutputError
from CTDoseSegLib.segmentation import totalsegmentator_weights as weights

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


def test_an_archive_is_imported_whole_and_its_hash_is_told(store, tmp_path, capsys):
    archive = packed(network(tmp_path / "there"), tmp_path / "weights.zip")
    assert main(["weights", "import", str(archive)]) == 0
    (found,) = weights.present()
    assert found == store / NAME
    assert weights.look_at(found, 3).sha256 in capsys.readouterr().out
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


def test_another_archive_and_a_cut_one_are_told_apart(store, tmp_path):
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


def test_a_cut_checkpoint_and_one_of_another_task_are_told(tmp_path):
    made = network(tmp_path, labels=3)
    with pytest.raises(ModelError, match="tell 3 labels apart where the task has 117"):
        weights.look_at(made, 117)
    path = next(made.rglob("*.pth"))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match="cut short"):
        weights.look_at(made, 3)
    path.unlink()
    with pytest.raises(ModelError, match=r"lack fold_0/checkpoint_final\.pth"):
        weights.look_at(made, 3)


def test_only_weights_can_be_removed(store, tmp_path, capsys):
    weights.import_zip(packed(network(tmp_path / "there"), tmp_path / "weights.zip"))
    (store / "mine").mkdir()
    for name in ("mine", "../there", "Dataset001_none", "."):
        assert main(["weights", "remove", name, "--events", "none"]) == 3
    assert "There are no weights" in capsys.readouterr().err
    assert main(["weights", "remove", NAME]) == 0
    assert [path.name for path in store.iterdir()] == ["mine"]
    assert (tmp_path / "there").exists()


def test_status_says_what_is_missing_and_what_to_copy_where(store, tmp_path, capsys):
    pytest.importorskip("totalsegmentator", reason="it says what it needs")
    assert main(["weights", "status"]) == 0
    told = capsys.readouterr().out
    assert NAME in told
    assert "weights import" in told
    network(store, labels=117)
    assert main(["weights", "status"]) == 0
    assert "all weights are here" in capsys.readouterr().out


def test_weights_needs_names_where_they_say_something(store, capsys):
    assert main(["weights", "import"]) == 3
    assert "needs the ZIP files" in capsys.readouterr().err
    assert main(["weights", "status", "x"]) == 3
    assert "takes no names" in capsys.readouterr().err


def test_fetch_without_a_network_says_what_to_copy(store, tmp_path, monkeypatch, capfd):
    pytest.importorskip("totalsegmentator", reason="it does the download")
    # A proxy that nobody listens at: what a machine without a network looks like.
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    assert main(["weights", "fetch", "--events", "none"]) == 3
    said = capfd.readouterr().err
    assert f"copy {NAME}.zip of TotalSegmentator's releases" in said
    assert weights.present() == []
