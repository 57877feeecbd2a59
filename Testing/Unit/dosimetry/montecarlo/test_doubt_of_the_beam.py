"""What another beam would do to organ doses, from one run stored by fan bin and energy."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo.beam_doubt import beam_components, compared
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of, model_of
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history
from CTDoseSegLib.dosimetry.montecarlo.tally import Tally

GENERIC = model_of("generic body")
BEAMS = compared([beam_of(model, 120.0) for model in (GENERIC, *GENERIC.variants())])
CENTRE, EDGE, KERMA = range(3)


def tally(beam):
    """Three organs: one met by the middle of the fan alone, one by its edges, one like CTDIw."""
    fan, energies = beam.photons.shape
    middles = (beam.fan_tangent_edges[1:] + beam.fan_tangent_edges[:-1]) / 2
    energy = np.zeros((3, fan, energies))
    energy[CENTRE] = (np.abs(middles) < 0.06)[:, None]
    energy[EDGE] = (np.abs(middles) > 0.25)[:, None]
    # What CTDIw takes of a photon, by asking it of beams of one fan bin and energy each.
    single = np.zeros((fan, energies))
    for f in range(fan):
        for e in range(energies):
            single[...] = 0.0
            single[f, e] = 1.0
            one = type(beam)(**{**vars(beam), "photons": single.copy()})
            energy[KERMA, f, e] = ctdi_weighted_per_history(one, 32)[0] * 1e12
    number = np.full((1, 1, fan, energies), 1000)
    sums = np.broadcast_to(energy[:, None, None] * number, (3, 3, 1, 1, fan, energies))
    probability = beam.probabilities()[None, None]
    squares = sums**2 / number
    names = ("centre", "edge", "kerma")
    total = np.array([number.sum()])
    return Tally(names, probability, number, sums, squares, None, total, 1.0, 0.0)


def test_few_bins_keep_the_photons_and_their_energy():
    for model, few in zip((GENERIC, *GENERIC.variants()), BEAMS, strict=True):
        fine = beam_of(model, 120.0)
        assert few.mean_energy_keV == pytest.approx(fine.mean_energy_keV, rel=3e-3)
        c_few, c_fine = (ctdi_weighted_per_history(one, 32)[0] for one in (few, fine))
        assert c_few == pytest.approx(c_fine, rel=0.01)
        assert few.photons.shape == BEAMS[0].photons.shape


def test_the_component_is_what_the_other_beams_do_over_what_they_do_to_ctdi():
    made = tally(BEAMS[0])
    found = beam_components(made, np.ones((1, 1)), BEAMS, 32)
    # By hand, for the organ in the middle of the fan.
    shares = [one.probabilities() for one in BEAMS]
    kermas = [ctdi_weighted_per_history(one, 32)[0] for one in BEAMS]
    middles = (BEAMS[0].fan_tangent_edges[1:] + BEAMS[0].fan_tangent_edges[:-1]) / 2
    central = np.abs(middles) < 0.06
    doses = [share[central].sum() / c for share, c in zip(shares, kermas, strict=True)]
    change = np.log(np.array(doses) / doses[0])
    by_hand = np.hypot((change[2] - change[1]) / 2, np.sqrt(np.mean(change[3:] ** 2)))
    assert found[CENTRE] == pytest.approx(by_hand, rel=1e-6)
    assert 0.02 < found[CENTRE] < 0.3
    assert found[EDGE] > 0.02


def test_what_is_met_as_the_ctdi_chambers_are_has_no_doubt_of_the_beam():
    found = beam_components(tally(BEAMS[0]), np.ones((1, 1)), BEAMS, 32)
    assert found[KERMA] == pytest.approx(0.0, abs=1e-6)


def test_an_organ_that_no_photon_reached_has_none_either():
    made = tally(BEAMS[0])
    empty = Tally(
        **{**vars(made), "sums_keV": made.sums_keV * 0, "squares_keV2": made.squares_keV2 * 0}
    )
    assert not beam_components(empty, np.ones((1, 1)), BEAMS, 32).any()
