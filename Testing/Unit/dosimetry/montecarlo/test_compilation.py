"""The engine says whether it can be compiled here, and leaves its code in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from CTDoseSegLib.dosimetry.montecarlo import compilation
from CTDoseSegLib.errors import DependencyError

KERNEL = "CTDoseSegLib.dosimetry.montecarlo.photon_kernel"
LIB_PARENT = Path(compilation.__file__).parents[3]
SMALL_RUN = """
import numpy as np
from photon_scenes import box, each, fan
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
path = SourcePath.standing_at(0.0, 0.0)
tally = simulate(box("water"), fan(), path, each(1), histories=1000)
assert tally.sums_keV.all()
"""


@pytest.fixture
def no_kernel(monkeypatch):
    monkeypatch.delitem(sys.modules, KERNEL, raising=False)


def refused(monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(compilation.importlib, "import_module", refuse)
    usable, reason = compilation.available()
    assert not usable
    with pytest.raises(DependencyError) as raised:
        compilation.kernel()
    assert str(raised.value) == reason
    return reason


def test_without_numba_the_sentence_says_how_to_install_it(monkeypatch, no_kernel):
    monkeypatch.setattr(compilation.platform, "machine", lambda: "arm64")
    reason = refused(monkeypatch, ModuleNotFoundError("no numba", name="numba"))
    assert 'pip install "ctdoseseg[montecarlo]"' in reason


def test_on_an_intel_mac_the_sentence_asks_for_no_installation(monkeypatch, no_kernel):
    monkeypatch.setattr(compilation.sys, "platform", "darwin")
    monkeypatch.setattr(compilation.platform, "machine", lambda: "x86_64")
    reason = refused(monkeypatch, ModuleNotFoundError("no numba", name="numba"))
    assert "Intel" in reason
    assert "pip" not in reason


def test_a_numba_that_does_not_know_this_numpy_is_named(monkeypatch, no_kernel):
    reason = refused(monkeypatch, ImportError("Numba needs NumPy 2.3 or less. Got NumPy 9.9."))
    assert "Got NumPy 9.9" in reason


def test_a_part_of_numba_that_is_missing_is_named(monkeypatch, no_kernel):
    reason = refused(monkeypatch, ModuleNotFoundError("no llvmlite", name="llvmlite"))
    assert "lacks llvmlite" in reason


def run(code, **environment):
    support = Path(__file__).parents[3] / "support"
    paths = os.pathsep.join([str(LIB_PARENT), str(support)])
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_transport_is_imported_without_numba():
    run(
        "import sys; sys.modules['numba'] = None\n"
        "import CTDoseSegLib.dosimetry.montecarlo.transport as transport\n"
        "assert not transport.available()[0]"
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names the cache folder as Linux does")
def test_compiled_code_goes_to_the_users_cache_folder_and_nowhere_else(tmp_path):
    pytest.importorskip("numba")
    beside = Path(compilation.__file__).parent / "__pycache__"
    before = set(beside.glob("*.nb?"))
    cache = tmp_path / "cache"
    run(SMALL_RUN, XDG_CACHE_HOME=str(cache), NUMBA_CACHE_DIR="")
    assert list((cache / "ctdoseseg").rglob("photon_kernel.follow*.nbc"))
    assert set(beside.glob("*.nb?")) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names the cache folder as Linux does")
def test_without_a_cache_folder_the_engine_runs_all_the_same(tmp_path):
    pytest.importorskip("numba")
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder would be")
    run(SMALL_RUN, XDG_CACHE_HOME=str(blocked), NUMBA_CACHE_DIR="")
    assert blocked.is_file()
