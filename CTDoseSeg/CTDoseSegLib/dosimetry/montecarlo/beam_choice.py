"""Which beam a scan was made with: by name, as measured on the scanner, or the most probable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...ct.scanner_profile import MeasuredBeam, words
from ...measurement.ssde import anatomy_of
from ..scan import Scan
from .beams import BeamModel, measured_model, model_of, usual_beam

if TYPE_CHECKING:
    from .exposure import Exposure

CONE_BEAM = "cone-beam"
# No CT with a fan beam is collimated as wide; cone beams have other doses and no CTDIvol.
_WIDEST_MM = 160.0
_CONE_BEAM = re.compile(r"CBCT|CONE.?BEAM|\bXVI\b|\bOBI\b|ON.?BOARD IMAGER")


def beam_model(name: str | None, scan: Scan, exposure: Exposure) -> BeamModel:
    """Return the beam of a name, or the one that a scan had most probably.

    The scanner profile's own beams come first: by their name, else by their filter.

    Raises
    ------
    AcquisitionError
        If there is no beam of that name.
    """
    if name is not None:
        return named_beam(name, scan.scanner.beams)
    return usual_model(scan, exposure.phantom_cm)


def usual_model(scan: Scan, phantom_cm: int) -> BeamModel:
    """Return the beam that a scan had most probably; `phantom_cm` is that of its CTDIvol."""
    stated = scan.series.acquisition
    filter_cm = filter_phantom_cm(scan, phantom_cm)
    return usual_beam(filter_cm, stated.manufacturer, stated.model, scan.scanner.beams)


def named_beam(name: str, measured: Sequence[MeasuredBeam] = ()) -> BeamModel:
    """Return a beam of a scanner profile, or one that comes with CTDoseSeg, by its name.

    Parameters
    ----------
    name
        In any case.
    measured
        Beams of the profile.

    Raises
    ------
    AcquisitionError
        If there is none of that name.

    Examples
    --------
    >>> named_beam("Generic Body").name
    'generic body'
    """
    own = next((beam for beam in measured if words(beam.name) == words(name)), None)
    return model_of(name) if own is None else measured_model(own)


def filter_phantom_cm(scan: Scan, phantom_cm: int) -> int:
    """Return the CTDI phantom that goes with the filter of a scan: 16 for heads, 32 for bodies.

    A child's body is scanned with the filter for bodies, whatever phantom its CTDIvol is for.
    """
    acquisition = scan.series.acquisition
    stated = (acquisition.filter_type or "").upper()
    for word, goes_with_cm in (("HEAD", 16), ("BODY", 32)):
        if word in stated:
            return goes_with_cm
    anatomy = anatomy_of(acquisition.body_part)
    if anatomy is not None:
        return 16 if anatomy == "head" else 32
    of_trunk = any(name in scan.organs for name in ("lung", "liver", "urinary_bladder"))
    trunk = of_trunk and not scan.is_head
    return 32 if trunk or phantom_cm == 32 else 16


def unusual_beams(scan: Scan) -> Iterator[str]:
    """Yield why none of the beams that come with CTDoseSeg is that of a scan."""
    acquisition = scan.series.acquisition
    if acquisition.tin_filter:
        yield "a tin filter was used, and no beam here has one"
    if acquisition.dual_source:
        yield "two tubes were used at once, and the beams here are of one tube"
    if any(one.code == "dual_energy" for one in scan.series.flags):
        yield "two tube voltages were used, and the beams here are of one voltage"
    names = f"{acquisition.manufacturer or ''} {acquisition.model or ''} {scan.series.description}"
    width = acquisition.total_collimation_mm or 0.0
    if width > _WIDEST_MM or _CONE_BEAM.search(names.upper()):
        yield f"it is a {CONE_BEAM} CT, whose beam and dose index are other ones"
