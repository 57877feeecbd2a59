"""The dose to skin, element by element of the body's surface, and its largest mean over 1 cm2.

Doses of several exposures of the same patient add up element by element. The largest of many noisy
means is too high, for it is where noise added most. The place is therefore looked for in one half
of the photons and the dose read in the other half, and the other way round; what separates this
from the largest mean of all photons is an uncertainty component of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..flags import Flag, flag
from ..measurement.ctdi_per_mas import K90

# A peak is a mean over this; ICRP 118 and NCRP 168 state no threshold for less.
PATCH_MM2 = 100.0
# The peak is looked for in the patch of this size that has the highest mean: it is less noisy.
SEARCHED_MM2 = 400.0
# A patch that the edge of the images leaves less of is none.
LEAST_WHOLE = 0.75
# A mean that is less certain than this is no dose.
LARGEST_SE = 0.10
# Early transient erythema (ICRP 85 and 118; Balter et al. 2010: 2 to 5 Gy).
ERYTHEMA_MGY = 2000.0
# Substantial radiation dose level of the skin (NCRP 168).
SUBSTANTIAL_MGY = 3000.0
_RECTANGULAR = math.sqrt(3.0)
# Patches times elements in each, of 24 bytes; of finer surfaces not every element has a patch.
_MOST_WEIGHTS = 12_000_000


@dataclass(frozen=True)
class PeakSkinDose:
    """The largest mean dose over 1 cm2 of skin; None is "not given", and `flags` hold the reason.

    Attributes
    ----------
    dose_mGy
        To skin (ICRU 44) at the surface of the body, mean over `area_cm2`.
    low_mGy, high_mGy
        Ends of the 90 % interval with all uncertainty components.
    statistical_sd_mGy
        Standard deviation by the number of photons alone.
    area_cm2
        Area of the skin that it is a mean over.
    place_ras_mm
        Middle of that skin: right to left, posterior to anterior and foot to head are positive.
    z_mm
        The last of these, as for the slices.
    events
        Irradiation events that are added up.
    budget
        Uncertainty component to its standard deviation of ln(dose).
    photons
        How many it would take to give a dose that is missing; None where none is, or no number
        helps.
    flags
        What to know about it.

    Examples
    --------
    >>> peak = PeakSkinDose(310.0, 250.0, 385.0, 6.0, place_ras_mm=(-80.0, 10.0, 42.0))
    >>> f"{peak.dose_mGy:.0f} mGy at z {peak.z_mm:.0f} mm"
    '310 mGy at z 42 mm'
    """

    dose_mGy: float | None = None
    low_mGy: float | None = None
    high_mGy: float | None = None
    statistical_sd_mGy: float | None = None
    area_cm2: float = PATCH_MM2 / 100.0
    place_ras_mm: tuple[float, float, float] | None = None
    events: int = 1
    budget: Mapping[str, float] = field(default_factory=dict)
    photons: int | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def z_mm(self) -> float | None:
        """RAS superior coordinate of the middle; None without a place."""
        return None if self.place_ras_mm is None else self.place_ras_mm[2]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class SkinDose:
    """The dose of one exposure to each element of the body's surface.

    Attributes
    ----------
    place_mm
        Middles of the elements, RAS, [n, 3].
    area_mm2
        Of each element, [n].
    dose_mGy
        To skin, by each batch of photons alone, [batch, n].
    histories
        Number of simulated photons.
    log_sd
        Uncertainty component, other than by the number of photons, to its standard deviation of
        ln(dose).
    flags
        What to know about it.

    Raises
    ------
    ValueError
        If the arrays do not fit together: a mistake in the engine.

    Examples
    --------
    A plane of 20 x 20 elements of 5 mm, with 1 mGy more within 12 mm of a point:

    >>> import numpy as np
    >>> y, x = np.mgrid[:20, :20] * 5.0
    >>> dose = np.where(np.hypot(x - 50, y - 50) < 12, 3.0, 2.0)
    >>> place = np.stack((x, y, 0 * x), axis=-1).reshape(-1, 3)
    >>> skin = SkinDose(place, np.full(400, 25.0), np.tile(dose.ravel(), (4, 1)), 1000)
    >>> peak = peak_of([skin])
    >>> x, y, z = peak.place_ras_mm
    >>> peak.dose_mGy, bool(np.hypot(x - 50, y - 50) < 12)
    (3.0, True)
    """

    place_mm: np.ndarray
    area_mm2: np.ndarray
    dose_mGy: np.ndarray
    histories: int
    log_sd: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        number = len(self.area_mm2)
        if self.place_mm.shape != (number, 3) or self.dose_mGy.shape[1:] != (number,):
            raise ValueError(
                f"The skin has {number} areas, places of the shape {self.place_mm.shape} and doses "
                f"of the shape {self.dose_mGy.shape}."
            )
        if len(self.dose_mGy) < 2:
            raise ValueError("The dose to skin needs two batches of photons or more.")


def peak_of(exposures: Sequence[SkinDose]) -> PeakSkinDose | None:
    """Return the peak skin dose of exposures that add up; None where there is no skin.

    Parameters
    ----------
    exposures
        Of the same patient, on the same elements; at least one.

    Raises
    ------
    ValueError
        If the exposures are of other surfaces, or have other numbers of batches.
    """
    first = exposures[0]
    if any(one.dose_mGy.shape != first.dose_mGy.shape for one in exposures):
        raise ValueError("Doses to skin of different surfaces or batches do not add up.")
    patches = _Patches.of(first)
    flags = tuple(dict.fromkeys(one for exposure in exposures for one in exposure.flags))
    if not patches.whole.any():
        return None
    total = np.sum([one.dose_mGy for one in exposures], axis=0, dtype=float)
    found = _located(patches, total)
    if found is None:
        return None
    place, value, se, naive = found
    events = len(exposures)
    relative_se = se / value if value > 0 else math.inf
    if not relative_se <= LARGEST_SE:
        histories = sum(one.histories for one in exposures)
        needed = histories * (relative_se / LARGEST_SE) ** 2
        detail = f"{100 * relative_se:.0f} % standard error of 1 cm2"
        photons = round(needed) if math.isfinite(needed) else None
        refusal = flag("peak_skin_noisy", detail)
        return PeakSkinDose(events=events, photons=photons, flags=(*flags, refusal))
    parts = [float(patches.mean(one.dose_mGy.mean(axis=0), at=place)) for one in exposures]
    budget = {"statistics": relative_se, "peak_place": math.log(max(naive / value, 1.0))}
    budget["peak_place"] /= _RECTANGULAR
    budget |= _correlated(exposures, parts)
    reach = K90 * math.sqrt(sum(sd**2 for sd in budget.values()))
    high = value * math.exp(reach)
    x, y, z = (float(v) for v in patches.middle(place))
    return PeakSkinDose(
        dose_mGy=value,
        low_mGy=value * math.exp(-reach),
        high_mGy=high,
        statistical_sd_mGy=se,
        place_ras_mm=(x, y, z),
        events=events,
        budget=budget,
        flags=(*flags, *threshold_flags(value, high)),
    )


def threshold_flags(dose_mGy: float, high_mGy: float) -> Iterator[Flag]:
    """Yield what a dose to skin, or the upper end of its interval, is a reason for."""
    if dose_mGy >= SUBSTANTIAL_MGY:
        yield flag("peak_skin_substantial", f"{dose_mGy / 1000:.1f} Gy over 1 cm2")
    elif dose_mGy >= ERYTHEMA_MGY:
        yield flag("peak_skin_erythema", f"{dose_mGy / 1000:.1f} Gy over 1 cm2")
    elif high_mGy >= ERYTHEMA_MGY:
        detail = f"the 90 % interval of the peak skin dose ends at {high_mGy / 1000:.1f} Gy"
        yield flag("peak_skin_near", detail)


def _correlated(exposures: Sequence[SkinDose], parts: Sequence[float]) -> dict[str, float]:
    """Return the components of a sum: the same error in all exposures, which is the widest."""
    total = sum(parts)
    names = dict.fromkeys(name for one in exposures for name in one.log_sd)
    if not total > 0:
        return dict.fromkeys(names, 0.0)
    return {
        name: sum(p * e.log_sd.get(name, 0.0) for p, e in zip(parts, exposures, strict=True))
        / total
        for name in names
    }


def _located(patches: _Patches, dose: np.ndarray) -> tuple[int, float, float, float] | None:
    """Return the peak's place, dose and standard error, and the largest mean of all photons."""
    halves = dose[0::2], dose[1::2]
    reads, errors = [], []
    for searched, read in (halves, halves[::-1]):
        place = patches.highest(searched.mean(axis=0))
        values = np.array([patches.mean(one, at=place) for one in read])
        reads.append(float(values.mean()))
        sd = float(values.std(ddof=1)) if len(values) > 1 else math.inf
        errors.append(sd / math.sqrt(len(values)))
    mean = dose.mean(axis=0)
    largest = float(patches.mean(mean)[patches.whole].max())
    if not largest > 0:
        return None
    return patches.highest(mean), sum(reads) / 2, 0.5 * math.hypot(*errors), largest


