"""What the tests of TotalSegmentator's weights share."""

from __future__ import annotations

import pytest


@pytest.fixture
def store(tmp_path, monkeypatch):
    """TotalSegmentator's folder of weights, which is not there yet."""
    folder = tmp_path / "Gewichte ü"
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(folder))
    return folder
