"""The kinds of input that are mutated; each makes its input once and mutates it again and again."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import dicom_mutations
import numpy as np
import oracle
import text_mutations
import volume_mutations
from oracle import Reading, Verdict


class DicomSeries:
    """A series of six slices; what a mutation did is undone before the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "series"
        self.folder.mkdir()
        self.files = dicom_mutations.make(self.folder)
        self.base = oracle.read_path(self.folder)
        self.intact = {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        words = dicom_mutations.mutate(rng, self.files, self.folder)
        secrets = (str(self.folder), dicom_mutations.SECRET)
        verdict = oracle.judge(lambda: oracle.read_path(self.folder), self.base, secrets)
        self.undo()
        return words, verdict

    def undo(self) -> None:
        """Write the files as they were."""
        for path in self.folder.iterdir():
            if path.name not in self.intact:
                path.unlink()
        for name, data in self.intact.items():
            (self.folder / name).write_bytes(data)


class WholeAnalysis:
    """A mutated series through the whole of `analyze`: size, SSDE and organ doses."""

    def __init__(self, folder: Path) -> None:
        self.series = DicomSeries(folder)
        self.base = self._analyze()

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        series = self.series
        words = dicom_mutations.mutate(rng, series.files, series.folder)
        secrets = (str(series.folder), dicom_mutations.SECRET)
        verdict = oracle.judge(self._analyze, self.base, secrets)
        series.undo()
        return words, verdict

    def _analyze(self) -> Reading:
        from CTDoseSegLib.analysis import analyze
        from CTDoseSegLib.reading.reader import read_series
        from CTDoseSegLib.result import Result
        from CTDoseSegLib.segmentation.threshold.engine import segment
        from CTDoseSegLib.tasks.progress import Progress

        series = read_series(self.series.folder)
        result = Result.of(analyze(series, segment(series, Progress())))
        doses = {organ.organ: organ.dose_mGy for organ in result.organs}
        numbers = {
            "size_mm": _known(result.size.summary.mean_mm),
            "ssde_mGy": _known(result.ssde.mean_mGy),
            "skin_mGy": doses.get("skin"),
            "effective_dose_mSv": result.effective_dose.effective_dose_mSv,
        }
        return Reading(numbers, frozenset(f.code for f in result.all_flags()))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


class Nifti:
    """A volume as .nii or .nii.gz."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, volume_mutations.nifti_bytes()
        (folder / "ct.nii").write_bytes(self.data)
        self.base = oracle.read_path(folder / "ct.nii")

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        path = self.folder / ("ct.nii.gz" if rng.integers(2) else "ct.nii")
        words = volume_mutations.mutate_nifti(rng, self.data, path)
        secrets = (str(self.folder),)
        return words, oracle.judge(lambda: oracle.read_path(path), self.base, secrets)


class Nrrd:
    """A volume as .nrrd."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ct.nrrd"
        self.path.write_bytes(volume_mutations.nrrd_bytes())
        self.base = oracle.read_path(self.path)

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        words = volume_mutations.mutate_nrrd(rng, self.path)
        secrets = (str(self.path.parent),)
        return words, oracle.judge(lambda: oracle.read_path(self.path), self.base, secrets)


class LabelMap:
    """A label map with its names: the volumes of named organs must not change without a word."""

    VOXELS: ClassVar = {"liver": 840.0, "spleen": 192.0}
    TABLE = "value,name\n1,body_rest\n2,liver\n3,spleen\n"

    def __init__(self, folder: Path) -> None:
        from CTDoseSegLib.reading.array_series import series_from_array

        hu = volume_mutations.voxels()
        self.series = series_from_array(hu, volume_mutations.AFFINE)
        labels = (hu > -500).astype(np.uint8)
        labels[:, 16:30, 24:34], labels[:, 20:28, 36:40] = 2, 3
        self.path, self.table = folder / "labels.nii.gz", folder / "labels.csv"
        from CTDoseSegLib.ct.volume_files import write_nifti

        write_nifti(folder / "labels.nii", labels, volume_mutations.AFFINE)
        self.data = (folder / "labels.nii").read_bytes()
        write_nifti(self.path, labels, volume_mutations.AFFINE)
        self.intact = self.path.read_bytes()
        self.table.write_text(self.TABLE)
        self.base = self._read()

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        if rng.integers(2):
            words = volume_mutations.mutate_nifti(rng, self.data, self.path)
        else:
            text, words = text_mutations.mutate_csv(rng, self.TABLE)
            self.table.write_text(text)
        verdict = oracle.judge(self._read, self.base, (str(self.path.parent),))
        self.path.write_bytes(self.intact)
        self.table.write_text(self.TABLE)
        return words, verdict

    def _read(self) -> Reading:
        from CTDoseSegLib.segmentation.user import read_labelmap

        labelmap = read_labelmap(self.path, self.series)
        names = {atom.name: float((labelmap.labels == atom.value).sum()) for atom in labelmap.atoms}
        # Another name or none is what the table says then; a wrong size under its name is a fault.
        numbers = {name: names.get(name, self.VOXELS[name]) for name in self.VOXELS}
        return Reading(numbers, frozenset(f.code for f in labelmap.flags))


class ResultJson:
    """A stored result: what is read must be what stands there, or a sentence."""

    def __init__(self, folder: Path) -> None:
        from CTDoseSegLib.result import parse_result

        stored = Path(__file__).parents[1] / "Data" / "release_0_1_0" / "result" / "result.json"
        self.content = parse_result(stored.read_text(encoding="utf-8"), "result.json").to_json()

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        from CTDoseSegLib.result import parse_result

        text, words = text_mutations.mutate_json(rng, self.content)

        def read() -> Reading:
            parse_result(text, "result.json").to_json()
            return Reading({})

        return words, oracle.judge(read, Reading({}), ("/",) if "/" not in text else ())


class TypedValues:
    """Values that the user typed, as JSON."""

    CONTENT: ClassVar = {"kvp_kV": 120, "rotation_time_s": 0.5, "pitch": 1.0, "ctdivol_mGy": 9.0}

    def __init__(self, folder: Path) -> None:
        self.path = folder / "typed.json"

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        text, words = text_mutations.mutate_json(rng, self.CONTENT)
        self.path.write_text(text, encoding="utf-8")

        def read() -> Reading:
            from CTDoseSegLib.ct.acquisition import check_typed, read_json_object

            check_typed(read_json_object(self.path))
            return Reading({})

        # A value that is typed is taken as it stands, so that only crashes are judged.
        return words, oracle.judge(read, Reading({}), ())


class DoseReport:
    """A dose report: bytes that are flipped, cut or inserted."""

    def __init__(self, folder: Path) -> None:
        from CTDoseSegLib.phantom.dicom_files import write_dicom
        from CTDoseSegLib.phantom.phantom import Phantom

        small = Phantom(seed=1, shape=(24, 24, 4), spacing_mm=(18.0, 18.0, 60.0))
        write_dicom(small, folder / "made")
        self.data = (folder / "made" / "rdsr" / "dose_report.dcm").read_bytes()
        self.path = folder / "report.dcm"
        self.path.write_bytes(self.data)
        self.base = self._read()

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        data, way = bytearray(self.data), int(rng.integers(3))
        place = int(rng.integers(0, len(data)))
        if way == 0:
            data[place] ^= 1 << int(rng.integers(8))
            words = f"bit flipped at {place}"
        elif way == 1:
            data, words = data[:place], f"cut after {place}"
        else:
            more = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), dtype=np.uint8))
            data[place:place] = more
            words = f"{len(more)} inserted at {place}"
        self.path.write_bytes(bytes(data))
        # A digit that is another is a number that stands there: only crashes are judged.
        verdict = oracle.judge(self._read, Reading({}), (str(self.path.parent),))
        return words, verdict

    def _read(self) -> Reading:
        from CTDoseSegLib.reading.dose_report_file import read_dose_report

        read_dose_report(self.path)
        return Reading({})


class Plan:
    """A plan of `ctdoseseg discover`."""

    def __init__(self, folder: Path) -> None:
        from CTDoseSegLib.batch.discovery import discover

        series = DicomSeries(folder)
        self.path = folder / "plan.csv"
        self.rows = list(discover(series.folder))
        from CTDoseSegLib.batch.plan import write_plan

        write_plan(self.path, self.rows)
        self.text = self.path.read_text(encoding="utf-8")

    def judge(self, rng: np.random.Generator) -> tuple[str, Verdict]:
        text, words = text_mutations.mutate_csv(rng, self.text)
        self.path.write_text(text, encoding="utf-8")

        def read() -> Reading:
            from CTDoseSegLib.batch.plan import read_plan

            list(read_plan(self.path))
            return Reading({})

        return words, oracle.judge(read, Reading({}), ())


KINDS = {
    "dicom": DicomSeries,
    "analysis": WholeAnalysis,
    "nifti": Nifti,
    "nrrd": Nrrd,
    "labels": LabelMap,
    "report": DoseReport,
    "result": ResultJson,
    "typed": TypedValues,
    "plan": Plan,
}
