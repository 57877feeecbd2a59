"""What `pip install` brings is what the tree holds: no file of the package is left out."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "CTDoseSeg"


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    """Built from a copy, so that nothing is left in the tree."""
    source = tmp_path / "source"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    wanted = set()
    for name in filter(None, files.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        if path.is_relative_to(PACKAGE / "CTDoseSegLib"):
            wanted.add(path.relative_to(PACKAGE).as_posix())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path / "wheel"), str(source)], check=True, cwd=tmp_path)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == wanted
    endings = {name.rpartition(".")[2] for name in held}
    assert {"py", "typed", "csv", "json", "md", "safetensors"} <= endings
