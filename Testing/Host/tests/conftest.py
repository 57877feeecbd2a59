"""The host's own tests; they are skipped where slicer-core or PySide6 is not installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
_MISSING = [name for name in ("slicer", "PySide6") if importlib.util.find_spec(name) is None]
if _MISSING:
    collect_ignore_glob = []

    def pytest_collection_modifyitems(items):
        here = Path(__file__).parent
        mark = pytest.mark.skip(reason=f"the test host needs {' and '.join(_MISSING)}")
        for item in items:
            if here in item.path.parents:
                item.add_marker(mark)

else:
    from slicerhost.fixtures import host  # noqa: F401 - a fixture


@pytest.fixture
def demo() -> Path:
    """The demonstration module's file."""
    return Path(__file__).parent / "data" / "HostDemo" / "HostDemo.py"


@pytest.fixture
def ct(host):
    """A small CT of a block in air, shown in the slice views."""
    import numpy as np
    import slicer

    array = np.full((40, 64, 64), -1000, np.int16)
    array[5:35, 12:52, 16:48] = 40
    node = slicer.util.addVolumeFromArray(array, np.diag([-5.0, -5.0, 5.0, 1.0]), "CT")
    node.CreateDefaultDisplayNodes()
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node
