"""The doors of the package are documented in full, by numpydoc's own checks."""

from __future__ import annotations

import pytest

import CTDoseSegLib

# No docstring, no summary, a summary without a full stop or not in the imperative, parameters
# that are missing, unknown or in another order, no Returns, no Examples.
CHECKED = ("GL08", "SS01", "SS03", "SS05", "PR01", "PR02", "PR03", "RT01", "EX01")
DOORS = [name for name in CTDoseSegLib.__all__ if name[0].islower()]


@pytest.mark.parametrize("name", DOORS)
def test_a_door_is_documented_in_full(name):
    validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is a package of [dev]")
    function = getattr(CTDoseSegLib, name)
    problems = validate.validate(f"{function.__module__}.{function.__qualname__}")["errors"]
    assert not [f"{code}: {text}" for code, text in problems if code in CHECKED]
