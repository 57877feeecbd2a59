"""The area of each label on each slice, as a table with mean and standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .tables import write_csv

AREA_COLUMNS = ("slice_index", "instance_number")
MEAN, SD = "mean", "sd"
# A millionth of a mm2: less than any pixel, and more than what products of binary numbers are off.
DECIMALS = 6


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class AreaTable:
    """Areas by slice and label.

    Attributes
    ----------
    names
        Of the labels.
    instances
        InstanceNumber of each slice, None where it has none, [k].
    area_mm2
        Pixels times the area of one, [k, label].
    """

    names: tuple[str, ...]
    instances: tuple[int | None, ...]
    area_mm2: np.ndarray

    @classmethod
    def of(
        cls,
        labels: np.ndarray,
        names: Sequence[str],
        pixel_area_mm2: float,
        instances: Sequence[int | None] = (),
    ) -> AreaTable:
        """Measure labels.

        Parameters
        ----------
        labels
            uint8 [k, j, i]: 1 is the first name, 0 none.
        names
            Of the labels, in the order of their values.
        pixel_area_mm2
            Distance between rows times that between columns.
        instances
            InstanceNumber of each slice.

        Returns
        -------
        AreaTable

        Examples
        --------
        >>> labels = np.zeros((2, 4, 4), np.uint8)
        >>> labels[0, :2] = 1
        >>> table = AreaTable.of(labels, ("muscle",), 0.25)
        >>> table.area_mm2.tolist(), table.mean_mm2.tolist()
        ([[2.0], [0.0]], [1.0])
        """
        values = len(names) + 1
        pixels = [np.bincount(image.ravel(), minlength=values)[1:values] for image in labels]
        area = np.array(pixels, np.int64).reshape(len(labels), len(names)) * pixel_area_mm2
        return cls(tuple(names), tuple(instances) or (None,) * len(labels), area)

    @property
    def mean_mm2(self) -> np.ndarray:
        """Mean of each label over all slices, those without it as 0, [label]."""
        return self.area_mm2.mean(axis=0)

    @property
    def sd_mm2(self) -> np.ndarray:
        """Standard deviation over all slices with n - 1 degrees of freedom, [label].

        NaN for a single slice.
        """
        if len(self.area_mm2) < 2:
            return np.full(len(self.names), np.nan)
        return self.area_mm2.std(axis=0, ddof=1)

    def only(self, names: Sequence[str]) -> AreaTable:
        """Return the table of some labels."""
        kept = [self.names.index(name) for name in names]
        return AreaTable(tuple(names), self.instances, self.area_mm2[:, kept])

    def write(self, path: Path) -> Path:
        """Write a row a slice, then ``mean`` and ``sd``; all to a millionth of a mm2."""
        rows: list[Sequence[object]] = [
            (k, self.instances[k], *map(_cell, self.area_mm2[k])) for k in range(len(self.area_mm2))
        ]
        rows += [(MEAN, None, *map(_cell, self.mean_mm2)), (SD, None, *map(_cell, self.sd_mm2))]
        return write_csv(path, (*AREA_COLUMNS, *(f"{name}_mm2" for name in self.names)), rows)


def _cell(area_mm2: float) -> str | None:
    return None if np.isnan(area_mm2) else repr(round(float(area_mm2), DECIMALS))
