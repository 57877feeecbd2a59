"""One analysed CT in memory, so that an edit costs no more than the slices that it touched."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

# Here and not where it is used: its import takes half a second, which the first edit would wait.
from scipy import ndimage

from ..analysis import Analysis, analyze
from ..ct.organs import OUTSIDE_BODY
from ..ct.series import CTSeries
from ..dosimetry.scan import Scan
from ..measurement.body_contour import BodyContours, trace_contours
from ..measurement.measurements import Measurements, measure
from ..measurement.size import measure_size
from ..result import Result
from ..segmentation.anatomy.check import check_anatomy
from ..segmentation.edited import with_what_holds
from ..segmentation.labelmap import BODY, BODY_REST, Labelmap

if TYPE_CHECKING:
    from ..dosimetry.montecarlo.edits import EditedEngine

BUNDLED = "bundled"
MOMENTS = ("counts", "sums", "squares")


class Session:
    """Counts and HU sums of every slice and label, kept up to date slice by slice.

    Parameters
    ----------
    series
        The CT; its voxels and its exposure.
    region, dose_model
        As in `CTDoseSegLib.analysis.analyze`.
    choices
        Further choices of the user, for the provenance.
    before
        The result that is edited: what its segmentation's flags and doubt say holds on for the
        organs that are as they were in it.
    """

    def __init__(
        self,
        series: CTSeries,
        region: str = "auto",
        dose_model: str = BUNDLED,
        choices: dict[str, Any] | None = None,
        before: Result | None = None,
    ) -> None:
        self.series, self.region, self.dose_model = series, region, dose_model
        self.choices = dict(choices or {})
        self.before = before
        # Of a simulated result; None: the fast law.
        self.dose_engine: EditedEngine | None = None
        self.labelmap: Labelmap | None = None
        # Slice to what the user changed in it, boolean [j, i], since this was last emptied.
        self.edited: dict[int, np.ndarray] = {}
        self._drawn: np.ndarray | None = None
        self._pending: list[int] = []
        kind = np.int64 if series.hu.dtype == np.int16 else np.float64
        count = len(series.slices)
        self._moments = {name: np.zeros((count, 1), kind) for name in MOMENTS}
        self._contours = BodyContours(*(np.zeros(count) for _ in fields(BodyContours)))

    @property
    def pending(self) -> int:
        """Slices that wait to be measured."""
        return len(self._pending)

    def take(self, labelmap: Labelmap, *, complete: bool = False) -> int:
        """Take a new state of the segmentation; returns how many slices differ from the last.

        Parameters
        ----------
        labelmap
            On the grid of the series.
        complete
            Take it as it is. Else what no segment holds but the body encloses counts as the rest
            of the body: an organ that was erased leaves tissue behind, not air.
        """
        drawn = labelmap.labels
        if self._drawn is None or self._drawn.shape != drawn.shape:
            changed = list(range(drawn.shape[0]))
            filled = drawn.copy()
        else:
            changed = [
                k for k in range(drawn.shape[0]) if not np.array_equal(self._drawn[k], drawn[k])
            ]
            filled = self.labelmap.labels
            if filled.dtype != drawn.dtype:
                filled = filled.astype(np.promote_types(filled.dtype, drawn.dtype))
            for k in changed:
                self.edited[k] = self.edited.get(k, False) | (self._drawn[k] != drawn[k])
                filled[k] = drawn[k]
        values = {atom.name: atom.value for atom in labelmap.atoms}
        if BODY_REST in values and not complete:
            beside = [values[name] for name in OUTSIDE_BODY if name in values]
            for k in changed:
                _fill_enclosed(filled[k], values[BODY_REST], beside)
        if self.labelmap is not None and _body_values(self.labelmap) != _body_values(labelmap):
            changed = list(range(drawn.shape[0]))  # a renamed segment came into the body or left it
        self._drawn = drawn
        self.labelmap = replace(labelmap, labels=filled)
        self._pending = sorted({*self._pending, *changed})
        self._widen(max(atom.value for atom in labelmap.atoms))
        return len(changed)

    def step(self, seconds: float = 0.04) -> bool:
        """Measure pending slices for about `seconds`; True when none is left."""
        end = time.perf_counter() + seconds
        while self._pending and time.perf_counter() < end:
            some, self._pending = self._pending[:4], self._pending[4:]
            self._measure(some)
        return not self._pending

    def finish(self) -> None:
        """Measure all that is pending."""
        while not self.step(1.0):
            pass

    def analysis(self) -> Analysis:
        """All results of the present state; measures what is pending first.

        What the user left or drew against anatomy is flagged, and stays as it is.
        """
        labelmap = self.as_known()
        drawn = {atom.name for atom in labelmap.atoms}
        return analyze(
            self.series,
            check_anatomy(self.series, labelmap, keep=drawn),
            region=self.region if self.dose_engine is None else "auto",
            dose_engine=self.dose_engine or "auto",
            parameters=self.choices,
            measurements=self._measurements(),
            outlines=self._contours,
        )

    def scan(self, result: Result) -> Scan:
        """Return the scan of a result as a dose engine sees it; measures what is pending first."""
        labelmap = self.as_known()
        series = replace(
            self.series,
            acquisition=result.acquisition,
            slices=result.slices.infos(),
            flags=result.reading_flags,
        )
        measured = self._measurements()
        size = measure_size(series, labelmap, measured, self._contours)
        return Scan.of(series, labelmap, measured, size, result.scanner_profile)

    def as_known(self) -> Labelmap:
        """Return the present state with what holds of it as of the result that is edited."""
        self.finish()
        if self.before is None:
            return self.labelmap
        known = self.before.segmentation
        same = _as_they_were(self.before, self._measurements())
        return with_what_holds(self.labelmap, known.flags, known.known_doubt, same)

    def _widen(self, highest: int) -> None:
        for name, array in self._moments.items():
            if array.shape[1] <= highest:
                wider = np.zeros((array.shape[0], highest + 1), array.dtype)
                wider[:, : array.shape[1]] = array
                self._moments[name] = wider

    def _measure(self, slices: list[int]) -> None:
        series, labelmap = self.series, self.labelmap
        some = replace(series, hu=series.hu[slices], slices=tuple(series.slices[k] for k in slices))
        theirs = replace(labelmap, labels=labelmap.labels[slices])
        part = measure(some, theirs)
        if BODY in theirs.groups:
            traced = trace_contours(some, theirs)
            for column in fields(BodyContours):
                getattr(self._contours, column.name)[slices] = getattr(traced, column.name)
        columns = [atom.value for atom in labelmap.atoms]
        for name, array in self._moments.items():
            rows = np.zeros((len(slices), array.shape[1]), array.dtype)
            rows[:, columns] = getattr(part, name)
            array[slices] = rows

    def _measurements(self) -> Measurements:
        columns = [atom.value for atom in self.labelmap.atoms]
        counts, sums, squares = (self._moments[name][:, columns] for name in MOMENTS)
        return Measurements(
            names=tuple(atom.name for atom in self.labelmap.atoms),
            counts=counts.astype(np.int64),
            sums=sums,
            squares=squares,
            groups=self.labelmap.groups,
            pixel_area_mm2=self.series.pixel_area_mm2,
            # Drawn by the export alone, which measures anew.
            histogram_hu=np.empty(0, np.int64),
            histogram=np.empty((len(columns), 0), np.int64),
        )


def _as_they_were(before: Result, now: Measurements) -> set[str]:
    """Return the organs with the voxels and the mean HU that they had, slice by slice."""
    same = set()
    for organ, was in before.structures.items():
        if organ in now.groups:
            slices = now.of(organ)
            same_size = np.array_equal(was.count, slices.count)
            if same_size and np.allclose(was.mean_hu, slices.mean_hu, atol=1e-3, equal_nan=True):
                same.add(organ)
    return same


def _body_values(labelmap: Labelmap) -> set[int]:
    """Labels of the body."""
    return set(labelmap.values(BODY)) if BODY in labelmap.groups else set()


def _fill_enclosed(labels: np.ndarray, value: int, beside: list[int]) -> None:
    """Give `value` to what is 0 and enclosed by the body, in place, [j, i].

    What lies between body and couch, of the values `beside`, is outside.
    """
    rows, columns = np.flatnonzero(labels.any(axis=1)), np.flatnonzero(labels.any(axis=0))
    if rows.size == 0:
        return
    box = labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    empty = box == 0
    if not empty.any():
        return
    outside = empty | np.isin(box, beside)
    parts, count = ndimage.label(np.pad(outside, 1, constant_values=True))
    if count > 1:
        box[(parts[1:-1, 1:-1] != parts[0, 0]) & empty] = value
