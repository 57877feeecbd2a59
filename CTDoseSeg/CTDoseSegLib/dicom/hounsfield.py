"""Whether the values of a volume are Hounsfield units (HU), judged by their distribution.

A CT shows air at -1000 HU around and in the body, fat near -100 and soft tissue at +20 to +80, and
whatever lies between, down to the blurred edge of the skin. A volume whose values were cut off,
scaled or shifted, or replaced outside the body, does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# No air, lung or fat has more: a volume without anything as low holds no air at all.
HIGHEST_AIR_HU = -200
# Bins of the counts, one for each HU; the outermost gather what lies beyond.
_LOWEST, _HIGHEST = -4096, 4095
_PIXELS_A_SLICE = 4096  # enough for shares of a thousandth
_SLICES_AT_ONCE = 64
_LEAST_VOXELS = 1000  # fewer have no distribution
# Air, -1000, as scanners show it outside the body: with room for calibration and for values cut
# off at -1024. Below -900 there is air alone.
_OUTSIDE_AIR = (-1080.0, -940.0)
_AIR_BELOW = -900
# Noise and streaks reach down to about here.
_LEAST_HU = -1250
# The commonest value above -300 is that of fat (-100, at 40 keV to -200) or of soft tissue (+20 to
# +80); phantoms of plastic reach +120, one of a head +95.
_TISSUE_ABOVE = -300
_LUNG_BELOW = -700
_TISSUE_PEAK = (-220, 160)
# Without air, less than this share of the voxels above -300 is dense bone or metal.
_DENSE_HU, _DENSE = 600, 0.2
# A plateau: this share of all voxels has one value, with next to nothing just below it. Cut off at
# -950 or below, values keep all of the lung.
_PLATEAU = 0.05
_PLATEAU_ABOVE = -950
# Cut off at the top: of the voxels above -300, those at the largest value. Beyond this value only
# dense bone, metal and a scanner's own end of the scale are lost.
_TOP = 0.05
_TOP_HU = (60, 600)
_NEAR_TOP = 0.02
_NEAR = 40  # HU beside a plateau


@dataclass(eq=False)  # arrays have no single truth value
class ValueCounts:
    """How often each value occurs in a volume and along the edges of its slices.

    Attributes
    ----------
    inside
        Voxels of a regular sample of each slice by their value.
    border
        Voxels on the edges of the slices by their value.
    border_padding
        How many voxels on the edges are padding; padding is counted nowhere else.

    Examples
    --------
    >>> import numpy as np
    >>> counts = ValueCounts()
    >>> counts.add(np.clip(np.random.default_rng(0).normal(-400, 300, (64, 64)), -200, 250))
    >>> counts.problem()
    '75 % of the voxels are exactly -200: lower values are cut off'
    """

    inside: np.ndarray = field(default_factory=lambda: np.zeros(_HIGHEST - _LOWEST + 1, np.int64))
    border: np.ndarray = field(default_factory=lambda: np.zeros(_HIGHEST - _LOWEST + 1, np.int64))
    border_padding: int = 0
    # Slices not yet counted: a count costs more than the values of one slice are worth.
    _waiting: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list, repr=False)

    def add(self, image: np.ndarray, padding: np.ndarray | None = None) -> None:
        """Count a slice.

        Parameters
        ----------
        image
            Values, [j, i].
        padding
            True where there is no image, [j, i]; None: nowhere.
        """
        step = max(1, round((image.size / _PIXELS_A_SLICE) ** 0.5))
        # Copies: the caller may use the image again before it is counted.
        inside, border = image[::step, ::step].flatten(), _edges(image, step)
        if padding is not None:
            outside = _edges(padding, step)
            self.border_padding += int(outside.sum())
            inside, border = inside[~padding[::step, ::step].ravel()], border[~outside]
        self._waiting.append((inside, border))
        if len(self._waiting) == _SLICES_AT_ONCE:
            self._count()

    def _count(self) -> None:
        """Count the slices that wait."""
        if self._waiting:
            inside, border = zip(*self._waiting, strict=True)
            self.inside += _counts(np.concatenate(inside))
            self.border += _counts(np.concatenate(border))
            self._waiting.clear()

    def problem(self) -> str:
        """Return what speaks against Hounsfield units, with the values; empty where nothing does.

        The criteria and their limits are this project's own judgement.
        """
        self._count()
        total = int(self.inside.sum())
        if total == 0:
            return ""
        no_air = _value(np.flatnonzero(self.inside)[0]) > HIGHEST_AIR_HU
        if total < _LEAST_VOXELS:
            return f"no value is below {HIGHEST_AIR_HU}" if no_air else ""
        cut = self._cut_off_below() or self._cut_off_above()
        tissue = self._tissue_elsewhere()
        # Where the air around the body was replaced by padding there may be none left.
        replaced = self.border_padding > self.border.sum()
        if no_air and not (replaced and not cut and not tissue):
            return f"no value is below {HIGHEST_AIR_HU}"
        return cut or self._air_outside_elsewhere() or self._air_elsewhere(replaced) or tissue

    def _cut_off_below(self) -> str:
        """Return the sentence on a plateau with next to nothing just below it."""
        counts, total = self.inside, self.inside.sum()
        below = np.cumsum(counts)
        for index in np.flatnonzero(counts >= _PLATEAU * total):
            value = _value(index)
            if value <= _PLATEAU_ABOVE:
                continue
            lowest = below[index] - counts[index] < 0.005 * total
            lower, upper = counts[max(index - _NEAR, 0) : index], counts[index + 1 :][:_NEAR]
            one_sided = (
                value < _TISSUE_PEAK[1]
                and lower.sum() < 0.02 * upper.sum()
                and upper.sum() >= 0.0005 * total
                and _is_smooth(upper)
            )
            if lowest or one_sided:
                share = 100 * counts[index] / total
                return f"{share:.0f} % of the voxels are exactly {value}: lower values are cut off"
        return ""

    def _cut_off_above(self) -> str:
        """Return the sentence on a plateau at the largest value."""
        index = int(np.flatnonzero(self.inside)[-1])
        value, tissue = _value(index), self.inside[_TISSUE_ABOVE - _LOWEST :].sum()
        near = self.inside[max(index - _NEAR, 0) : index]
        at_top = self.inside[index]
        if (
            not _TOP_HU[0] <= value <= _TOP_HU[1]
            or at_top < max(_TOP * tissue, 3 * near.max())
            or near.sum() < _NEAR_TOP * tissue  # the blurred edges of one material
            or not _is_smooth(near)
        ):
            return ""
        share = 100 * at_top / tissue
        return (
            f"{share:.0f} % of the voxels above {_TISSUE_ABOVE} are exactly {value}: higher "
            "values, those of bone, are cut off"
        )

    def _air_elsewhere(self, replaced: bool) -> str:
        """Return the sentence on air that is not at -1000."""
        total = self.inside.sum()
        far_below = self.inside[: _LEAST_HU - _LOWEST]
        # One value alone is padding that the corners of the slices do not have.
        if far_below.sum() - far_below.max() > 0.02 * total:
            share = 100 * far_below.sum() / total
            return f"{share:.0f} % of the values lie below {_LEAST_HU}, where air has -1000"
        air = self.inside[: _AIR_BELOW - _LOWEST].sum()
        low = self.inside[: HIGHEST_AIR_HU - _LOWEST].sum()
        if air < 0.001 * total and low >= 0.05 * total and not replaced:
            share = 100 * low / total
            return f"{share:.0f} % of the values lie below {HIGHEST_AIR_HU}, none near air's -1000"
        return ""

    def _air_outside_elsewhere(self) -> str:
        """Return the sentence on the edges of the slices, where they show what is no air."""
        seen = int(self.border.sum())
        border = seen + self.border_padding
        if seen < max(_LEAST_VOXELS // 4, 0.1 * border):
            return ""
        index, share, single = _peak(self.border, 30)
        value = index + _LOWEST
        if share < 0.5:  # the body reaches to the edges
            return ""
        if value < _TISSUE_ABOVE:
            padding = single > 0.9 * share and value < _OUTSIDE_AIR[0]
            if padding or _OUTSIDE_AIR[0] <= value <= _OUTSIDE_AIR[1]:
                return ""
            return f"the air outside the body has {value:.0f}, not -1000"
        air = self.border[: _AIR_BELOW - _LOWEST].sum() + self.border_padding
        if single < 0.5 or air > 0.1 * border:
            return ""
        return f"{_value(self.border.argmax())}, not air, fills what lies outside the body"

    def _tissue_elsewhere(self) -> str:
        """Return the sentence on fat and soft tissue at the wrong place."""
        total = self.inside.sum()
        tissue = self.inside[_TISSUE_ABOVE + 1 - _LOWEST :]
        between = self.inside[_AIR_BELOW - _LOWEST : _TISSUE_ABOVE - _LOWEST].sum()
        if tissue.sum() < 0.001 * total:
            if between < 0.05 * total:
                return ""  # air alone
            return f"no value is above {_TISSUE_ABOVE}, not even that of fat"
        light = self.inside[_LUNG_BELOW - _LOWEST : _TISSUE_ABOVE - _LOWEST].sum()
        if tissue.sum() < 0.1 * light and light >= 0.05 * total:
            share = 100 * light / total
            return (
                f"{share:.0f} % of the values lie between {_LUNG_BELOW} and {_TISSUE_ABOVE}, where "
                "neither lung nor tissue has many"
            )
        air = self.inside[: _AIR_BELOW - _LOWEST]
        dense = self.inside[_DENSE_HU - _LOWEST :].sum()
        # One value alone may be padding; then what looks like tissue is shifted air.
        if dense >= _DENSE * tissue.sum() and air.sum() - air.max() < 0.001 * total:
            share = 100 * dense / tissue.sum()
            return f"{share:.0f} % of the values above {_TISSUE_ABOVE} are {_DENSE_HU} or more"
        peak = _peak(tissue, 10)[0] + _TISSUE_ABOVE + 1
        if _TISSUE_PEAK[0] <= peak <= _TISSUE_PEAK[1]:
            return ""
        return (
            f"the commonest value above {_TISSUE_ABOVE} is {peak:.0f}; fat has about -100, soft "
            "tissue +20 to +80"
        )


def _value(index: int | np.integer) -> int:
    return int(index) + _LOWEST


def _edges(image: np.ndarray, step: int) -> np.ndarray:
    return np.concatenate((image[[0, -1], ::step].ravel(), image[::step, [0, -1]].ravel()))


def _counts(values: np.ndarray) -> np.ndarray:
    """Return how often each value occurs; values beyond the ends count as the ends."""
    if values.dtype.kind == "f":
        values = np.rint(values)
    index = np.clip(values, _LOWEST, _HIGHEST).astype(np.intp) - _LOWEST
    return np.bincount(index, minlength=_HIGHEST - _LOWEST + 1)


def _is_smooth(counts: np.ndarray) -> bool:
    """Return whether many values occur and none stands out, as in tissue with noise."""
    return bool((counts > 0).mean() >= 0.25 and counts.max() < 0.5 * counts.sum())


def _peak(counts: np.ndarray, reach: int) -> tuple[float, float, float]:
    """Return where most lies within `reach`, as an index, its share, and that of one bin in it."""
    total = counts.sum()
    middle = int(np.convolve(counts, np.ones(2 * reach + 1), "same").argmax())
    low = max(middle - reach, 0)
    near = counts[low : middle + reach + 1]
    mean = float((near * np.arange(low, low + near.size)).sum() / near.sum())
    return mean, float(near.sum() / total), float(near.max() / total)
