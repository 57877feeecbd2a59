"""The module in the test host; skipped where slicer-core and PySide6 are not installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from module_steps import (
    MODULE,
    SMALL,
    choose_monte_carlo,
    draw_phantoms_once,
    show_result,
    show_simulation,
)

import CTDoseSegLib  # noqa: F401 - the package that all tests share, whichever comes first

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing" / "Host"))
_MISSING = [name for name in ("slicer", "PySide6") if importlib.util.find_spec(name) is None]
if _MISSING:

    def pytest_collection_modifyitems(items):
        here = Path(__file__).parent
        mark = pytest.mark.skip(reason=f"the test host needs {' and '.join(_MISSING)}")
        for item in items:
            if here in item.path.parents:
                item.add_marker(mark)

else:
    from slicerhost.fixtures import host  # noqa: F401 - a fixture


def known() -> dict:
    """The modules of the package as they are imported now."""
    return {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "CTDoseSegLib"}


@pytest.fixture(autouse=True)
def same_package():
    """A module that is reloaded imports the package anew; later tests get the one they know."""
    before = known()
    yield
    if sys.modules.get("CTDoseSegLib") is before["CTDoseSegLib"]:
        return
    for name in known():
        del sys.modules[name]
    sys.modules.update(before)
    # A package remembers its modules beside sys.modules, those too that came in between.
    for name, package in before.items():
        for attribute, value in list(vars(package).items()):
            own = f"{name}.{attribute}"
            if getattr(value, "__name__", None) == own and own not in before:
                delattr(package, attribute)


@pytest.fixture
def panel(host, monkeypatch):
    """The module, loaded and open."""
    host.load_module(MODULE)
    draw_phantoms_once(monkeypatch)
    return host.open("CTDoseSeg")


@pytest.fixture
def phantom(panel):
    """A small phantom CT with its organs in the scene; exposure is typed, nothing is run."""
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    volume, organs = load_phantom(**SMALL)
    parameters = panel._parameterNode
    parameters.inputVolume = volume
    parameters.ctdivol_mGy = "8.1"
    parameters.phantom_cm = "32"
    return volume, organs


@pytest.fixture
def use_organs(panel, phantom):
    """The panel set to take the phantom's own organs."""
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.EXISTING
    panel._parameterNode.inputSegmentation = phantom[1]
    return panel


@pytest.fixture
def analysed(host, use_organs):
    """The panel as after Apply with the phantom's own organs."""
    show_result(host, use_organs)
    return use_organs


@pytest.fixture
def simulated(host, use_organs):
    """The panel as after Apply with Monte Carlo, once the simulation has ended."""
    pytest.importorskip("numba", reason="Monte Carlo needs it")
    choose_monte_carlo(use_organs)
    host.process_events()
    show_result(host, use_organs)
    show_simulation(host, use_organs)
    return use_organs
