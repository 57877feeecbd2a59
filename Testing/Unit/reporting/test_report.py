"""The report: it states the result's numbers, names no patient, and prints on one page."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from dicom_study import dicom_analysis
from tiny_analysis import REFUSAL, organ_dose, tiny_analysis, tiny_result

pytest.importorskip("jinja2", reason="the report's page needs jinja2")

from CTDoseSegLib import NOTICE
from CTDoseSegLib.provenance import provenance
from CTDoseSegLib.reporting.numbers import number
from CTDoseSegLib.reporting.report.content import report_of
from CTDoseSegLib.reporting.report.page import report_page
from CTDoseSegLib.reporting.report.pdf_page import report_pdf
from CTDoseSegLib.reporting.report.pictures import Key, report_pictures
from CTDoseSegLib.reporting.report.texts import TEXTS, Words
from CTDoseSegLib.reporting.report.writing import REPORT_FILES, write_report
from CTDoseSegLib.result import Result


def answer(result) -> dict[str, tuple[str, str]]:
    return {row.name: (row.value, row.note) for row in report_of(result).answer}


def test_the_answer_states_the_indices_with_phantom_and_interval():
    result = tiny_result()
    rows = answer(result)
    mean = result.slices.ctdivol_mGy.mean()
    assert rows["CTDIvol"][0] == f"{number(mean)} mGy, 32 cm phantom"
    low, high = result.ssde.mean_interval_mGy
    assert rows["SSDE (mean)"] == (
        f"{number(result.ssde.mean_mGy)} mGy",
        f"90 % interval {number(low)} to {number(high)} mGy",
    )
    assert rows["Water-equivalent diameter (mean)"][0] == (
        f"{number(result.size.summary.mean_mm)} mm"
    )


def test_what_is_not_known_is_said():
    rows = answer(tiny_result(ctdivol=False))
    assert rows["CTDIvol"][0] == "not known"
    assert "SSDE (mean)" not in rows
    assert rows["Effective dose"][0].startswith("not given")


def test_organs_come_by_dose_with_their_intervals_and_the_refused_with_the_reason():
    organs = (
        organ_dose("lung", 10.0),
        organ_dose("liver", 25.0),
        organ_dose("spleen", None, 4, REFUSAL),
        organ_dose("kidney_left", None, 4, REFUSAL),
    )
    report = report_of(tiny_result(organs=organs))
    assert [row.name for row in report.organs] == ["Liver", "Lung"]
    liver = report.organs[0]
    assert (
        liver.interval == f"{number(organs[1].total_low_mGy)} - {number(organs[1].total_high_mGy)}"
    )
    (refused,) = report.refused
    assert refused.name == "Spleen, Left kidney"
    assert "too large" in refused.value
    assert report.highest_mGy == organs[1].total_high_mGy


def test_an_organ_that_is_partly_seen_says_so():
    part = replace(organ_dose("liver", 5.0), coverage=0.6)
    (row,) = report_of(tiny_result(organs=(part,))).organs
    assert row.name == "Liver, 60 % seen"


def test_markup_and_braces_in_a_description_arrive_as_text():
    result = tiny_result()
    series = replace(result.provenance.series, description="<script>alert(1)</script>{{ 7*7 }}")
    hostile = replace(result, provenance=replace(result.provenance, series=series))
    page = report_page(report_of(hostile))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in page


def test_the_page_fetches_nothing_and_runs_nothing():
    page = report_page(report_of(tiny_result()), report_pictures(tiny_result()))
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "url(" not in page
    assert NOTICE in page


def test_every_organ_and_number_of_the_report_stands_on_the_page():
    result = tiny_result()
    report = report_of(result)
    page = report_page(report)
    texts = [row.value for row in (*report.head, *report.answer)]
    texts += [text for organ in report.organs for text in (organ.name, organ.dose, organ.interval)]
    for text in texts:
        assert text in page, text


def test_the_pdf_is_one_page_and_the_same_for_the_same_result():
    report = report_of(tiny_result())
    pdf = report_pdf(report)
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    assert report_pdf(report) == pdf


def test_forty_organs_go_on_to_a_second_page_at_most():
    organs = tuple(organ_dose(f"organ_{n}", 20.0 - n / 4) for n in range(40))
    result = tiny_result(organs=organs)
    pdf = report_pdf(report_of(result), report_pictures(result))
    assert 1 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 2


def test_a_result_without_doses_has_a_report():
    report = report_of(tiny_result(organs=()))
    assert TEXTS["no_organs"] in report_page(report)
    assert report_pdf(report).startswith(b"%PDF")


def test_pictures_show_the_organs_where_there_are_images():
    analysis = tiny_analysis()
    result = tiny_result()
    assert list(report_pictures(result)) == ["along"]
    drawn = report_pictures(result, analysis.series, analysis.labelmap)
    assert list(drawn) == ["along", "overlay"]
    assert all(picture.png.startswith(b"\x89PNG") for picture in drawn.values())


def test_both_pages_say_which_colour_is_which_organ(tmp_path):
    analysis, result = tiny_analysis(), tiny_result()
    drawn = report_pictures(result, analysis.series, analysis.labelmap)
    colours = {key.name: key.fill for key in drawn["overlay"].keys}
    assert colours["Liver"] == "#dd8060"
    assert colours["Left lung"] == "#60a0dd"
    report = report_of(result)
    page = report_page(report, drawn)
    for name in ("Liver", "Left lung"):
        assert re.search(rf"background: {colours[name]};[^>]*></i>{name}<", page)
    assert TEXTS["key"] not in report_page(report, report_pictures(result))
    if shutil.which("pdftotext") is None:
        pytest.skip("the text of a PDF is read with pdftotext (apt install poppler-utils)")
    (tmp_path / "report.pdf").write_bytes(report_pdf(report, drawn))
    text = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True).stdout
    shown = text.decode().partition(TEXTS["key"])[2].partition(TEXTS["method"])[0]
    assert all(name in shown for name in colours)


def test_every_word_of_the_pdf_lies_within_its_margins(tmp_path):
    """Wide letters, many colours, a word that is longer than its line."""
    if shutil.which("pdftotext") is None:
        pytest.skip("the places of words are read with pdftotext (apt install poppler-utils)")
    result = tiny_result()
    made = replace(result.provenance.series, description="WWWW MMMM " * 12 + "W" * 150)
    result = replace(result, provenance=replace(result.provenance, series=made))
    keys = tuple(Key(f"MMMMMM with number {n}", "#dd8060", "") for n in range(25))
    drawn = {"along": replace(report_pictures(result)["along"], keys=keys)}
    (tmp_path / "report.pdf").write_bytes(report_pdf(report_of(result), drawn))
    arguments = ["pdftotext", "-bbox", tmp_path / "report.pdf", "-"]
    words = subprocess.run(arguments, capture_output=True, check=True, text=True).stdout
    ends_pt = [
        tuple(map(float, ends)) for ends in re.findall(r'xMin="([\d.]+)".*?xMax="([\d.]+)"', words)
    ]
    assert words.count("MMMMMM") == len(keys)
    margin_pt, page_pt = 0.55 * 72, 8.27 * 72
    assert min(low for low, _ in ends_pt) >= margin_pt - 1
    assert max(high for _, high in ends_pt) <= page_pt - margin_pt + 1


def head(result) -> dict[str, str]:
    return {row.name: row.value for row in report_of(result).head}


def with_acquisition(**values):
    result = tiny_result()
    return replace(result, acquisition=replace(result.acquisition, **values))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"age_years": 56.2, "sex": "F"}, "56 years, female"),
        ({"age_years": 0.25}, "0.25 years"),
        ({"age_years": 97.0, "sex": "M"}, "90 years or older, male"),
        ({"sex": "O"}, TEXTS["not_known"]),
    ],
)
def test_age_and_sex_that_the_doses_depend_on_are_stated(values, words):
    assert head(with_acquisition(**values))[TEXTS["patient"]] == words


def test_the_exposure_has_effective_mas_where_they_are_known_or_follow():
    assert "effective" not in head(tiny_result())[TEXTS["protocol"]]
    known = {"rotation_time_s": 0.5, "pitch": 1.0}
    # The last slice of the tiny series has no tube current.
    result = with_acquisition(**known)
    slices = replace(result.slices, tube_current_mA=np.array([200.0, 201.0, 202.0, 240.0]))
    result = replace(result, slices=slices)
    words = "120 kV, 200 to 240 mA, 0.5 s, pitch 1, effective 100 to 120 mAs"
    assert head(result)[TEXTS["protocol"]] == words
    two_tubes = replace(result, acquisition=replace(result.acquisition, dual_source=True))
    assert "effective" not in head(two_tubes)[TEXTS["protocol"]]
    stated = replace(two_tubes, slices=replace(slices, effective_mAs=np.full(4, 90.0)))
    assert head(stated)[TEXTS["protocol"]].endswith("effective 90 mAs")


def test_another_language_is_another_table():
    texts = {"title": "Bericht", "organs": "Organdosen"}
    page = report_page(report_of(tiny_result(), texts))
    assert "<h1>Bericht</h1>" in page
    assert "Organdosen" in page
    assert TEXTS["method"] in page  # what has no translation stays


def test_every_text_is_used():
    import inspect

    from CTDoseSegLib.reporting.report import content, key_numbers, page, pdf_page, rows

    modules = content, key_numbers, page, pdf_page, rows
    code = "".join(inspect.getsource(module) for module in modules)
    built = {"by_ctdivol", "by_mas", "by_montecarlo", "by_published", "along_alt", "overlay_alt"}
    built |= {"along", "overlay"}
    unused = [
        name for name in TEXTS if not re.search(f"""["']{name}["']""", code) and name not in built
    ]
    assert not unused


