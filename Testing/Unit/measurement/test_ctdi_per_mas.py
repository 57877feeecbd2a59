"""CTDIvol per effective mAs: the range of all scanners, and the table of a few models."""

from __future__ import annotations

import math

import pytest

from CTDoseSegLib.measurement.ctdi_per_mas import (
    known_output,
    known_outputs,
    phantom_by_output,
    possible_ctdivol_per_mas,
)

FLASH = ("SIEMENS", "SOMATOM Definition Flash", 120.0, 32, 38.4)


def test_every_row_of_the_table_lies_in_the_range_of_its_phantom():
    for row in known_outputs():
        low, high = possible_ctdivol_per_mas(row.kvp_kV, row.phantom_cm)
        assert low <= row.ctdivol_mGy_per_100mAs / 100 <= high, row
        assert row.source
        assert 0 < row.relative_sd < 0.3


def test_a_value_is_never_narrower_than_35_per_cent_on_either_side():
    for row in known_outputs():
        low, high = (math.exp(sign * 1.645 * row.log_sd) for sign in (-1, 1))
        assert low <= 0.65 + 1e-9
        assert high >= 1.35


@pytest.mark.parametrize(
    ("changed", "per_100mAs"),
    [
        ({}, 6.76),
        ({"manufacturer": "Siemens Healthineers"}, 6.76),
        ({"model": "SOMATOM definition  flash"}, 6.76),
        ({"collimation_mm": None}, 6.76),
        ({"collimation_mm": 10.0}, None),
        ({"kvp_kV": 100.0}, None),
        ({"phantom_cm": 16}, None),
        ({"model": "SOMATOM Definition"}, None),
        ({"manufacturer": "Canon"}, None),
        ({"model": None}, None),
        ({"kvp_kV": None}, None),
        ({"manufacturer": "GE MEDICAL SYSTEMS", "model": "LightSpeed VCT"}, 8.49),
    ],
)
def test_a_row_is_taken_for_its_own_make_model_voltage_phantom_and_collimation(changed, per_100mAs):
    names = ("manufacturer", "model", "kvp_kV", "phantom_cm", "collimation_mm")
    row = known_output(**{**dict(zip(names, FLASH, strict=True)), **changed})
    assert (row.ctdivol_mGy_per_100mAs if row else None) == per_100mAs


@pytest.mark.parametrize(
    ("kvp", "phantom", "inside"),
    [
        # Values displayed or measured, mGy per mAs.
        (120.0, 32, (0.0548, 0.0848, 0.1005)),
        (120.0, 16, (0.159, 0.223)),
        (100.0, 32, (0.041,)),
        (120.0, None, (0.0548, 0.223)),
        # Weighted CTDI of Definition AS and Aquilion 64.
        (80.0, 32, (0.021, 0.0432)),
        (140.0, 32, (0.110, 0.094)),
        (135.0, 32, (0.1541,)),
    ],
)
def test_the_range_holds_what_scanners_have_at_other_voltages_too(kvp, phantom, inside):
    low, high = possible_ctdivol_per_mas(kvp, phantom)
    assert all(low <= value <= high for value in inside)
    assert not low <= 0.5 * low <= high
    assert not low <= 2 * high <= high


@pytest.mark.parametrize(
    ("ratio", "kvp", "phantom"),
    [
        (0.0548, 120.0, 32),
        (0.0873, 120.0, 32),
        (0.159, 120.0, 16),
        (0.223, 120.0, 16),
        (0.1005, 120.0, None),
        (0.12, 120.0, None),
        (0.041, 100.0, 32),
        (0.03, 120.0, None),
        (0.5, 120.0, None),
        (0.07, 30.0, None),
    ],
)
def test_a_ratio_tells_the_phantom_only_where_the_other_is_excluded(ratio, kvp, phantom):
    assert phantom_by_output(ratio, kvp) == phantom


def test_beyond_the_voltages_of_ct_nothing_is_known():
    assert possible_ctdivol_per_mas(40.0, 32) is None
