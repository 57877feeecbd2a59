"""Exposures of a folder without a dose report, told from reconstructions."""

from __future__ import annotations

import pytest
from dicom_files import UID, codes, make_slice, save, write_series

from CTDoseSegLib.reading.reader import read_series

EVENT = f"{UID}.5.1"


def reconstruction(folder, number, **tags):
    names = {"SeriesInstanceUID": f"{UID}.1.{number}", "SeriesNumber": number}
    return write_series(folder, SeriesDescription=f"R{number}", **(names | tags))


@pytest.mark.parametrize(
    ("tags", "reconstructions", "others"),
    [
        ({}, 1, 0),
        ({"ConvolutionKernel": "B70f", "SliceThickness": 5}, 1, 0),
        ({"AcquisitionNumber": 2}, 0, 1),
        ({"XRayTubeCurrent": 300}, 0, 1),
        ({"AcquisitionDate": "20240101", "AcquisitionTime": "120100"}, 0, 1),
        ({"ImagePositionPatient": lambda k: [-10, -20, 400 + 2 * k]}, 0, 1),
        ({"IrradiationEventUID": f"{UID}.5.2"}, 0, 1),
        ({"IrradiationEventUID": EVENT, "AcquisitionNumber": 2}, 1, 0),
        ({"XRayTubeCurrent": None, "AcquisitionNumber": None}, 1, 0),
    ],
)
def test_reconstructions_are_distinguished_from_exposures(tags, reconstructions, others, tmp_path):
    when = {"AcquisitionDate": "20240101", "AcquisitionTime": "120000"}
    reconstruction(tmp_path, 2, IrradiationEventUID=EVENT, **when)
    reconstruction(tmp_path, 3, **(when | tags))
    series = read_series(tmp_path, series_uid=f"{UID}.1.2")
    events = series.folder_events
    assert ("other_exposures" in codes(series)) is bool(others)
    assert (events.reconstructions, len(events.others)) == (reconstructions, others)


def test_another_patients_exposures_are_not_counted(tmp_path):
    reconstruction(tmp_path, 2)
    reconstruction(tmp_path, 3, AcquisitionNumber=2, PatientID="OTHER")
    events = read_series(tmp_path, series_uid=f"{UID}.1.2").folder_events
    assert (events.reconstructions, events.others) == (0, ())


def test_a_localizer_and_a_phase_in_the_series_are_other_exposures(tmp_path):
    reconstruction(tmp_path, 2)
    for k in range(5):
        data = make_slice(
            k,
            AcquisitionNumber=2,
            SOPInstanceUID=f"{UID}.8.{k}",
            SeriesInstanceUID=f"{UID}.1.2",
            XRayTubeCurrent=310,
        )
        save(data, tmp_path / f"phase-{k}.dcm")
    localizer = make_slice(
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesInstanceUID=f"{UID}.1.9"
    )
    save(localizer, tmp_path / "localizer.dcm")
    events = read_series(tmp_path).folder_events
    assert events.reconstructions == 0
    assert sorted(label.partition(" ")[0] for label in events.others) == ["exposure", "localizer"]
    assert not [label for label in events.others if "Secret" in label]
