"""An edited segmentation is held against anatomy as one from Apply is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ctdoseseg_ui.session import Session
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.result import Result
from CTDoseSegLib.segmentation.atoms import named_atom
from CTDoseSegLib.segmentation.doubt import Doubt, OrganDoubt, unsure_flag
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


def test_an_edited_organ_loses_the_networks_doubt_and_the_others_keep_it():
    phantom = Phantom(seed=1, shape=(96, 96, 30), spacing_mm=(4.6, 4.6, 18.0))
    series, truth = phantom_series(phantom)
    atoms = tuple(named_atom(value, name, "test") for name, value in truth.names.items())
    none = np.zeros(30)
    organs = ("liver", "spleen")
    first = Labelmap(
        truth.labels.copy(),
        series.affine,
        atoms,
        dict(truth.groups),
        "test",
        tuple(unsure_flag(name, 0.8) for name in organs),
        doubt=Doubt({name: OrganDoubt(10, 10, 8, none, none, none) for name in organs}),
    )
    # As it comes back from a file or a scene, with neither flags nor doubt.
    before = Result.from_json(Result.of(analyze(series, first)).to_json())
    drawn = replace(first, labels=truth.labels.copy(), flags=(), doubt=None)
    session = Session(series, before=before)
    session.take(drawn, complete=True)

    def unsure(analysis):
        labelmap, doses = analysis.labelmap, analysis.doses.organs
        flags = [flag.place for flag in labelmap.flags if flag.code == "organ_unsure"]
        assert [f"organ {name}" for name in labelmap.doubt.atoms] == flags
        words = {o.organ: o.segmentation_certainty for o in doses if o.segmentation_certainty}
        assert words == dict.fromkeys(labelmap.doubt.atoms, "uncertain")
        return flags

    assert unsure(session.analysis()) == ["organ liver", "organ spleen"]
    edited = truth.labels.copy()
    k, j, i = np.argwhere(edited == truth.names["liver"])[0]
    edited[k, j, i] = truth.names["body_rest"]
    session.take(replace(drawn, labels=edited))
    assert unsure(session.analysis()) == ["organ spleen"]
