"""The measurement report (TID 1500, Comprehensive 3D SR) by highdicom.

A group for each organ (volume, mean HU, dose with its 90 % interval, method and flags), for each
slice with a water-equivalent diameter (WED, SSDE), and for the whole scan. Organs refer to their
segment, slices to their image. The report is preliminary and not verified.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import __version__
from ...ct.organs import spoken_name
from ...dosimetry.doses import OrganDose
from ...flags import Flag
from ...result import Result
from . import sr_codes as c
from .identity import MANUFACTURER, MODEL, RESEARCH, SERIAL_NUMBER, SR_SERIES, Producer
from .organ_codes import NO_SEGMENT, code_of, side_of
from .seg import Segmented, tracking_uid

if TYPE_CHECKING:
    from .source import SourceCT


def make_sr(
    source: SourceCT, result: Result, producer: Producer, seg: Segmented | None = None
) -> Any:
    """Make the measurement report of a result.

    Parameters
    ----------
    source
        The CT of the result.
    result
        What to report.
    producer
        Gives the UIDs.
    seg
        What organs refer to; None: they name their anatomy alone.

    Returns
    -------
    highdicom.sr.Comprehensive3DSR
    """
    import highdicom as hd
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    groups = [
        *_organs(result, producer, source, seg),
        *_slices(result, producer, source),
        _scan(result, producer),
    ]
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=_device()),
        procedure_reported=c.concept(c.PROCEDURE),
        imaging_measurements=groups,
        title=c.concept(c.TITLE),
    )
    evidence = [*source.images, *([seg.dataset] if seg is not None else [])]
    return hd.sr.Comprehensive3DSR(
        evidence=evidence,
        content=report[0],
        series_instance_uid=producer.uid("SR", "series"),
        series_number=SR_SERIES,
        sop_instance_uid=producer.uid("SR", "instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=__version__,
        device_serial_number=SERIAL_NUMBER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=f"CTDoseSeg measurements {RESEARCH}",
        coding_schemes=[
            CodingSchemeIdentificationItem(
                c.SCHEME, name=c.SCHEME_NAME, responsible_organization=MANUFACTURER
            )
        ],
    )


def reported_organs(result: Result, seg: Segmented | None) -> list[tuple[str, OrganDose | None]]:
    """Return the organs that get a group: those with a segment or a dose, and their dose.

    An organ that two dose models cover comes once, with the dose of the first.
    """
    doses: dict[str, OrganDose] = {}
    for dose in result.organs:
        doses.setdefault(dose.organ, dose)
    drawn = {atom.name for atom in seg.atoms} if seg is not None else set(result.structures)
    return [
        (name, doses.get(name))
        for name in dict.fromkeys([*result.structures, *doses])
        if name not in NO_SEGMENT
        and name != "body"
        and (name in drawn or (name in doses and doses[name].dose_mGy is not None))
    ]


def _organs(
    result: Result, producer: Producer, source: SourceCT, seg: Segmented | None
) -> Iterator[Any]:
    import highdicom as hd

    for name, dose in reported_organs(result, seg):
        side = side_of(name)
        site = hd.sr.FindingSite(code_of(name), laterality=side)
        shared: dict[str, Any] = {
            "tracking_identifier": hd.sr.TrackingIdentifier(
                uid=tracking_uid(producer, name), identifier=spoken_name(name)
            ),
            "finding_type": code_of(name),
            "finding_sites": [site],
            "measurements": [*_of_voxels(result, name), *_of_dose(dose)],
            "qualitative_evaluations": _flags(dose.flags if dose is not None else ()),
        }
        if dose is not None and dose.dose_mGy is not None:
            # Readers look for the method at the group, not at the number.
            shared["method"] = c.method_of(dose.route)
        number = seg.number_of(name) if seg is not None else None
        if seg is None or number is None:
            yield hd.sr.MeasurementsAndQualitativeEvaluations(**shared)
            continue
        reference = hd.sr.ReferencedSegment(
            str(seg.dataset.SOPClassUID),
            str(seg.dataset.SOPInstanceUID),
            number,
            source_series=hd.sr.SourceSeriesForSegmentation(str(source.first.SeriesInstanceUID)),
        )
        yield hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=reference, **shared
        )


def _of_voxels(result: Result, name: str) -> Iterator[Any]:
    structure = result.structures.get(name)
    if structure is None or not structure.count.any():
        return
    if structure.volume_ml is not None:
        yield _measured(c.VOLUME, structure.volume_ml, c.CM3)
    seen = structure.count > 0
    mean_hu = np.average(structure.mean_hu[seen], weights=structure.count[seen])
    yield _measured(c.ATTENUATION, mean_hu, c.HU, derivation=c.concept(c.MEAN))


def _of_dose(dose: OrganDose | None) -> Iterator[Any]:
    if dose is None or dose.dose_mGy is None:
        return
    ends = (dose.total_low_mGy, dose.total_high_mGy)
    yield _measured(c.ABSORBED_DOSE, dose.dose_mGy, c.MGY, ends=ends, derivation=c.concept(c.MEAN))


def _slices(result: Result, producer: Producer, source: SourceCT) -> Iterator[Any]:
    import highdicom as hd

    slices = result.slices
    for k, (z_mm, wed_mm, ssde_mGy) in enumerate(
        zip(slices.z_mm, slices.wed_mm, slices.ssde_mGy, strict=True)
    ):
        if not np.isfinite(wed_mm):
            continue
        measured = [_measured(c.POSITION, z_mm, c.MM), _measured(c.WED_AT, wed_mm, c.MM)]
        if np.isfinite(ssde_mGy):
            measured.append(_measured(c.SSDE_AT, ssde_mGy, c.MGY))
        image, frame = source.image_of(k)
        yield hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=hd.sr.TrackingIdentifier(
                uid=producer.uid("slice", str(k)), identifier=f"slice {k}"
            ),
            measurements=measured,
            qualitative_evaluations=_flags(slices.flags[k]),
            source_images=[
                hd.sr.SourceImageForMeasurementGroup(
                    str(image.SOPClassUID),
                    str(image.SOPInstanceUID),
                    [frame] if frame is not None else None,
                )
            ],
        )


def _scan(result: Result, producer: Producer) -> Any:
    import highdicom as hd

    effective = result.effective_dose
    measured = [
        _measured(c.MEAN_WED, result.size.summary.mean_mm, c.MM, result.size.mean_interval_mm),
        _measured(
            c.SSDE,
            result.ssde.mean_mGy,
            c.MGY,
            result.ssde.mean_interval_mGy,
            method=c.concept(c.MEAN_OF_SSDE),
        ),
        _measured(c.MEAN_CTDIVOL, result.mean_ctdivol_mGy, c.MGY),
        _measured(c.DLP, effective.dlp.value_mGy_cm if effective.dlp else None, c.MGY_CM),
        _measured(
            c.EFFECTIVE_DOSE,
            effective.effective_dose_mSv,
            c.MSV,
            method=c.own("effective-k-dlp", "Conversion factor of the body region times DLP"),
        ),
    ]
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=producer.uid("scan"), identifier="whole scan"
        ),
        measurements=[one for one in measured if one is not None],
        qualitative_evaluations=[c.uncertainties(), *(_flags(result.flags) or ())],
    )


def _measured(
    name: tuple[str, str, str],
    value: float | None,
    unit: tuple[str, str, str],
    ends: tuple[float | None, float | None] | None = None,
    **more: Any,
) -> Any:
    """Return a number with its unit; None where it is not known.

    Parameters
    ----------
    ends
        Of its 90 % interval, written as distances from the value.
    """
    import highdicom as hd

    if value is None or not np.isfinite(value):
        return None
    value = _written(value)
    low, high = ends or (None, None)
    # That of a corrected mean need not enclose the mean as measured.
    if low is not None and high is not None and low <= value <= high:
        more["properties"] = hd.sr.MeasurementProperties(
            upper_measurement_uncertainty=_written(high - value),
            lower_measurement_uncertainty=_written(value - low),
        )
    measurement = hd.sr.Measurement(c.concept(name), value, c.concept(unit), **more)
    for item in measurement[0].get("ContentSequence") or ():
        # Highdicom takes no unit for a distance.
        if item.ConceptNameCodeSequence[0].CodeValue in (c.PLUS, c.MINUS):
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [c.concept(unit)]
    return measurement


def _written(value: float) -> float:
    """Return a number to 0.01, a smaller one to three digits."""
    if value == 0:
        return 0.0
    return round(float(value), max(2, 2 - math.floor(math.log10(abs(value)))))


def _flags(flags: tuple[Flag, ...]) -> list[Any] | None:
    import highdicom as hd

    shown = [
        hd.sr.QualitativeEvaluation(
            c.concept(c.FLAG), c.own(_short(flag.code), flag.code.replace("_", " "))
        )
        for flag in {flag.code: flag for flag in flags}.values()
    ]
    return shown or None


def _short(code: str) -> str:
    """Return a code of a flag in 16 characters, another for each."""
    if len(code) <= 16:
        return code
    return f"{code[:11]}-{hashlib.sha256(code.encode()).hexdigest()[:4]}"


def _device() -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    digest = hashlib.sha256(f"{MODEL} {__version__}".encode()).digest()[:16]
    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=f"2.25.{int.from_bytes(digest, 'big')}",
            name=MODEL,
            manufacturer_name=MANUFACTURER,
            model_name=MODEL,
            serial_number=__version__,
        ),
    )
