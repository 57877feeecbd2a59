"""The phantom that several tests look at."""

from __future__ import annotations

import pytest

from CTDoseSegLib.phantom.phantom import Phantom


@pytest.fixture(scope="module")
def trunk():
    """A coarse phantom on a couch, its HU and its truth."""
    phantom = Phantom(seed=3, couch=True, shape=(96, 96, 14), spacing_mm=(4.6, 4.6, 38.0))
    return phantom, *phantom.render()
