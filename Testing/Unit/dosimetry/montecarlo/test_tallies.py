"""Other exposures are weighted sums of one tally."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo.tally import MEDIUM, Tally


def tally_of(energies: list[list[float]], probability) -> Tally:
    """A tally of one score from the energies of each stratum's histories."""
    sums = np.array([[sum(e) for e in energies]])
    squares = np.array([[sum(x * x for x in e) for e in energies]])
    shape = (3, 1, len(energies), 1)
    return Tally(
        ("organ",),
        np.array(probability)[:, None],
        np.array([[len(e)] for e in energies]),
        np.broadcast_to(sums[..., None], shape),
        np.broadcast_to(squares[..., None], shape),
        None,
        np.array([sum(map(len, energies))]),
        0.0,
        0.0,
    )


def test_the_mean_is_the_weighted_mean_of_the_strata():
    tally = tally_of([[1.0, 3.0], [10.0, 10.0, 13.0]], [0.4, 0.6])
    mean, _ = tally.mean_energy_keV(MEDIUM, np.array([[30.0], [10.0]]))
    assert mean == pytest.approx([0.75 * 2.0 + 0.25 * 11.0])


def test_the_error_is_that_of_the_strata_alone():
    tally = tally_of([[1.0, 3.0], [10.0, 10.0, 13.0]], [0.4, 0.6])
    _, se = tally.mean_energy_keV(MEDIUM, np.array([[30.0], [10.0]]))
    assert se == pytest.approx([np.sqrt(0.75**2 * 2.0 / 2 + 0.25**2 * 3.0 / 3)])
    _, se = tally_of([[2.0] * 5, [7.0] * 5], [0.5, 0.5]).mean_energy_keV()
    assert se == pytest.approx([0.0])


def test_a_stratum_with_one_history_gets_a_mean_without_bias_and_an_error_not_too_small():
    rng = np.random.default_rng(1)
    level, weights = np.array([1.0, 20.0]), np.array([[1.0], [1.0]])
    runs = [
        tally_of([list(rng.exponential(1.0, 3)), list(rng.exponential(20.0, 1))], [0.75, 0.25])
        for _ in range(4000)
    ]
    means, errors = np.transpose([r.mean_energy_keV(MEDIUM, weights) for r in runs])[0]
    assert np.mean(means) == pytest.approx(0.5 * level.sum(), rel=0.03)
    assert np.mean(np.square(errors)) > np.var(means)


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        (np.ones((3, 1)), "do not fit strata"),
        (np.zeros((2, 1)), "not all zero"),
        (np.array([[1.0], [-1.0]]), "not negative"),
        (np.array([[1.0], [np.nan]]), "finite"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, problem):
    with pytest.raises(ValueError, match=problem):
        tally_of([[1.0, 2.0], [1.0, 2.0]], [0.5, 0.5]).mean_energy_keV(MEDIUM, weights)


def test_a_stratum_that_no_history_could_start_in_gets_no_weight():
    tally = tally_of([[1.0, 2.0], []], [1.0, 0.0])
    assert tally.mean_energy_keV()[0] == pytest.approx([1.5])
    with pytest.raises(ValueError, match="no history could start"):
        tally.mean_energy_keV(MEDIUM, np.array([[1.0], [1.0]]))
