"""Patients whose identity stands in every text tag, in many character sets and spellings."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import pydicom
from dicom_files import save
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement

# Text tags of a CT slice; what the tool reads of them and what it does not.
TAGS = (
    *("SeriesDescription", "ConvolutionKernel", "Manufacturer", "ManufacturerModelName"),
    *("BodyPartExamined", "PatientPosition", "ExposureModulationType", "FilterType"),
    *("FilterMaterial", "ScanOptions", "ContrastBolusAgent", "CardiacSynchronizationTechnique"),
    *("StudyDescription", "ProtocolName", "PatientComments", "ImageComments", "InstitutionName"),
    *("RequestedProcedureDescription", "StationName", "PerformedProcedureStepDescription"),
    *("AcquisitionDeviceProcessingDescription", "DerivationDescription", "Occupation"),
    *("AdmittingDiagnosesDescription", "AdditionalPatientHistory", "PatientAddress", "StudyID"),
    "LossyImageCompression",
)
ID, BIRTH, STUDY = "00047118-Q", "19500131", "20240229"
IDS = (ID, "47118-Q", "47118q", "47118 Q", "047118_q")
DATES = (
    *("19500131", "1950-01-31", "31.01.1950", "01/31/1950", "31.1.50", "31-Jan-1950", "S25.1.31"),
    *("20240229", "2024/02/29", "29.02.2024", "02/29/2024", "Feb 29, 2024", "20240229101530"),
)
ENCODINGS = (
    *("utf-8", "utf-16-le", "utf-16-be", "iso2022_jp", "shift_jis", "euc_jp", "gb18030", "euc_kr"),
    *("iso8859_1", "iso8859_2", "iso8859_5", "cp1251", "koi8_r"),
)


@dataclass(frozen=True)
class Patient:
    """A patient, the character set that the file declares, and the one it is written in."""

    name: str
    declared: tuple[str, ...]
    codec: str
    spellings: tuple[str, ...]
    secrets: tuple[str, ...]

    def encode(self, text: str) -> bytes:
        """Encode a text as the file holds it."""
        if self.codec != "ISO 2022 KR":
            return text.encode(self.codec)
        parts = re.split(r"([^\x00-\x7f]+)", text)
        return b"".join(
            part.encode() if part.isascii() else b"\x1b$)C" + part.encode("euc_kr")
            for part in parts
        )


_JAPANESE = {
    "name": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "spellings": (
        *("山田 太郎", "太郎　山田", "山田太郎", "ヤマダ タロウ", "やまだたろう", "YAMADA_TAROU"),
        *("tarou yamada", "TarouYamada", "Y.A.M.A.D.A"),
    ),
    "secrets": ("Yamada", "Tarou", "山田", "太郎", "やまだ", "たろう", "ヤマダ", "タロウ"),
}
_GERMAN = {
    "name": "Müllèr-Straße^Jörg",
    "spellings": (
        *("Müllèr-Straße", "JÖRG MÜLLÈR", "Mueller Strasse", "Muller_Jorg", "jörgmüllèr"),
        *("Joerg Mueller", "strasse.joerg", "MÜLLÈR^J"),
    ),
    "secrets": (
        *("Müllèr", "Müller", "Mueller", "Muller", "Straße", "Strasse", "Jörg", "Joerg", "Jorg"),
        "MÃ¼ll",
    ),
}
_RUSSIAN = {
    "name": "Чехов^Антон",
    "spellings": (
        "Чехов Антон",
        "АНТОН ЧЕХОВ",
        "чехов_а",
        "Chekhov",
        "anton-chehov",
        "AntonChekhov",
    ),
    "secrets": ("Чехов", "Антон", "Chekhov", "Chehov", "Anton"),
}
PATIENTS = {
    "japanese-jis": Patient(**_JAPANESE, declared=("", "ISO 2022 IR 87"), codec="iso2022_jp"),
    "japanese-utf8": Patient(**_JAPANESE, declared=("ISO_IR 192",), codec="utf-8"),
    "shift-jis-undeclared": Patient(**_JAPANESE, declared=(), codec="shift_jis"),
    "shift-jis-as-latin": Patient(**_JAPANESE, declared=("ISO_IR 100",), codec="shift_jis"),
    "jis-undeclared": Patient(**_JAPANESE, declared=(), codec="iso2022_jp"),
    "chinese-gb18030": Patient(
        name="Wang^XiaoMing=王^小明",
        declared=("GB18030",),
        codec="gb18030",
        spellings=("王小明", "王 小明", "小明王", "XiaoMing Wang", "WANG_XIAOMING", "xiaomingwang"),
        secrets=("王小", "小明", "XiaoMing", "Wang"),
    ),
    "korean": Patient(
        name="Hong^Gildong=洪^吉洞=홍^길동",
        declared=("", "ISO 2022 IR 149"),
        codec="ISO 2022 KR",
        spellings=("홍길동", "길동 홍", "洪吉洞", "Gildong-Hong", "HONGGILDONG", "hong, gildong"),
        secrets=("홍길", "길동", "吉洞", "Gildong", "Hong"),
    ),
    "german-latin1": Patient(**_GERMAN, declared=("ISO_IR 100",), codec="latin-1"),
    "german-utf8-as-latin": Patient(**_GERMAN, declared=("ISO_IR 100",), codec="utf-8"),
    "german-undeclared": Patient(**_GERMAN, declared=(), codec="latin-1"),
    "russian": Patient(**_RUSSIAN, declared=("ISO_IR 144",), codec="iso8859_5"),
    "russian-undeclared": Patient(**_RUSSIAN, declared=(), codec="cp1251"),
}


def planted(data: pydicom.Dataset, patient: Patient, text: str) -> pydicom.Dataset:
    """Give a slice a patient's identity, and `text` in every text tag."""
    if patient.declared:
        data.SpecificCharacterSet = list(patient.declared)
    else:
        data.pop("SpecificCharacterSet", None)
    data.PatientBirthDate, data.StudyDate = BIRTH, STUDY
    for keyword, value in (*((tag, text) for tag in TAGS), ("PatientName", patient.name)):
        _put_bytes(data, keyword, patient.encode(value))
    _put_bytes(data, "PatientID", ID.encode())
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    _put_bytes(data, "ImageType", b"ORIGINAL\\PRIMARY\\AXIAL\\" + patient.encode(text))
    return data


