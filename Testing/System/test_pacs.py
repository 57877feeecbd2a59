"""Results reach a real archive and come back as they were; series that arrive are analysed once."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pydicom
import pytest
from dicom_study import dicom_analysis
from orthanc import PROGRAM, Orthanc, free_port

pytest.importorskip("pynetdicom", reason="an archive is spoken to with pynetdicom")
pytest.importorskip("dicomweb_client", reason="DICOMweb needs dicomweb-client")

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.errors import ArchiveError, InputError
from CTDoseSegLib.outputs.archive_address import target_of
from CTDoseSegLib.outputs.dicom_objects.writing import write_dicom_objects
from CTDoseSegLib.outputs.pacs import send
from CTDoseSegLib.result import Result

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(PROGRAM is None, reason="Orthanc is not installed (apt install orthanc)"),
]
LIB = Path(command_line.__file__).parents[2]
ENGINE = ("--engine", "classical", "--dicom=seg,sr")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    ports = {"CTDOSESEG": free_port(), "STORESCP": free_port()}
    known = {name: ("127.0.0.1", port) for name, port in ports.items()}
    one = Orthanc(tmp_path_factory.mktemp("orthanc"), known)
    one.ports = ports
    yield one
    one.stop()


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """The CT and its SEG, SR and PDF."""
    folder = tmp_path_factory.mktemp("objects")
    analysis = dicom_analysis(folder / "ct")
    result = Result.of(analysis)
    kinds = ("seg", "sr", "pdf")
    pdf = b"%PDF-1.4 of a test"
    made = write_dicom_objects(analysis.series, analysis.labelmap, result, folder, kinds, pdf=pdf)
    return [*sorted((folder / "ct").glob("*.dcm")), *made]


def same(file: bytes, path: Path) -> bool:
    return pydicom.dcmread(io.BytesIO(file)) == pydicom.dcmread(path)


def uid(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def test_what_is_sent_is_kept_and_comes_back_equal(archive, objects):
    commit = ("127.0.0.1", archive.ports["CTDOSESEG"])
    assert send(objects, target_of(archive.address), commit=commit) == len(objects)
    for path in objects:
        assert same(archive.file_of(uid(path)), path), path.name


def test_dicomweb_takes_and_returns_the_same(archive, objects):
    from dicomweb_client import DICOMwebClient

    assert send(objects, target_of(archive.web)) == len(objects)
    client = DICOMwebClient(archive.web)
    for path in objects:
        own = pydicom.dcmread(path)
        back = client.retrieve_instance(
            own.StudyInstanceUID, own.SeriesInstanceUID, own.SOPInstanceUID
        )
        back.file_meta, own.file_meta = pydicom.Dataset(), pydicom.Dataset()
        assert back == own, path.name


def test_the_archive_moves_all_of_it_to_a_plain_receiver(archive, objects, tmp_path):
    if shutil.which("storescp") is None:
        pytest.skip("storescp of dcmtk is not installed")
    send(objects, target_of(archive.address))
    port = archive.ports["STORESCP"]
    receiver = subprocess.Popen(
        ["storescp", "+xa", "-od", str(tmp_path), "-aet", "STORESCP", str(port)]
    )
    try:
        time.sleep(1)
        study = str(pydicom.dcmread(objects[0]).StudyInstanceUID)
        (found,) = archive.request("POST", "/tools/lookup", study.encode())
        archive.request("POST", "/modalities/STORESCP/store", found["ID"].encode())
    finally:
        receiver.terminate()
        receiver.wait(10)
    moved = {uid(path): path for path in tmp_path.iterdir()}
    assert set(moved) == {uid(path) for path in objects}
    for path in objects:
        assert same(moved[uid(path)].read_bytes(), path), path.name


def test_an_archive_that_is_down_gives_a_sentence(objects, tmp_path, capsys):
    one = Orthanc(tmp_path / "orthanc")
    one.stop()
    for address in (one.address, one.web):
        with pytest.raises(ArchiveError, match="cannot be reached"):
            send(objects, target_of(address))
    code = command_line.main(["send", str(objects[-1]), "--to", one.address, "--events", "none"])
    assert code == 3
    assert "cannot be reached" in capsys.readouterr().err


def test_an_archive_that_does_not_know_us_gives_a_sentence(objects, tmp_path):
    port = free_port()
    with watching(tmp_path / "watch", port, callers="OTHER"):
        with pytest.raises(ArchiveError, match="does not know CTDOSESEG"):
            send(objects[:1], target_of(f"CTDOSESEG@127.0.0.1:{port}"))
        with pytest.raises(ArchiveError, match="is not called WRONG"):
            send(objects[:1], target_of(f"WRONG@127.0.0.1:{port}"), own_ae="OTHER")


def test_a_file_that_is_no_dicom_is_named_before_anything_is_sent(archive, objects, tmp_path):
    other = tmp_path / "notes.dcm"
    other.write_text("no DICOM")
    before = len(archive.instances())
    with pytest.raises(InputError, match=r"notes\.dcm"):
        send([other, *objects], target_of(archive.address))
    assert len(archive.instances()) == before


# watch -----------------------------------------------------------------------------------


class Watching:
    """`ctdoseseg watch` as a process of its own."""

    def __init__(self, folder: Path, port: int, *more: str, callers: str = "PHYSICIST") -> None:
        self.folder, self.port, self._more, self._callers = folder, port, more, callers
        self.start()

    def start(self) -> None:
        arguments = [sys.executable, "-u", "-m", "CTDoseSegLib", "watch", "--events", "jsonl"]
        arguments += ["--output", str(self.folder), "--port", str(self.port), "--quiet", "0.5"]
        arguments += ["--callers", self._callers, *ENGINE, *self._more]
        self.process = subprocess.Popen(
            arguments, cwd=LIB, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.events: list[dict] = []
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        self.until(lambda: any("analysed" in e.get("message", "") for e in self.events), 60)

    def _listen(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            self.events.append(json.loads(line))

    def until(self, holds, seconds: float) -> float:
        """Wait until something holds; return how long it took."""
        began = time.monotonic()
        while not holds():
            assert self.process.poll() is None, self.events
            assert time.monotonic() - began < seconds, self.events[-5:]
            time.sleep(0.2)
        return time.monotonic() - began

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    @property
    def said(self) -> str:
        """The last count."""
        return [e["message"] for e in self.events if e["event"] == "progress"][-1]

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


watching = Watching


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    """Some 60 slices of a phantom's chest."""
    folder = tmp_path_factory.mktemp("phantom")
    options = ("--age", "40", "--region", "chest", "--pixels", "128", "--slice-mm", "5")
    subprocess.run(
        [sys.executable, "-m", "CTDoseSegLib", "phantom", str(folder / "p"), *options],
        cwd=LIB,
        check=True,
        capture_output=True,
    )
    files = sorted((folder / "p" / "dicom").rglob("*.dcm"))
    series = {}
    for file in files:
        data = pydicom.dcmread(file, stop_before_pixels=True)
        series.setdefault((data.Modality, str(data.SeriesInstanceUID)), []).append(file)
    return max(series.values(), key=len)


