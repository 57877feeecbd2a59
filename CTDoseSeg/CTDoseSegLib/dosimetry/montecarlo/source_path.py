"""Where the tube is when it emits: strata along the body and around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FULL_TURN_DEG = (0.0, 360.0)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class SourcePath:
    """The positions of the tube, and how many histories start in each.

    Positions lie uniformly within a stratum, which is a bin of z and a bin of the angle. An angle
    of 0 degrees is a tube anterior of the patient, 90 degrees one at the patient's left. With the
    angles of a full turn this is an axial scan, or a helical one averaged over its start angle. A
    tally can be recombined with other weights of the strata afterwards, so `probability` is
    importance: every stratum that may get weight later needs some.

    Attributes
    ----------
    z_edges_mm
        [n + 1], not decreasing: z of the beam's centre; equal edges are a fixed position.
    probability
        [n]: share of the histories that start in each bin of z; positive, sums to 1.
    angle_bins
        Number of equal bins, a, of the range of angles.
    angle_range_deg
        (first, last); equal ones are a tube that stands still.
    angle_weight
        [n, a] or None: relative number of histories of each angle at each z; None is uniform.

    Raises
    ------
    ValueError
        If edges decrease, a bin has no probability, or the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> path = SourcePath(np.array([0.0, 10.0, 20.0]), np.array([0.25, 0.75]), angle_bins=2)
    >>> path.stratum_probability().tolist()
    [[0.125, 0.125], [0.375, 0.375]]
    """

    z_edges_mm: np.ndarray
    probability: np.ndarray
    angle_bins: int = 16
    angle_range_deg: tuple[float, float] = FULL_TURN_DEG
    angle_weight: np.ndarray | None = None

    def __post_init__(self) -> None:
        edges, share = self.z_edges_mm, self.probability
        if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all():
            raise ValueError("A source path needs at least two finite edges along z.")
        if np.any(np.diff(edges) < 0):
            raise ValueError("The edges of a source path must not decrease along z.")
        if share.shape != (len(edges) - 1,):
            raise ValueError(
                f"A source path of {len(edges) - 1} bins has probabilities of the shape "
                f"{share.shape}."
            )
        if not (np.isfinite(share).all() and (share > 0).all() and abs(share.sum() - 1) < 1e-6):
            raise ValueError(
                "The probabilities of a source path must be positive and sum to 1: a bin without "
                f"histories can get no weight later (sum {share.sum():g}, least {share.min():g})."
            )
        if self.angle_bins < 1:
            raise ValueError(f"A source path has {self.angle_bins} angle bins; it needs one.")
        if not np.isfinite(self.angle_range_deg).all() or np.diff(self.angle_range_deg)[0] < 0:
            raise ValueError(f"A source path turns from {self.angle_range_deg} degrees.")
        weight = self.angle_weight
        if weight is not None and (
            weight.shape != self.shape or not np.isfinite(weight).all() or not (weight > 0).all()
        ):
            raise ValueError(
                f"The angle weights of a source path must be positive numbers of the shape "
                f"{self.shape}, not {weight.shape}."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(z bins, angle bins): the shape of the strata."""
        return len(self.probability), self.angle_bins

    @property
    def angle_edges_deg(self) -> np.ndarray:
        """Edges of the angle bins, [a + 1]."""
        return np.linspace(*self.angle_range_deg, self.angle_bins + 1)

    def stratum_probability(self) -> np.ndarray:
        """Return the share of histories that start in each stratum, [z, a]; sums to 1."""
        weight = np.ones(self.shape) if self.angle_weight is None else self.angle_weight
        shares = self.probability[:, None] * weight / weight.sum(axis=1, keepdims=True)
        probability: np.ndarray = shares / shares.sum()
        return probability

    @classmethod
    def standing_at(cls, z_mm: float, angle_deg: float) -> SourcePath:
        """Return a source that stands still, as TG-195 and a scout view have it."""
        return cls(np.array([z_mm, z_mm]), np.ones(1), 1, (angle_deg, angle_deg))
