"""The phantom as sample data: from a click to doses, and what can go wrong on the way."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from module_steps import SMALL, apply


@pytest.fixture
def cache(panel, tmp_path):
    """Folder of the phantom's files in Slicer's cache; not there until it is made."""
    import slicer

    from CTDoseSegLib import __version__
    from CTDoseSegLib.ctdoseseg_ui.sample_data import NAME

    slicer.mrmlScene.GetCacheManager().SetRemoteCacheDirectory(str(tmp_path / "cache"))
    return tmp_path / "cache" / f"{NAME}-{__version__}"


@pytest.fixture
def small_cache(cache):
    """The same, filled with a small phantom, so that nothing needs to be made."""
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=0, **SMALL), cache)
    return cache


def kept(cache):
    """What lies in Slicer's cache, but for Slicer's own mark."""
    return [path for path in cache.parent.iterdir() if path.name != ".slicer-cache"]


def volumes():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")


def test_from_sample_data_to_doses_in_at_most_four_clicks(host, panel, monkeypatch):
    import qt

    from CTDoseSegLib.ctdoseseg_ui.nodes.exposures import stated_series
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    clicked, click = ["the menu of modules", "this module"], host.click
    monkeypatch.setattr(host, "click", lambda b: clicked.append(b.objectName) or click(b))
    ticks = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(panel.ui.statusLabel.text))
    timer.start(50)
    assert panel.ui.sampleButton.visible
    host.click(panel.ui.sampleButton)
    timer.stop()
    assert any("Making the phantom" in text for text in ticks), "the window stood still"
    assert not panel.ui.sampleButton.visible
    parameters = panel._parameterNode
    assert parameters.inputVolume.GetName() == "Phantom CT"
    assert parameters.inputSegmentation.GetName() == "Phantom organs"
    assert parameters.method == Method.EXISTING
    assert stated_series(parameters.inputVolume).acquisition.ctdivol_mGy > 0
    assert panel.ui.ctdivol_mGy_source.text == "read"
    apply(host, panel)
    assert {"liver", "lung", "kidney_left"} <= set(panel.results.results.doses())
    assert "not known" not in panel.ui.resultLabel.text.partition("Organ doses")[0]
    assert len(clicked) <= 4
    # The second time its files are in the cache.
    panel._parameterNode.inputVolume = None
    host.process_events()
    ticks.clear()
    timer.start(50)
    host.click(panel.ui.sampleButton)
    timer.stop()
    assert not any("Making" in text for text in ticks)


def test_two_loads_at_once_both_succeed(host, panel, cache):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_sample

    inner = []

    def ask_again(_sentence):
        if not inner:
            inner.append(None)
            inner[0] = load_sample()

    outer = load_sample(ask_again)
    assert [node.GetName() for node in inner[0]] == ["Phantom CT", "Phantom organs"]
    assert outer[0] is not inner[0][0]
    assert len(volumes()) == 2
    assert kept(cache) == [cache]  # nothing half made is left


def test_a_cache_that_cannot_be_written_is_a_sentence(host, panel, cache):
    shutil.rmtree(cache.parent)
    cache.parent.write_bytes(b"")  # for root, who may write everywhere
    host.click(panel.ui.sampleButton)
    text = panel.ui.statusLabel.text
    assert text.startswith("Problem: cache cannot be written: a file of that name is in the way;")
    assert panel.ui.sampleButton.enabled
    assert volumes() == []


def test_a_sample_whose_making_was_interrupted_leaves_no_half_file(host, panel, cache, monkeypatch):
    from CTDoseSegLib.ctdoseseg_ui import job

    run_and_wait = job.run_and_wait

    def killed(arguments, on_event, *others):
        def kill_at_start(report):
            if report["event"] == "started":
                os.kill(report["pid"], signal.SIGKILL)

        return run_and_wait(arguments, kill_at_start, *others)

    monkeypatch.setattr(job, "run_and_wait", killed)
    host.click(panel.ui.sampleButton)
    assert "Problem: The phantom could not be made: " in panel.ui.statusLabel.text
    assert kept(cache) == []
    assert volumes() == []


def test_making_the_sample_can_be_cancelled(host, panel, cache):
    import qt

    texts = []

    def cancel():
        texts.append(panel.ui.sampleButton.text)
        panel.ui.sampleButton.click()

    qt.QTimer.singleShot(300, cancel)
    usual = panel.ui.sampleButton.text
    host.click(panel.ui.sampleButton)
    assert texts == ["Cancel"]
    assert panel.ui.statusLabel.text == "Cancelled; the scene is as it was."
    assert panel.ui.sampleButton.text == usual
    assert kept(cache) == []
    assert volumes() == []


@pytest.mark.parametrize("lost", ["dicom/CT_0003.dcm", "rdsr", "truth"])
def test_an_altered_sample_in_the_cache_is_a_sentence_and_made_anew(host, panel, small_cache, lost):
    damaged = small_cache / lost
    if damaged.is_dir():
        shutil.rmtree(damaged)
    else:
        damaged.write_bytes(damaged.read_bytes()[:2000])
    host.click(panel.ui.sampleButton)
    assert panel.ui.statusLabel.text == (
        "Problem: The phantom's files in Slicer's cache were altered and are removed; "
        "try again, and they are made anew."
    )
    assert volumes() == []
    assert not small_cache.exists()


def test_a_sample_in_the_cache_is_loaded_at_once(host, panel, small_cache):
    host.click(panel.ui.sampleButton)
    assert panel.ui.statusLabel.text == "Ready: press Apply."
    assert len(volumes()) == 1


@pytest.fixture
def archive(host, panel, tmp_path, monkeypatch):
    """The sample as the console downloads it: a small archive, from a file."""
    import slicer
    from make_sample_archive import make

    from CTDoseSegLib.ctdoseseg_ui import sample_data
    from CTDoseSegLib.phantom.phantom import Phantom

    (source,) = slicer.modules.sampleDataSources["CTDoseSeg"]
    assert source.uris[0].startswith("https://github.com/CTDoseSeg/")
    assert Path(source.thumbnailFileName).is_file()
    slicer.modules.sampleDataSources.clear()
    path, digest = make(tmp_path, Phantom(seed=0, **SMALL))  # the release has the large one
    assert make(tmp_path, Phantom(seed=0, **SMALL)) == (path, digest)
    monkeypatch.setattr(sample_data, "ADDRESS", path.as_uri())
    monkeypatch.setattr(sample_data, "CHECKSUM", f"SHA256:{digest}")
    sample_data.register()
    return path


def test_the_console_downloads_the_sample_as_an_archive(archive):
    import SampleData

    folder = SampleData.downloadSample("CTDoseSegPhantom")
    assert len(list((Path(folder) / "dicom").iterdir())) == 24


def test_an_altered_download_is_refused_and_nothing_is_unpacked(archive, cache):
    import SampleData

    archive.write_bytes(archive.read_bytes()[:-100])
    assert SampleData.downloadSamples("CTDoseSegPhantom") == []
    assert not cache.exists()