@dataclass(frozen=True, eq=False)
class _Patches:
    """Around some elements the nearest ones that make up 1 cm2, and their weights, [patch, k]."""

    place_mm: np.ndarray
    centre_mm: np.ndarray
    index: np.ndarray
    weight: np.ndarray
    wide_weight: np.ndarray
    whole: np.ndarray

    @classmethod
    def of(cls, skin: SkinDose) -> _Patches:
        from scipy.spatial import cKDTree

        number = len(skin.area_mm2)
        if not number:
            nothing, none = np.zeros((0, 1)), np.zeros(0, bool)
            return cls(skin.place_mm, skin.place_mm, nothing.astype(int), nothing, nothing, none)
        count = min(number, math.ceil(1.3 * SEARCHED_MM2 / float(np.median(skin.area_mm2))) + 1)
        # Farther away is another side of the body.
        reach = 1.5 * math.sqrt(SEARCHED_MM2 / math.pi)
        centres = skin.place_mm[:: math.ceil(number * count / _MOST_WEIGHTS)]
        _, index = cKDTree(skin.place_mm).query(
            centres, k=np.arange(1, count + 1), distance_upper_bound=reach
        )
        area = np.append(skin.area_mm2, 0.0)[index]
        index = np.where(index < number, index, 0)
        before = np.cumsum(area, axis=1) - area
        weight, wide = (np.clip(size - before, 0.0, area) for size in (PATCH_MM2, SEARCHED_MM2))
        whole = weight.sum(axis=1) >= LEAST_WHOLE * PATCH_MM2
        return cls(skin.place_mm, centres, index, weight, wide, whole)

    def mean(self, dose: np.ndarray, *, at: int | None = None) -> np.ndarray:
        """Return the mean dose of all patches of 1 cm2, or of one."""
        return self._mean(dose, self.weight, at)

    def wide(self, dose: np.ndarray) -> np.ndarray:
        """Return the mean dose of all patches of 4 cm2."""
        return self._mean(dose, self.wide_weight, None)

    def highest(self, dose: np.ndarray) -> int:
        """Return the patch of 1 cm2 with the highest mean in the one of 4 cm2 that has it."""
        wide = int(np.argmax(np.where(self.whole, self.wide(dose), -1.0)))
        away = np.linalg.norm(self.centre_mm - self.centre_mm[wide], axis=1)
        within = np.flatnonzero(self.whole & (away <= math.sqrt(SEARCHED_MM2 / math.pi)))
        means = [float(self.mean(dose, at=int(one))) for one in within]
        return int(within[int(np.argmax(means))])

    def middle(self, at: int) -> np.ndarray:
        """Return the middle of a patch, RAS."""
        of = self.weight[at]
        middle: np.ndarray = of @ self.place_mm[self.index[at]] / of.sum()
        return middle

    def _mean(self, dose: np.ndarray, weight: np.ndarray, at: int | None) -> np.ndarray:
        rows = slice(None) if at is None else slice(at, at + 1)
        of = weight[rows]
        mean: np.ndarray = np.einsum("nk,nk->n", dose[self.index[rows]], of) / of.sum(axis=1)
        return mean if at is None else mean[0]
