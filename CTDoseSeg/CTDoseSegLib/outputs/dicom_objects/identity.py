"""Who made an object: stable UIDs, the equipment, and the descriptions that all objects share."""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ... import __version__

if TYPE_CHECKING:
    from ...result import Result
    from ...segmentation.labelmap import Labelmap
    from .source import SourceCT

MANUFACTURER = "CTDoseSeg project"
MODEL = "CTDoseSeg"
SERIAL_NUMBER = "not applicable"
RESEARCH = "(research)"
# Above those that scanners give, so that a list of series shows what is derived after the CT.
SEG_SERIES, SR_SERIES, DOSE_SERIES, PDF_SERIES = 9601, 9602, 9603, 9604
# What differs between two runs of the same input.
_OF_THE_RUN = ("created", "python", "platform", "packages")


@dataclass(frozen=True)
class Producer:
    """Gives every object of one result its UIDs.

    Attributes
    ----------
    digest
        Of the patient, the source images, the label map, the result and the version: the same input
        gives the same UIDs, so that an archive that gets an object twice holds it once.
    """

    digest: str

    @classmethod
    def of(cls, source: SourceCT, labelmap: Labelmap, result: Result) -> Producer:
        """Return the producer of the objects of a result."""
        content = result.to_json()
        for name in _OF_THE_RUN:
            content["provenance"].pop(name, None)
        content["segmentation"].pop("file")  # its name follows from the packages
        patient = [str(source.first.get(k, "")) for k in ("PatientID", "PatientName")]
        hashed = hashlib.sha256()
        for image in labelmap.labels:
            hashed.update(image.astype("<u2").tobytes())
        hashed.update(
            json.dumps([patient, source.uids, __version__, content], sort_keys=True).encode()
        )
        return cls(hashed.hexdigest())

    def uid(self, *what: str) -> str:
        """Return the UID of a part of an object; ``2.25.`` and a number (PS3.5, B.2)."""
        hashed = hashlib.sha256("\n".join((self.digest, *what)).encode())
        return f"2.25.{int.from_bytes(hashed.digest()[:16], 'big')}"


def date(data: Any, created: str) -> None:
    """Give an object the time at which its result was made, in place.

    Parameters
    ----------
    data
        A data set.
    created
        UTC, ISO 8601, as `Provenance` has it; the time of now where it is empty.
    """
    moment = datetime.datetime.now(datetime.timezone.utc)
    if created:
        moment = datetime.datetime.fromisoformat(created)
    moment = moment.astimezone(_zone(str(data.get("TimezoneOffsetFromUTC", ""))))
    for kind in ("InstanceCreation", "Content"):
        setattr(data, f"{kind}Date", moment.strftime("%Y%m%d"))
        setattr(data, f"{kind}Time", moment.strftime("%H%M%S"))
    for equipment in data.get("ContributingEquipmentSequence") or ():
        equipment.ContributionDateTime = moment.strftime("%Y%m%d%H%M%S")


def _zone(offset: str) -> datetime.timezone | None:
    """Return the zone of the study's times (``+0130``); None is this machine's own."""
    try:
        shift = datetime.timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
        return datetime.timezone(-shift if offset[0] == "-" else shift)
    except (IndexError, ValueError):
        return None
