"""Tallies whose doses are known by hand, for what is made of them."""

from __future__ import annotations

import numpy as np

from CTDoseSegLib.dosimetry.montecarlo.exposure import Exposure
from CTDoseSegLib.dosimetry.montecarlo.response import Response, path_of
from CTDoseSegLib.dosimetry.montecarlo.tally import Tally

PER_STRATUM = 1000


def tally_of(names, path, energy_keV, *, scatter: float = 0.1, per_stratum: int = PER_STRATUM):
    """A tally whose histories of a stratum left `energy_keV` [detector, score, z, a] on average.

    `scatter` is the standard deviation of a history's energy over its mean.
    """
    energy = np.broadcast_to(np.asarray(energy_keV, float), (3, len(names), *path.shape))
    number = np.full(path.shape, per_stratum)
    squares = number * energy**2 + (number - 1) * (scatter * energy) ** 2
    return Tally(
        tuple(names),
        path.stratum_probability(),
        number,
        energy * number,
        squares,
        None,
        np.array([number.sum()]),
        1.0,
        0.0,
    )


def exposure_between(low, high, ctdivol_mGy=10.0, *, edge_sd_mm=0.0, feed_mm=None, **changes):
    """An exposure with slices every 5 mm from 0 to 200 mm; `ctdivol_mGy` is one number or [41]."""
    z_mm = np.arange(41) * 5.0
    values = np.broadcast_to(np.asarray(ctdivol_mGy, float), z_mm.shape)
    return Exposure(z_mm, values, (low, high), edge_sd_mm, 32, 20.0, feed_mm, **changes)


def response_of(exposure, names, energy_keV, *, mass_g=None, kerma=(1e-10, 0.0), **tally):
    """A response to an exposure with its own path."""
    path = path_of(exposure)
    mass = np.ones(len(names)) if mass_g is None else np.asarray(mass_g, float)
    made = tally_of(names, path, energy_keV(path) if callable(energy_keV) else energy_keV, **tally)
    return Response(made, path, mass, *kerma)


def by_z(function):
    """Energy that depends on z alone, the same for every detector and score, for `response_of`."""

    def energy(path):
        middles = (path.z_edges_mm[1:] + path.z_edges_mm[:-1]) / 2
        return np.broadcast_to(function(middles)[:, None], path.shape)

    return energy
