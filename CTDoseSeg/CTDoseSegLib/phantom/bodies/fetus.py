"""How large a fetus is by gestational week, counted from the last menstruation.

Weight by Hadlock 1991, head, abdomen and femur by INTERGROWTH-21st (Papageorghiou 2014), medians.
Hadlock's weight holds from 10 weeks and the sizes from 14; before that the sizes follow the
crown-rump length of Robinson and Fleming 1975, and the weight its cube.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from ...errors import InputError

FIRST_WEEK, LAST_WEEK = 8.0, 40.0
_WEIGHT_FROM_WEEK = 10.0
_SIZES_FROM_WEEK = 14.0


@dataclass(frozen=True, kw_only=True)
class Fetus:
    """Sizes of a fetus: the medians of its week."""

    week: float
    weight_g: float
    head_circumference_mm: float
    biparietal_mm: float
    occipitofrontal_mm: float
    abdominal_circumference_mm: float
    femur_mm: float

    @classmethod
    def of(cls, week: float) -> Fetus:
        """Return the fetus of a week of pregnancy.

        Parameters
        ----------
        week
            Weeks since the first day of the last menstruation, 8 to 40, also fractions.

        Returns
        -------
        Fetus

        Raises
        ------
        InputError
            The week is outside these limits.

        Examples
        --------
        >>> from CTDoseSegLib.phantom.bodies.fetus import Fetus
        >>> fetus = Fetus.of(28)
        >>> round(fetus.weight_g), round(fetus.head_circumference_mm)
        (1210, 260)
        """
        if not FIRST_WEEK <= week <= LAST_WEEK:
            raise InputError(
                f"A fetus of {week:g} weeks cannot be built; give {FIRST_WEEK:g} to "
                f"{LAST_WEEK:g} weeks from the last menstruation."
            )
        w = max(week, _SIZES_FROM_WEEK)
        small = _crown_rump_mm(week) / _crown_rump_mm(w)
        return cls(
            week=week,
            weight_g=_weight_g(week),
            head_circumference_mm=small * (-28.2849 + w**2 * (1.69267 - 0.397485 * log(w))),
            biparietal_mm=small * (5.60878 + 0.158369 * w**2 - 0.00256379 * w**3),
            occipitofrontal_mm=small * (-12.4097 + w**2 * (0.626342 - 0.148075 * log(w))),
            abdominal_circumference_mm=small * (-81.3243 + 11.6772 * w - 0.000561865 * w**3),
            femur_mm=small * (-39.9616 + 4.32298 * w - 0.0380156 * w**2),
        )


def _weight_g(week: float) -> float:
    """Apply Hadlock's formula (SD 12.7 %).

    It stems from fetuses that ultrasound can measure and is high before about 16 weeks.
    """
    w = max(week, _WEIGHT_FROM_WEEK)
    small = _crown_rump_mm(week) / _crown_rump_mm(w)
    return exp(0.578 + 0.332 * w - 0.00354 * w**2) * small**3


def _crown_rump_mm(week: float) -> float:
    """Invert Robinson and Fleming's days = 8.052 sqrt(1.037 mm) + 23.73."""
    return ((7 * week - 23.73) / 8.052) ** 2 / 1.037
