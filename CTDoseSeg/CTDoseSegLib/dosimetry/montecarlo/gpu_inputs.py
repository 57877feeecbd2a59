"""The arrays of `kernel_inputs` as NVIDIA Warp's kernel reads them. Imported by `gpu` alone.

Coefficients, places and energies are float32 here; cumulative distributions, and what is summed
over histories, are float64.
"""

from typing import Any, NamedTuple

import numpy as np
import warp as wp

from . import kernel_inputs

_FLOAT64 = {
    "cumulative",
    "fan_cumulative",
    "line_cumulative",
    "k_cumulative",
    "form_factor",
    "x2",
}


@wp.struct
class Matter:
    """The grid, as `kernel_inputs.Matter`; low and high are the ends of its box in voxels."""

    records: wp.array2d[wp.float32]
    nx: wp.int32
    ny: wp.int32
    low: wp.vec3
    high: wp.vec3
    per_cm: wp.vec3
    mu_max: wp.array[wp.float32]


@wp.struct
class Physics:
    """Photon data, as `kernel_inputs.Physics`."""

    coefficients: wp.array3d[wp.float32]
    tissues: wp.array2d[wp.float32]
    first_keV: wp.float32
    per_keV: wp.float32
    last_cell: wp.int32
    scattering: wp.array2d[wp.float32]
    per_root_x: wp.float32
    x2: wp.array[wp.float64]
    form_factor: wp.array2d[wp.float64]
    k_line_keV: wp.array[wp.float32]
    k_cumulative: wp.array[wp.float64]


@wp.struct
class Source:
    """Strata and beam, as `kernel_inputs.Source`."""

    cumulative: wp.array[wp.float64]
    z_cm: wp.array[wp.float32]
    z_width_cm: wp.array[wp.float32]
    angle: wp.array[wp.float32]
    angle_width: wp.array[wp.float32]
    fan: wp.array[wp.int32]
    line: wp.array[wp.int32]
    map_weight: wp.array[wp.float32]
    fan_edges: wp.array[wp.float32]
    fan_cumulative: wp.array[wp.float64]
    line_cumulative: wp.array2d[wp.float64]
    energies: wp.array[wp.float32]
    half_cone: wp.float32
    focus_cm: wp.float32
    isocentre_x_cm: wp.float32
    isocentre_y_cm: wp.float32


@wp.struct
class Scoring:
    """Scores of each region (first, score: sparse rows), sums, and each thread's scratch.

    sums and squares are [stratum, score, 3], balance is (emitted, escaped), voxel_map [batch,
    voxel, 2], all in keV or its square. The sums of the history that a thread follows are energy
    [score, thread], by detector, and touched [n, thread] lists the scores that it has met.
    """

    first: wp.array[wp.int32]
    score: wp.array[wp.int32]
    energy: wp.array2d[wp.vec3]
    touched: wp.array2d[wp.int32]
    histories: wp.array[wp.int64]
    sums: wp.array3d[wp.float64]
    squares: wp.array3d[wp.float64]
    balance: wp.array[wp.float64]
    voxel_map: wp.array3d[wp.float32]


def matter_on(device: str, matter: kernel_inputs.Matter) -> Matter:
    """Return the grid on a device."""
    x_low, x_high, y_low, y_high, z_low, z_high = matter.box
    on = Matter()
    on.records = _array(device, "records", matter.records)
    on.mu_max = _array(device, "mu_max", matter.mu_max)
    on.nx, on.ny = matter.nx, matter.ny
    on.low, on.high = wp.vec3(x_low, y_low, z_low), wp.vec3(x_high, y_high, z_high)
    on.per_cm = wp.vec3(matter.per_x, matter.per_y, matter.per_z)
    return on


def physics_on(device: str, physics: kernel_inputs.Physics) -> Physics:
    """Return photon data on a device."""
    return _filled(device, Physics(), physics)


def source_on(device: str, source: kernel_inputs.Source) -> Source:
    """Return strata and beam on a device."""
    return _filled(device, Source(), source)


def scoring_on(
    device: str,
    groups: kernel_inputs.Groups,
    sums: kernel_inputs.Sums,
    map_shape: tuple[int, ...],
    threads: int,
) -> Scoring:
    """Return sums of nothing on a device, of the shapes of `sums`, and scratch for its threads."""
    _, scores, _ = sums.energy.shape
    on = Scoring()
    on.first = _array(device, "first", groups.first)
    on.score = _array(device, "score", groups.score)
    on.energy = wp.zeros((scores, threads), dtype=wp.vec3, device=device)
    on.touched = wp.zeros((scores, threads), dtype=wp.int32, device=device)
    on.histories = wp.zeros(sums.histories.shape, dtype=wp.int64, device=device)
    on.sums = wp.zeros(sums.energy.shape, dtype=wp.float64, device=device)
    on.squares = wp.zeros(sums.squares.shape, dtype=wp.float64, device=device)
    on.balance = wp.zeros(sums.balance.shape, dtype=wp.float64, device=device)
    on.voxel_map = wp.zeros(map_shape, dtype=wp.float32, device=device)
    return on


def _filled(device: str, struct: Any, values: NamedTuple) -> Any:
    """Return a struct with the values of the same names, its arrays on a device."""
    for name, value in values._asdict().items():
        on = _array(device, name, value) if isinstance(value, np.ndarray) else value
        setattr(struct, name, on)
    return struct


def _array(device: str, name: str, values: np.ndarray) -> Any:
    if np.issubdtype(values.dtype, np.integer):
        dtype = wp.int32
    else:
        dtype = wp.float64 if name in _FLOAT64 else wp.float32
    return wp.array(values, dtype=dtype, device=device)