def results_of(archive: Orthanc, files: list[Path]) -> list[str]:
    """UIDs of the SEG and SR in the study of a CT."""
    study = str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)
    query = {"Level": "Instance", "Expand": True, "Query": {"StudyInstanceUID": study}}
    found = archive.request("POST", "/tools/find", query)
    own = {uid(file) for file in files}
    uids = [one["MainDicomTags"]["SOPInstanceUID"] for one in found]
    return [one for one in uids if one not in own]


def copies(files: list[Path], folder: Path, study: str) -> list[Path]:
    """The same CT as another study."""
    folder.mkdir(parents=True)
    made = []
    for n, file in enumerate(files):
        data = pydicom.dcmread(file)
        data.StudyInstanceUID, data.SeriesInstanceUID = study, f"{study}.1"
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.{n + 1}"
        made.append(folder / f"{n:03d}.dcm")
        data.save_as(made[-1])
    return made


def to(watch: Watching, files: list[Path]) -> int:
    return send(files, target_of(f"CTDOSESEG@127.0.0.1:{watch.port}"), own_ae="PHYSICIST")


def test_a_series_that_arrives_is_analysed_once_and_its_results_are_sent(archive, ct, tmp_path):
    with watching(tmp_path / "watch", free_port(), "--to", archive.address) as watch:
        to(watch, ct)
        watch.until(lambda: len(results_of(archive, ct)) == 2, 120)
        before = sorted(results_of(archive, ct))
        (made,) = (tmp_path / "watch" / "studies").iterdir()
        written_ns = (made / "result.json").stat().st_mtime_ns
        to(watch, ct)  # the archive sends the study again, and what we made with it
        to(watch, [made / "dicom_seg.dcm", made / "dicom_sr.dcm"])
        time.sleep(3)
        watch.until(lambda: watch.said.startswith("1 analysed, 0 failed, 0 waiting, 0 to"), 30)
        assert sorted(results_of(archive, ct)) == before
        assert (made / "result.json").stat().st_mtime_ns == written_ns
        # Images of a patient are kept no longer than needed.
        assert not list((tmp_path / "watch" / "run").rglob("*.dcm"))
    assert watch.process.returncode == command_line.CANCELLED


