"""The door of this room: a label map checked against anatomy.

Every threshold of this room was measured with Testing/Bodies/anatomy_of_bodies.py: label maps that
are true (21 bodies with their exact labels, children, heads, obese, pregnant and enhanced ones, and
the phantoms for acceptance), or as good as machines make them (eight real CT), may raise nothing;
what the engines drew on the same scans shows what is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from scipy import ndimage

from ...ct.series import CTSeries
from ...flags import Flag, flag, organ_place, slice_runs
from ...flags.places import organ_of
from ..atoms import groups_of
from ..labelmap import BODY, BODY_REST, Labelmap
from .contrast_as_bone import contrast_as_bone
from .field import cut_by_field
from .findings import Doubt, Given, Taken
from .gas import stomach_gas
from .heart_as_liver import heart_as_liver
from .metal import metal
from .missing import bone_left_out, lung_left_out
from .other_density import ORGANS, other_density
from .person import bodies_touch, no_person
from .pieces import ONE_PIECE, pieces
from .places import mirrored, out_of_place, upside_down
from .sampled import Sampled
from .sizes import odd_sizes

# More than this of an organ taken away leaves it in doubt.
MUCH = 0.1
# Less is taken away without a word.
LEAST_ML = 1.0


def check_anatomy(series: CTSeries, labelmap: Labelmap, *, keep: Iterable[str] = ()) -> Labelmap:
    """Take away from a label map what surely is not the organ, and flag what else contradicts.

    What is taken away becomes ``body_rest``; gas that the stomach's label surrounds becomes
    stomach. Atoms in `keep`, those of the user, are flagged only, never changed.

    Parameters
    ----------
    series
        The CT.
    labelmap
        On its grid, with a body.
    keep
        Names of the atoms that stay as they are.

    Returns
    -------
    Labelmap
        With the flags of what was found, each at its organ.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    >>> from CTDoseSegLib.segmentation.threshold.engine import segment
    >>> series, _ = phantom_series(Phantom(shape=(96, 96, 16), spacing_mm=(4.5, 4.5, 20.0)))
    >>> labelmap = segment(series)
    >>> check_anatomy(series, labelmap).flags == labelmap.flags
    True
    """
    if BODY not in labelmap.groups:
        return labelmap
    points = Sampled.of(series, labelmap)
    if not points.body.any():
        return labelmap
    kept = set(keep)
    flags = list(_of_the_scan(series, points, BODY_REST in kept))
    turned = any(one.code in ("mirrored", "upside_down") for one in flags)
    findings = list(_findings(series, points, turned))
    rest = next((a.value for a in labelmap.atoms if a.name == BODY_REST), None)
    labels = labelmap.labels
    for one in findings:
        members = {n for n in labelmap.groups.get(one.organ, ()) if n not in kept}
        changed = 0
        if not isinstance(one, Doubt) and rest is not None and BODY_REST not in kept and members:
            labels = labels.copy() if labels is labelmap.labels else labels
            changed = _change(points, labels, one, rest, members)
        flags += _flags(points, one, changed)
    if labels is labelmap.labels:
        return replace(labelmap, flags=(*labelmap.flags, *flags))
    return _with(labelmap, labels, flags)


def _findings(series: CTSeries, points: Sampled, turned: bool) -> Iterator[Taken | Given | Doubt]:
    """Yield what contradicts anatomy, organ by organ; what is taken away is looked at no more."""
    gone: dict[str, np.ndarray] = {}

    def noted(one: Taken | Given | Doubt) -> Taken | Given | Doubt:
        if isinstance(one, Taken):
            gone[one.organ] = one.points | gone.get(one.organ, one.points)
        return one

    nothing = np.zeros(points.labels.shape, bool)
    in_hu, regular = not series.not_hu, series.regular
    if regular and not turned and (heart := heart_as_liver(points)) is not None:
        yield noted(heart)
    if regular and in_hu:
        for organ in ORGANS:
            for one in other_density(points, organ, gone.get(organ, nothing)):
                yield noted(one)
        if (contrast := contrast_as_bone(points)) is not None:
            yield noted(contrast)
        if (gas := stomach_gas(points)) is not None:
            yield gas
    if regular:
        for organ in ONE_PIECE:
            for piece in pieces(points, organ, gone.get(organ, nothing)):
                yield noted(piece)
        yield from odd_sizes(points, gone)
        if (misplaced := out_of_place(points)) is not None:
            organ, why = misplaced
            yield Doubt(organ, why, points.mask(organ))


def _of_the_scan(series: CTSeries, points: Sampled, drawn_by_hand: bool) -> Iterator[Flag]:
    if not series.not_hu:
        if why := no_person(points):
            yield flag("no_person", why)
        else:
            yield from _by_density(points, drawn_by_hand)
    several = any(one.code == "several_bodies" for one in points.labelmap.flags)
    if not several and bodies_touch(points):
        several = True
        yield flag("several_bodies", "2 that touch each other")
    # Of two persons beside each other, one has all organs on the other side.
    if not several and (organs := mirrored(points)):
        yield flag("mirrored", organs)
    if order := upside_down(points):
        yield flag("upside_down", order)
    for organ, where in cut_by_field(points):
        slices = f"slices {slice_runs(points.slices(where))}"
        yield flag("organ_cut_by_field", slices).at(organ_place(organ))


def _by_density(points: Sampled, drawn_by_hand: bool) -> Iterator[Flag]:
    """Yield what the density of the body shows, whatever was drawn in it."""
    for one in (lung_left_out(points), bone_left_out(points)):
        # Who draws by hand may have left the organ out on purpose.
        if one is not None and not (drawn_by_hand and one.organ not in points.labelmap.groups):
            yield _at(points, one, "organ_left_out", one.detail)
    if (found := metal(points)) is not None:
        volume = f"{found.sum() * points.point_ml:.0f} ml"
        yield flag("metal", f"{volume} in slices {slice_runs(points.slices(found))}")


def _change(
    points: Sampled, labels: np.ndarray, one: Taken | Given, rest: int, members: set[str]
) -> int:
    """Change the voxels of a finding in `labels`, in place, and return how many."""
    values = [a.value for a in points.labelmap.atoms if a.name in members]
    rows = points.nearest()
    drawn = np.flip(labels.transpose(points.view.permutation), points.view.reversed_axes)
    before = np.array([rest]) if isinstance(one, Given) else np.array(values)
    after = values[0] if isinstance(one, Given) else rest
    # Rims of a point or less belong to what they hang on.
    kept = np.isin(points.labels, before) & ~one.points
    near = ndimage.binary_dilation(one.points, np.ones((1, 3, 3))) & ~kept
    changed = 0
    if isinstance(one, Taken) and not kept.any():  # nothing of it is left, between points either
        for image in labels:
            here = np.isin(image, before)
            image[here] = after
            changed += int(here.sum())
        return changed
    for k, point in enumerate(rows[0]):
        if not near[point].any():
            continue
        here = near[point][np.ix_(rows[1], rows[2])] & np.isin(drawn[k], before)
        if isinstance(one, Given):
            here &= points.view.hu[k] < one.below_hu
        drawn[k][here] = after
        changed += int(here.sum())
    return changed


def _flags(points: Sampled, one: Taken | Given | Doubt, changed: int) -> Iterator[Flag]:
    own = int(points.mask(one.organ).sum())
    part = int(one.points.sum())
    volume = f"{part * points.point_ml:.0f} ml"
    if isinstance(one, Doubt):
        yield _at(points, one, "organ_doubtful", one.detail)
    elif isinstance(one, Given):
        if changed:
            yield _at(points, one, "organ_corrected", f"{volume} of gas inside it were added")
    elif part * points.point_ml < LEAST_ML:
        return
    elif not changed:
        yield _at(points, one, "organ_doubtful", f"{volume} cannot be it: {one.rule}")
    else:
        yield _at(points, one, "organ_corrected", f"{volume} were taken away: {one.rule}")
        if MUCH * own < part < own:  # of an organ that is gone nothing is in doubt
            detail = f"{100 * part / own:.0f} % of it had to be taken away: {one.rule}"
            yield _at(points, one, "organ_doubtful", detail)


def _at(points: Sampled, one: Taken | Given | Doubt, code: str, detail: str) -> Flag:
    """Return a flag at the organ of a finding, which names it and its slices."""
    where = f"{one.organ.replace('_', ' ')} (slices {slice_runs(points.slices(one.points))})"
    return flag(code, f"{where}, {detail}").at(organ_place(one.organ))


def _with(labelmap: Labelmap, labels: np.ndarray, flags: list[Flag]) -> Labelmap:
    """Return a label map with other labels; an atom of which nothing is left is gone."""
    changed = {member for one in flags for member in _members(labelmap, one)}
    atoms = tuple(
        atom
        for atom in labelmap.atoms
        if atom.name not in changed or any((image == atom.value).any() for image in labels)
    )
    names = {a.name for a in atoms}
    if len(atoms) == len(labelmap.atoms):
        return replace(labelmap, labels=labels, flags=(*labelmap.flags, *flags))
    gone = {organ_place(a.name) for a in labelmap.atoms if a.name not in names}
    former = (f for f in labelmap.flags if f.code != "organ_unsure" or f.place not in gone)
    groups = {
        group: left
        for group, members in labelmap.groups.items()
        if (left := tuple(name for name in members if name in names))
    }
    return replace(
        labelmap,
        labels=labels,
        atoms=atoms,
        groups=groups | groups_of(names),
        flags=(*former, *flags),
        doubt=labelmap.doubt.only(names) if labelmap.doubt else None,
    )


def _members(labelmap: Labelmap, one: Flag) -> tuple[str, ...]:
    return labelmap.groups.get(organ_of(one.place) or "", ())
