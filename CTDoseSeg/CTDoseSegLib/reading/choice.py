"""Third stage: of the groups of a folder the one to measure, by `selection`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from ..errors import InputError, SeveralPatientsError
from ..flags import Flag, flag
from .field_of_view import FieldOfView
from .grouping import SliceGroup
from .selection import SeriesCandidate, choose, why_reformat, why_unusable
from .series_description import candidate_of
from .stacking import positions_beyond

_MOST_LISTED = 20
_MOST_REASONS = 5


@dataclass(frozen=True)
class Candidate:
    """A group of slices and its description for the ranking."""

    group: SliceGroup
    described: SeriesCandidate


@dataclass(frozen=True)
class Choice:
    """The group to measure.

    Attributes
    ----------
    group
        Its slices.
    left_out
        One sentence for each of the others, without identity.
    flags
        That the series has images which cannot be stacked with these.
    """

    group: SliceGroup
    left_out: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


def candidates_of(
    groups: Sequence[SliceGroup], series_uid: str | None = None
) -> tuple[Candidate, ...]:
    """Describe the groups to choose from: those of one patient, or of the series asked for.

    Parameters
    ----------
    groups
        Of a folder.
    series_uid
        UID of the series asked for, or the end of it.

    Returns
    -------
    tuple of Candidate

    Raises
    ------
    InputError
        If no series has the UID asked for, or several have.
    SeveralPatientsError
        If the groups are of several patients.
    """
    if series_uid is not None:
        uid = series_meant(series_uid, {group.series_uid for group in groups})
        groups = [group for group in groups if group.series_uid == uid]
    candidates = tuple(
        Candidate(group, candidate_of(group.headers, patient=group.patient, index=index))
        for index, group in enumerate(groups)
    )
    if len({group.patient for group in groups}) > 1:
        raise SeveralPatientsError(_several_patients([one.described for one in candidates]))
    return candidates


def choose_group(
    candidates: Sequence[Candidate],
    dose_reports: Collection[SliceGroup] = (),
    *,
    asked_for: bool = False,
) -> Choice:
    """Choose the group to measure.

    Parameters
    ----------
    candidates
        Of one patient.
    dose_reports
        Groups that are no candidates beside a series; without one they are among the reasons.
    asked_for
        The user named this series (or gave one file): reformats are then accepted.

    Returns
    -------
    Choice

    Raises
    ------
    InputError
        If none can be measured; the sentence gives the reasons.
    """
    ranked = [one for one in candidates if one.group not in dose_reports] or candidates
    ranked = with_zoomed(ranked)
    best, left_out = choose([one.described for one in ranked], asked_for)
    if best is None:
        reasons = [f"{reason[:1].lower()}{reason[1:]}".rstrip(".") for reason in left_out]
        raise InputError(
            f"No CT series that can be measured was found: {'; '.join(reasons[:_MOST_REASONS])}."
        )
    group = candidates[best.index].group
    parts = [one for one in candidates if one.group.series == group.series]
    images = sum(len(one.group.headers) for one in parts)
    flags: tuple[Flag, ...] = ()
    if others := images - len(group.headers):
        detail = f"{others} of {images} images were left out"
        slices = [
            header
            for one in parts
            if one.group is not group and _is_tomographic(one.described)
            for header in one.group.headers
        ]
        if slices and (lost := positions_beyond(group.headers, slices)):
            detail += f", {lost} of them at positions beyond those that are measured"
        flags = (flag("mixed_series", detail),)
    return Choice(group, left_out, flags)


def with_zoomed(
    candidates: Sequence[Candidate], local: Callable[[str], str] | None = None
) -> tuple[Candidate, ...]:
    """Mark the candidates whose field of view cuts the body where another one shows more of it.

    Parameters
    ----------
    candidates
        Of one patient.
    local
        Returns where a header's file can be read, which for a member of an archive is elsewhere.

    Returns
    -------
    tuple of Candidate
        In the same order.
    """
    fields = {
        id(one): FieldOfView(one.group.headers, local)
        for one in candidates
        if _is_tomographic(one.described)
    }
    marked = []
    for one in candidates:
        zoomed = id(one) in fields and any(
            fields[id(one)].is_zoomed_beside(fields[id(other)])
            for other in candidates
            # A derived series does not take the place of an original one.
            if id(other) in fields and other.described.derived <= one.described.derived
        )
        marked.append(replace(one, described=replace(one.described, zoomed=zoomed)))
    return tuple(marked)


def _is_tomographic(described: SeriesCandidate) -> bool:
    """Return whether images are axial slices of a body, no reformat."""
    return bool(described.axial) and not (why_unusable(described) or why_reformat(described))


def series_meant(asked_for: str, uids: set[str]) -> str:
    """Return the UID asked for, or the one that ends with it: lists show the end alone."""
    if asked_for in uids:
        return asked_for
    matching = [uid for uid in uids if asked_for and uid.endswith(asked_for)]
    if not matching:
        raise InputError(
            f"None of the {len(uids)} series in the folder has the UID asked for; leave it out to "
            "see what there is."
        )
    if len(matching) > 1:
        raise InputError(f"{len(matching)} series have a UID that ends so; give more of the UID.")
    return matching[0]


def _several_patients(candidates: Sequence[SeriesCandidate]) -> str:
    """Return the sentence that lists the series of several patients."""
    patients = len({candidate.patient for candidate in candidates})
    lines = [
        f"patient {c.patient + 1}: {c.label}, UID ...{c.series_uid[-8:]}"
        for c in sorted(candidates, key=lambda c: c.patient)
    ]
    more = f"; and {len(lines) - _MOST_LISTED} more" if len(lines) > _MOST_LISTED else ""
    return (
        f"The folder holds {patients} patients; give the folder of one, or name the series by the "
        f"end of its UID: {'; '.join(lines[:_MOST_LISTED])}{more}."
    )
