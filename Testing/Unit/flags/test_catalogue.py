"""The catalogue of flags: whole sentences, without the words of any face, each in one table."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections import Counter, defaultdict
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import CTDoseSegLib
from CTDoseSegLib import flags
from CTDoseSegLib.ct.acquisition import PER_SLICE, Acquisition
from CTDoseSegLib.flags import FLAGS, MENDS, flag
from CTDoseSegLib.flags.summary import summarize

LIB = Path(CTDoseSegLib.__file__).parent
# Options, widgets and what is done to them: each face has its own.
OF_A_FACE = re.compile(
    r"--|\bsection |\bapply\b|\bbutton|\bpanel\b|\bclick|\btype |\bpress |\bctdoseseg \w+|\bpip ",
    re.IGNORECASE,
)
# Words that STYLE's glossary replaces.
REPLACED = re.compile(r"\bremark|\btold\b|\bsaid\b|\broutes?\b|\bbudget\b|\brules\b")
SEVERITIES = ("info", "warning", "refusal")
FILES_AND_CHOICES = {
    *("dose_report", "scanner_profile", "series", "segmentation", "label_names"),
    *("totalsegmentator", "engine", "dose_arrays", "dose_model"),
}


def texts(code: str) -> dict[str, str]:
    entry = FLAGS[code]
    return {"found": entry.found, "advice": entry.advice, "consequence": entry.consequence}


def test_no_flag_has_the_words_of_a_face():
    offenders = [
        f"{code}.{part}: {text}"
        for code in FLAGS
        for part, text in texts(code).items()
        if OF_A_FACE.search(text)
    ]
    assert not offenders, "\n".join(offenders)


def test_no_detail_or_consequence_given_in_the_code_has_the_words_of_a_face():
    offenders = []
    for path in sorted(LIB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(node, "func", None)
            if isinstance(called, ast.Name) and called.id in ("flag", "made"):
                words = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
                offenders += [
                    f"{path.name}:{node.lineno} {text}"
                    for text in words
                    if isinstance(text, str) and OF_A_FACE.search(text)
                ]
    assert not offenders, "\n".join(offenders)


def test_the_catalogue_is_in_the_words_of_the_field():
    offenders = [
        f"{code}.{part}: {text}"
        for code in FLAGS
        for part, text in texts(code).items()
        if REPLACED.search(text)
    ]
    assert not offenders, "\n".join(offenders)


def test_what_mends_a_flag_is_on_the_closed_list_and_all_of_that_is_used():
    unknown = {code: set(e.mends) - set(MENDS) for code, e in FLAGS.items()}
    assert not {code: names for code, names in unknown.items() if names}
    assert set(MENDS) == {name for entry in FLAGS.values() for name in entry.mends}
    assert all(MENDS.values())


def test_a_value_that_mends_has_the_name_that_the_acquisition_has_for_it():
    known = {f.name for f in fields(Acquisition)} | set(PER_SLICE)
    assert set(MENDS) - FILES_AND_CHOICES <= known
    assert set(MENDS) >= FILES_AND_CHOICES


def test_every_flag_is_made_of_sentences():
    sentences = re.compile(r"[A-Z0-9].*[^.\s]")
    offenders = []
    for code, entry in FLAGS.items():
        good = bool(sentences.fullmatch(entry.found)) and entry.severity in SEVERITIES
        good &= not entry.advice or bool(sentences.fullmatch(entry.advice[:-1]))
        good &= entry.advice[-1:] in ("", ".") and not entry.consequence.endswith(".")
        good &= not any(re.search(r"\s\s|\.\.|\n", text) for text in texts(code).values())
        offenders += [] if good else [code]
    assert not offenders, "\n".join(offenders)


def test_a_message_is_what_was_found_then_what_follows_then_the_advice():
    offenders = []
    for code, entry in FLAGS.items():
        for consequence in (entry.consequence, "it is 3 % too high"):
            made = flag(code, "a detail", consequence=consequence)
            follows = f" {consequence[0].upper()}{consequence[1:]}." if consequence else ""
            advice = f" {entry.advice}" if entry.advice else ""
            if made.message != f"{entry.found}: a detail.{follows}{advice}":
                offenders.append(f"{code}: {made.message}")
            assert made.consequence == consequence
            assert (made.code, made.severity, made.mends) == (code, entry.severity, entry.mends)
    assert not offenders, "\n".join(offenders)


def test_a_refusal_says_what_is_not_given():
    silent = [c for c, e in FLAGS.items() if e.severity == "refusal" and not e.consequence]
    assert not silent


def test_every_flag_stands_in_one_table_alone():
    tables = [
        getattr(import_module(f"CTDoseSegLib.flags.{file.name}"), "FLAGS", {})
        for file in pkgutil.iter_modules(flags.__path__)
        if file.name != "summary"
    ]
    assert Counter(code for table in tables for code in table) == dict.fromkeys(FLAGS, 1)


def test_every_flag_is_raised_somewhere():
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in LIB.rglob("*.py")
        if path.parent.name != "flags"
    )
    assert not [name for name in FLAGS if f'"{name}"' not in code]


def test_every_cause_is_one_notice_in_words_that_repeat_nothing():
    causes = defaultdict(list)
    for code, entry in FLAGS.items():
        causes[entry.cause or code].append(code)
    offenders = []
    for cause, members in causes.items():
        notices = summarize(flag(code) for code in members)
        sentences = re.split(r"(?<=\.) ", notices[0].text)
        if (
            len(notices) != 1
            or notices[0].cause != cause
            or set(notices[0].codes) != set(members)
            or not all(re.fullmatch(r"[A-Z0-9].*\.", text) for text in sentences)
            or len(set(sentences)) != len(sentences)
        ):
            offenders.append(f"{cause}: {notices}")
    assert not offenders, "\n".join(offenders)


def test_a_cause_with_a_name_of_its_own_is_shared_or_is_a_code():
    shared = Counter(entry.cause for entry in FLAGS.values() if entry.cause)
    assert not [cause for cause, n in shared.items() if n == 1 and cause not in FLAGS]


def test_missing_ctdivol_an_unknown_phantom_and_an_unknown_range_are_one_cause_each():
    for cause, members in {
        "ctdivol": (
            *("ctdivol_missing", "ssde_without_ctdivol", "ctdivol_unknown", "mas_only"),
            *("effective_dose_no_dlp", "no_exposure"),
        ),
        "phantom": (
            *("phantom_unknown", "ssde_phantom_assumed", "ctdivol_phantom_assumed"),
            "ctdivol_phantom_of_child",
        ),
        "irradiated_range": (
            *("irradiated_range_unknown", "dose_range_unknown"),
            *("dlp_lower_bound", "dlp_computed"),
            *("organ_cut", "effective_dose_short", "whole_organ_undefined"),
        ),
        "effective_mas": ("tube_current_missing", "effective_mas_unknown", "mas_unusable"),
        "truncation": ("body_truncated", "truncation_not_corrected", "organ_truncated"),
        "contrast": ("contrast", "contrast_unseen", "contrast_by_hu", "iodine"),
        "missing_organs": ("no_network", "bundled_network"),
    }.items():
        assert {FLAGS[code].cause for code in members} == {cause}
