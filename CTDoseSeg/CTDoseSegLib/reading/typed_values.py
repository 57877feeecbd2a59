"""Values of an exposure that a user typed, in place of those that were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ct.acquisition import TypedAcquisition
from ..ct.series import CTSeries
from ..errors import AcquisitionError
from .missing_values import without_answered

# Flags about values of single slices, by the column that takes their place when it is typed.
_OUTLYING = {"tube_current_outlying": "tube_current_mA", "ctdivol_outlying": "ctdivol_mGy"}


def with_typed(series: CTSeries, typed: TypedAcquisition) -> CTSeries:
    """Return `series` with the values that a user typed in place of its own.

    Parameters
    ----------
    series
        Any CT.
    typed
        Checked values.

    Returns
    -------
    CTSeries

    Raises
    ------
    AcquisitionError
        If a list has neither one value nor one for each slice.
    """
    columns = _columns(typed, len(series.slices))
    acquisition = typed.apply(series.acquisition)
    slices = [
        replace(item, **{name: values[k] for name, values in columns.items()})
        for k, item in enumerate(series.slices)
    ]
    rotation, pitch = acquisition.rotation_time_s, acquisition.pitch
    touched = {"rotation_time_s", "pitch", "tube_current_mA"} & {*typed.values, *columns}
    if "effective_mAs" not in columns and touched and rotation and pitch:
        slices = [
            item
            if item.tube_current_mA is None
            else replace(item, effective_mAs=item.tube_current_mA * rotation / pitch)
            for item in slices
        ]
        sources = {
            **acquisition.sources,
            "effective_mAs": "computed: mA x rotation time / pitch (user)",
        }
        acquisition = replace(acquisition, sources=sources)
    flags = without_answered(series.flags, acquisition, slices)
    flags = tuple(f for f in flags if _OUTLYING.get(f.code) not in columns)
    return replace(series, acquisition=acquisition, slices=tuple(slices), flags=flags)


def _columns(typed: TypedAcquisition, n_slices: int) -> dict[str, Sequence[float]]:
    """Return the typed values that belong to slices, one for each."""
    columns: dict[str, Sequence[float]] = {}
    for name, values in typed.per_slice.items():
        if len(values) not in (1, n_slices):
            raise AcquisitionError(
                f"{name} has {len(values)} values for {n_slices} slices; give one for "
                "all or one for each."
            )
        columns[name] = values * n_slices if len(values) == 1 else values
    return columns