def _put_bytes(data: pydicom.Dataset, keyword: str, raw: bytes) -> None:
    tag = pydicom.tag.Tag(tag_for_keyword(keyword))
    raw += b" " * (len(raw) % 2)
    data[tag] = RawDataElement(tag, dictionary_VR(tag), len(raw), raw, 0, False, True)


def save_planted(data: pydicom.Dataset, patient: Patient, text: str, path: Path) -> Path:
    """Write a planted slice."""
    return save(planted(data, patient, text), path)


def identity_in(content: bytes, patient: Patient) -> list[str]:
    """Return what a file holds of a patient: in any case, coding and escape, packed or not."""
    content = _unpacked(content).lower()
    found = []
    for secret in (*patient.secrets, *IDS[1:], *DATES):
        for spelling in {secret, secret.lower(), secret.upper()}:
            if any(form.lower() in content for form in _coded(spelling)):
                found.append(secret)
                break
    return found


def _coded(text: str) -> set[bytes]:
    forms = {json.dumps(text)[1:-1].encode()}
    for encoding in ENCODINGS:
        try:
            raw = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        forms |= {raw, re.sub(rb"\x1b..", b"", raw), raw.decode("latin-1").encode()}
    return {form for form in forms if len(form) >= 4}


def _unpacked(content: bytes) -> bytes:
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    if content.startswith(b"\x89PNG"):
        texts = b""
        for packed in re.findall(rb"(?:zTXt|iTXt|tEXt)(.{0,4096})", content, re.DOTALL):
            start = packed.find(b"\0\0") + 2
            try:
                texts += zlib.decompressobj().decompress(packed[start:])
            except zlib.error:
                texts += packed
        return texts
    return content