def test_a_text_that_does_not_exist_is_a_mistake():
    with pytest.raises(KeyError):
        Words()("no such text")


PATIENT = {"PatientName": "Doe^Jane", "PatientID": "ID-4711", "PatientBirthDate": "19500823"}
# Apart as well, and as people write a date.
PARTICULARS = ("Doe", "Jane", "4711", "19500823", "1950-08-23", "23.08.1950")


@pytest.fixture
def patient_report(tmp_path):
    """The report with pictures of a CT that states its patient, in its description too."""
    description = "Thorax Jane Doe ID-4711 19500823"
    analysis = dicom_analysis(tmp_path / "ct", SeriesDescription=description, **PATIENT)
    series, labelmap = analysis.series, analysis.labelmap
    result = Result.of(replace(analysis, provenance=provenance(series, labelmap, {})))
    written = write_report(result, tmp_path, series, labelmap)
    assert [path.name for path in written] == list(REPORT_FILES)
    return tmp_path


def test_the_page_names_no_patient(patient_report):
    page = (patient_report / "report.html").read_text(encoding="utf-8")
    shown = re.sub(r"data:image/png;base64,[^\"']+", "", page)
    assert len(shown) < len(page)  # the pictures are there
    assert "Thorax" in shown
    assert not [text for text in PARTICULARS if text.lower() in shown.lower()]


def test_the_pdf_names_no_patient_in_its_text_or_its_properties(patient_report):
    if shutil.which("pdftotext") is None:
        pytest.skip("the text of a PDF is read with pdftotext (apt install poppler-utils)")
    pdf = patient_report / "report.pdf"
    text = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, check=True).stdout.decode()
    properties = re.findall(rb"/(?:Title|Subject|Author|Keywords)\b[^\n]*", pdf.read_bytes())
    shown = text + b" ".join(properties).decode("latin-1")
    assert "Thorax" in text
    assert not [part for part in PARTICULARS if part.lower() in shown.lower()]
