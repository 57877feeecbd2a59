"""From a CT of the DICOM database with its dose report to doses in four clicks."""

from __future__ import annotations

from scanned_phantom import load_scan, write_scan


def test_from_the_dicom_database_to_doses_in_four_clicks(host, panel, tmp_path):
    import slicer

    clicks = []

    def click(button) -> None:
        clicks.append(button.objectName)
        host.click(button)

    scan = write_scan(tmp_path / "scan")
    slicer.util.selectModule("DICOM")
    # The browser of Slicer is no part of the host: choose the series, press Load.
    clicks += ["series", "Load"]
    load_scan(host, scan)
    clicks.append("CT Dose Seg in the list of modules")
    panel = host.open("CTDoseSeg")
    host.process_events()
    assert panel._parameterNode.inputVolume is not None
    assert panel.ui.doseReportText.text == "Found with the images"
    assert panel.ui.acquisitionCollapsibleButton.collapsed  # nothing to type
    click(panel.ui.applyButton)
    host.wait_until(lambda: panel.task.job is not None and not panel.task.job.active, 300)
    host.process_events()
    result = panel.results.results.result
    assert panel.results.results.doses()
    assert result.acquisition.sources["ctdivol_mGy"] == "rdsr"
    assert result.examination is not None
    assert result.examination.complete is not None
    assert len(clicks) == 4
