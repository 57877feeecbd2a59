"""The shipped tables are small, are what their card describes, and are refused when damaged."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo import tables
from CTDoseSegLib.errors import ModelError

ROOT = Path(__file__).resolve().parents[4]
SCRIPT = ROOT / "Testing" / "Tables" / "make_montecarlo.py"
FOLDER = Path(str(files("CTDoseSegLib.models").joinpath("montecarlo")))
NAMES = ("materials.json", "photons.npz", "spectra.npz")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the shipped folder, which the loader reads in its place."""
    folder = tmp_path / "montecarlo"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr(tables, "files", lambda package: tmp_path)
    return folder


def test_the_card_names_script_licences_and_files():
    card = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
    assert ROOT / card["made_by"] == SCRIPT
    assert set(card["files"]) == set(NAMES)
    assert {name: of["licence"] for name, of in card["sources"].items()} == {
        "xraylib": "BSD-3-Clause",
        "spekpy": "MIT",
    }


def test_the_tables_are_small():
    assert sum((FOLDER / name).stat().st_size for name in NAMES) < 300_000


@pytest.mark.parametrize("name", NAMES)
def test_an_intact_file_is_read(copied, name):
    content = tables.table_bytes(name)
    stated = json.loads((copied / "tables.json").read_text())["files"][name]["sha256"]
    assert hashlib.sha256(content).hexdigest() == stated


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_is_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name}.*SHA-256.*install CTDoseSeg again"):
        tables.table_bytes(name)


@pytest.mark.parametrize("name", [*NAMES, "tables.json"])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(ModelError, match=f"{name}.*install CTDoseSeg again"):
        tables.table_bytes(name if name in NAMES else NAMES[0])


def test_line_ends_of_windows_are_no_damage(copied):
    text = (copied / "materials.json").read_bytes()
    (copied / "materials.json").write_bytes(text.replace(b"\n", b"\r\n"))
    assert tables.table_bytes("materials.json") == text


@pytest.mark.slow
def test_the_script_makes_the_tables_again(tmp_path):
    pytest.importorskip("xraylib", reason="xraylib is a package of [tables]")
    pytest.importorskip("spekpy", reason="spekpy is a package of [tables]")
    subprocess.run([sys.executable, SCRIPT, "--output", tmp_path], check=True)
    for name in ("photons.npz", "spectra.npz"):
        with np.load(tmp_path / name) as made, np.load(FOLDER / name) as kept:
            assert made.files == kept.files
            for array in made.files:
                if array == "elements":
                    assert made[array].tolist() == kept[array].tolist()
                else:
                    np.testing.assert_allclose(made[array], kept[array], rtol=1e-3)
