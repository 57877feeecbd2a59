"""A dose in every voxel, as an engine that follows the radiation gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class DoseMap:
    """Absorbed dose on a grid of voxels.

    Attributes
    ----------
    dose_mGy
        float32 [k, j, i]; finite and not negative.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm; the grid need not be that of the CT.
    statistical_sd_mGy
        float32 [k, j, i]: standard deviation of each voxel's dose from the number of histories
        alone.
    histories
        Number of simulated particles.
    soft_tissue_batches_mGy
        float32 [batch, k, j, i]: dose to soft tissue in the same fluence, from each batch of
        histories alone; None where it was not asked for. It does not jump at bone, so that the
        dose of another region follows from it, with the uncertainty of that region.

    Raises
    ------
    ValueError
        If the arrays differ in shape, a dose or a standard deviation is not a possible number, or
        the affine is not an invertible 4 x 4 matrix: a mistake in the engine.

    Examples
    --------
    >>> import numpy as np
    >>> dose_mGy = np.full((2, 3, 4), 5, np.float32)
    >>> dose_map = DoseMap(dose_mGy, np.diag([2.0, 2.0, 5.0, 1.0]), 0.01 * dose_mGy, 1_000_000)
    >>> f"{dose_map.dose_mGy.mean():.1f} mGy in voxels of {dose_map.voxel_ml:.2f} ml"
    '5.0 mGy in voxels of 0.02 ml'
    """

    dose_mGy: np.ndarray
    affine: np.ndarray
    statistical_sd_mGy: np.ndarray
    histories: int
    soft_tissue_batches_mGy: np.ndarray | None = None

    def __post_init__(self) -> None:
        for what, values in (("dose", self.dose_mGy), ("uncertainty", self.statistical_sd_mGy)):
            if values.ndim != 3 or values.dtype != np.float32:
                raise ValueError(
                    f"The {what} of a dose map must be a three-dimensional float32 array, not a "
                    f"{values.ndim}-dimensional {values.dtype} one."
                )
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise ValueError(
                    f"The {what} of a dose map must be finite and not negative in every voxel."
                )
        if self.statistical_sd_mGy.shape != self.dose_mGy.shape:
            raise ValueError(
                f"The dose map has {self.dose_mGy.shape} voxels and its uncertainty "
                f"{self.statistical_sd_mGy.shape}; they must be equal."
            )
        whole = self.affine.shape == (4, 4) and np.isfinite(self.affine).all()
        if not whole or abs(np.linalg.det(self.affine)) < 1e-9:
            raise ValueError("The dose map's affine is not an invertible 4 x 4 matrix.")
        if isinstance(self.histories, bool) or not isinstance(self.histories, int | np.integer):
            raise ValueError(f"A dose map has {self.histories!r} histories; give their number.")
        if self.histories < 1:
            raise ValueError(f"A dose map has {self.histories} histories; it needs at least 1.")
        batches = self.soft_tissue_batches_mGy
        if batches is not None and (
            batches.ndim != 4 or len(batches) < 2 or batches.shape[1:] != self.dose_mGy.shape
        ):
            raise ValueError(
                f"The batches of a dose map have {batches.shape} voxels; give two or more of "
                f"{self.dose_mGy.shape}."
            )

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0
