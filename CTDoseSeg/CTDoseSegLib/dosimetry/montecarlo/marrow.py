"""Active (red) marrow: what part of the body's active marrow each bone holds, by age and sex.

`marrow.csv` holds mass percent: children from the skeleton masses of ICRP Publication 143, adults
from the marrow fractions of ICRP Publication 110 and the spongiosa masses of the mesh phantoms
of ICRP Publication 145, both as public repositories have them; the shares are computed from these.
Forearms, hands, lower legs and feet, and the lower halves of humeri and femora, which hold active
marrow in children only, have no row. At 1 to 5 years a third of it is in the skull, in adults 7 %.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files

import numpy as np

from ..scan import Scan, touches_an_end

AGES_Y = (0.0, 1.0, 5.0, 10.0, 15.0, 20.0)
SCORE = "red_marrow_"
# Labels of several sites of the table at once.
_SEVERAL = {
    "ribs": ("ribs",),
    "spine": ("cervical_spine", "thoracic_spine", "lumbar_spine"),
    "bone": (),
    "bone_rest": (),
}


@dataclass(frozen=True)
class MarrowSite:
    """A bone, or several, with active marrow.

    Attributes
    ----------
    site
        Row of the table, or the label of several.
    score
        Name of its score.
    atoms
        Labels that are in the images.
    active_share
        Part of the body's active marrow that the whole bone holds; None for a label that names no
        bone of the table.
    seen_share
        Part of the bone that is in the images, by the number of labels, one that an end of the
        images may cut counting half; None where labels do not tell.
    """

    site: str
    score: str
    atoms: tuple[str, ...]
    active_share: float | None
    seen_share: float | None

    @property
    def share_in_images(self) -> float | None:
        """Part of the body's active marrow that it holds in the images; None: not known."""
        if self.active_share is None:
            return None
        return self.active_share * (1.0 if self.seen_share is None else self.seen_share)


def active_share(site: str, age_y: float | None = None, sex: str | None = None) -> float:
    """Return the part of the body's active marrow that a bone holds.

    Parameters
    ----------
    site
        Row of the table.
    age_y
        Age in years; linear between those of the table. None: an adult.
    sex
        ``M`` or ``F``, any other: the mean of both.

    Returns
    -------
    float

    Examples
    --------
    >>> active_share("skull", 3) > 4 * active_share("skull")
    True
    """
    row = _table()[site]
    sexes = (sex,) if sex in ("M", "F") else ("M", "F")
    shares = [_shares_by_age(row, each) for each in sexes]
    mean = np.mean(shares, axis=0)
    return float(np.interp(AGES_Y[-1] if age_y is None else age_y, AGES_Y, mean)) / 100.0


def marrow_sites(
    present: Sequence[str], cut: Sequence[str], age_y: float | None, sex: str | None
) -> tuple[MarrowSite, ...]:
    """Return the bones with active marrow in the images.

    Parameters
    ----------
    present, cut
        Labels that are in the images, and those of them that their ends may cut.
    age_y, sex
        Of the patient; None for not known.

    Returns
    -------
    tuple of MarrowSite
        In the order of the table; labels of several bones at the end.

    Examples
    --------
    >>> seen = ("vertebrae_L3", "vertebrae_L4", "vertebrae_L5")
    >>> (lumbar,) = marrow_sites(seen, ("vertebrae_L3",), None, "M")
    >>> lumbar.site, lumbar.active_share, lumbar.seen_share
    ('lumbar_spine', 0.125, 0.5)
    """
    sites = []
    for site, row in _table().items():
        patterns = row["atoms"].split()
        atoms = [a for a in present if any(fnmatchcase(_stem(a), p) for p in patterns)]
        # S1, where it is named, is a part of the sacrum.
        counted = {_stem(a) for a in atoms} - ({"vertebrae_S1"} if "sacrum" in atoms else set())
        if atoms:
            halves = {_stem(atom) for atom in cut}
            seen = sum(0.5 if bone in halves else 1.0 for bone in counted) / int(row["expected"])
            whole = active_share(site, age_y, sex)
            sites.append(MarrowSite(site, SCORE + site, tuple(atoms), whole, min(seen, 1.0)))
    done = {site.site for site in sites}
    for label, rows in _SEVERAL.items():
        if label in present and label not in done:
            share = math.fsum(active_share(row, age_y, sex) for row in rows) if rows else None
            sites.append(MarrowSite(label, SCORE + label, (label,), share, None))
    return tuple(sites)


def seen_marrow_share(scan: Scan) -> float | None:
    """Return the part of the body's active marrow in the images; None where no label tells."""
    measured = scan.measurements
    occupied = dict(zip(measured.names, measured.counts.T > 0, strict=True))
    present = [name for name, slices in occupied.items() if slices.any()]
    cut = [name for name in present if touches_an_end(scan.series.z_mm, occupied[name])]
    patient = scan.series.acquisition
    sites = marrow_sites(present, cut, patient.age_years, patient.sex)
    shares = [share for site in sites if (share := site.share_in_images) is not None]
    return min(math.fsum(shares), 1.0) if shares else None


def _stem(atom: str) -> str:
    """Return the bone that a label names, or a part of it: its cortex, spongiosa or shaft."""
    return atom.removesuffix("_cortex").removesuffix("_spongiosa").removesuffix("_medullary")


def _shares_by_age(row: Mapping[str, str], sex: str) -> list[float]:
    columns = ("age_0", "age_1", "age_5", "age_10", f"age_15_{sex}", f"adult_{sex}")
    return [float(row[column]) for column in columns]


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    text = files(__package__).joinpath("marrow.csv").read_text(encoding="utf-8")
    return {row["site"]: row for row in csv.DictReader(text.splitlines())}
