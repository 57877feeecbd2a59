"""An edited segmentation is held against anatomy as one from Apply is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CTDoseSegLib.ctdoseseg_ui.session import Session
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.atoms import named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap


def test_a_mirrored_volume_is_flagged_after_an_edit_and_nothing_is_changed():
    phantom = Phantom(seed=1, shape=(96, 96, 30), spacing_mm=(4.6, 4.6, 18.0))
    series, truth = phantom_series(phantom)
    atoms = tuple(named_atom(value, name, "test") for name, value in truth.names.items())
    codes = {}
    for side in (1, -1):
        affine = np.diag([side, 1.0, 1.0, 1.0]) @ series.affine
        labelmap = Labelmap(truth.labels, affine, atoms, dict(truth.groups), "test")
        session = Session(replace(series, affine=affine))
        session.take(labelmap, complete=True)
        made = session.analysis().labelmap
        codes[side] = {flag.code for flag in made.flags}
        assert np.array_equal(made.labels, truth.labels)
    assert "mirrored" in codes[-1] - codes[1]
