"""Organs of a body's belly lie where they lie in people."""

from __future__ import annotations

import numpy as np
import pytest
from belly_grid import Grid, reference_man, touching


@pytest.fixture(scope="module", params=(5, 11))
def grid(request) -> Grid:
    return reference_man(request.param)


def liver_share(grid: Grid, *atoms: str) -> float:
    return float(touching(grid, atoms)[[a == "liver" for a in grid.atoms]].sum())


def test_the_gallbladder_lies_in_a_fossa_of_the_liver(grid):
    assert 0.03 < liver_share(grid, "gallbladder_wall", "gallbladder_contents") < 0.6


def test_the_right_adrenal_lies_behind_the_caval_vein_above_the_kidney(grid):
    gland, vein = grid.at("adrenal_gland_right"), grid.at("inferior_vena_cava")
    beside = vein[np.abs(vein[:, 2] - gland[:, 2].mean()) < 6.0]
    assert gland[:, 1].mean() < beside[:, 1].mean()
    assert gland[:, 2].mean() > grid.at("kidney_right")[:, 2].mean() + 35.0
    assert liver_share(grid, "adrenal_gland_right") < 0.5


def test_the_duodenum_runs_round_the_head_of_the_pancreas(grid):
    pancreas, gut = grid.at("pancreas"), grid.at("duodenum_wall", "duodenum_contents")
    head = pancreas[pancreas[:, 0] > 10.0]
    assert liver_share(grid, "pancreas") < 0.35
    assert gut[:, 0].max() > head[:, 0].max()
    assert gut[:, 2].min() < head[:, 2].min()
    right = gut[gut[:, 0] > head[:, 0].mean()]
    assert right[:, 2].max() > head[:, 2].mean() > right[:, 2].min()
    left_end = gut[gut[:, 0] < 0.0]
    assert left_end[:, 2].max() > gut[:, 2].min() + 20.0  # it rises again to the jejunum


@pytest.mark.parametrize(("side", "name"), [(1, "right"), (-1, "left")])
def test_a_psoas_runs_from_the_first_lumbar_vertebra_to_the_groin(grid, side, name):
    muscle = grid.at(f"iliopsoas_{name}")
    assert (side * muscle[:, 0]).min() > 0
    assert muscle[:, 2].max() > -85.0
    assert muscle[:, 2].min() < -380.0
    vertebra = grid.at("vertebrae_L3_cortex", "vertebrae_L3_spongiosa")
    level = muscle[np.abs(muscle[:, 2] - vertebra[:, 2].mean()) < 4.0]
    assert 25.0 < side * level[:, 0].mean() < 60.0
    assert 300 < len(level) < 3000
