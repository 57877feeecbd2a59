"""The usage examples of what reads files."""

from __future__ import annotations

import doctest

import pytest

from CTDoseSegLib.ct import geometry
from CTDoseSegLib.reading import reader
from CTDoseSegLib.segmentation import user


@pytest.mark.parametrize("module", [reader, user, geometry], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