def test_half_a_series_gives_no_result_until_the_rest_has_come(ct, tmp_path):
    from pynetdicom import AE

    with watching(tmp_path / "watch", free_port()) as watch:
        entity = AE(ae_title="PHYSICIST")
        entity.add_requested_context(pydicom.dcmread(ct[0]).SOPClassUID)
        association = entity.associate("127.0.0.1", watch.port, ae_title="CTDOSESEG")
        for file in ct[: len(ct) // 2]:
            assert association.send_c_store(pydicom.dcmread(file)).Status == 0
        association.abort()
        time.sleep(3)
        watch.until(lambda: watch.said.endswith("1 incomplete"), 10)
        assert not (tmp_path / "watch" / "studies").exists()
        to(watch, ct)
        watch.until(lambda: watch.said.startswith("1 analysed"), 120)
    (study,) = (tmp_path / "watch" / "studies").iterdir()
    result = json.loads((study / "result.json").read_text())
    assert result["geometry"]["shape_kji"][0] == len(ct)


def test_results_wait_for_an_archive_that_is_down(ct, tmp_path):
    one = Orthanc(tmp_path / "orthanc")
    one.stop()
    try:
        with watching(tmp_path / "watch", free_port(), "--to", one.address) as watch:
            to(watch, ct)
            watch.until(lambda: any(e.get("code") == "not_sent" for e in watch.events), 120)
            watch.until(lambda: "1 to be sent" in watch.said, 10)
            one.start()
            watch.until(lambda: len(results_of(one, ct)) == 2, 60)
            watch.until(lambda: "0 to be sent" in watch.said, 10)
    finally:
        one.stop()


def test_kills_lose_nothing_and_double_nothing(archive, ct, tmp_path):
    kills = int(os.environ.get("CTDOSESEG_KILLS", "3"))
    watch = watching(tmp_path / "watch", free_port(), "--to", archive.address)
    sets = []
    with watch:
        for n in range(kills):
            sets.append(copies(ct, tmp_path / f"ct{n}", f"1.2.826.0.1.3680043.10.5.{n + 1}"))
            to(watch, sets[-1])
            time.sleep(0.4 + 9.0 * n / kills)  # before, in and after the analysis
            watch.kill()
            watch.start()
        watch.until(
            lambda: all(len(results_of(archive, files)) == 2 for files in sets), 120 * kills
        )
        watch.until(lambda: watch.said.startswith(f"{kills} analysed, 0 failed, 0 waiting"), 60)
    assert all(len(results_of(archive, files)) == 2 for files in sets)
    assert len(list((tmp_path / "watch" / "studies").iterdir())) == kills


def test_no_more_than_the_queue_holds_is_taken(ct, tmp_path):
    with watching(tmp_path / "watch", free_port(), "--max-series", "1", "--quiet", "600") as watch:
        to(watch, copies(ct[:9], tmp_path / "a", "1.2.826.0.1.3680043.10.6.1"))
        other = copies(ct[:9], tmp_path / "b", "1.2.826.0.1.3680043.10.6.2")
        with pytest.raises(ArchiveError, match="0xA700"):
            to(watch, other)
        assert any("too many series" in e.get("message", "") for e in watch.events)
