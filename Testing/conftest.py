"""Fixtures: the development data where it is there, and what every test shares."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from development import development_data


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the development data; the test is skipped only where the folder is not there."""
    folder = development_data()
    if folder is None:
        pytest.skip("the development data is not on this machine (set CTDOSESEG_DATA)")
    return folder


@pytest.fixture(scope="session")
def unpack(data_dir, tmp_path_factory):
    """Unpack an archive of the development data, once a session; returns its folder."""
    done: dict[str, Path] = {}

    def unpack_once(name: str) -> Path:
        if name not in done:
            (archive,) = (data_dir / "ct").glob(f"{name}.tar.*")
            folder = tmp_path_factory.mktemp(name)
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
            done[name] = folder
        return done[name]

    return unpack_once


@pytest.fixture
def published_models(data_dir, tmp_path):
    """The published networks with their arrays, laid out as their repository has them."""
    pytest.importorskip("torch", reason="the published networks need torch")
    models = tmp_path / "published" / "models"
    models.mkdir(parents=True)
    for name in ("chest_models", "abdomen_models"):
        (models / name).symlink_to(data_dir / "dose" / "published" / name)
    (models / "training_arrays").symlink_to(data_dir / "dose" / "training_arrays")
    return models


@pytest.fixture(scope="session")
def standin_weights(tmp_path_factory):
    """Folder of weights that stand in for TotalSegmentator's; its path is not plain ASCII."""
    for package in ("torch", "nnunetv2", "totalsegmentator"):
        pytest.importorskip(package, reason=f"TotalSegmentator's runs need {package}")
    from standin_weights import write_weights

    return write_weights(tmp_path_factory.mktemp("Gewichte für alle"))


@pytest.fixture
def totalsegmentator_here(standin_weights, monkeypatch, tmp_path):
    """TotalSegmentator with its stand-in weights, a home and temporary files of its own."""
    import tempfile

    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(standin_weights))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    temporary = tmp_path / "kurz gemerkt ä"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return temporary
