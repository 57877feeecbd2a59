"""Names, IDs and dates go from every text, and what else a text holds stays."""

from __future__ import annotations

import pytest

from CTDoseSegLib.dicom.character_sets import decode_text, is_clean, possible_texts
from CTDoseSegLib.dicom.header import Header
from CTDoseSegLib.dicom.identity import Identity, safe_code

JANE = Identity(("Doe^Jane",), ("0004711-X",), ("19500131", "20240229"))


@pytest.mark.parametrize(
    "text",
    [
        *("Doe^Jane", "DOE_JANE", "Jane Doe", "doejane", "JaneDoe", "J-a-n-e D.o.e", "Jäne Döe"),
        *("ＤＯＥ　ｊａｎｅ", "Do\u200be", "&#68;oe", "4711x", "4711-X", "004711 X", "4711"),
        *("19500131", "31.01.1950", "1950-01-31", "01/31/1950", "31.1.50", "500131", "S25.1.31"),
        *("昭和25年1月31日", "20240229101530", "29 Feb 2024", "Feb 29, 2024", "29-feb-24"),
        *("7 Mar 2019", "2019/3/7", "07032019"),  # another's date, with its whole year
    ],
)
def test_every_spelling_goes_and_the_rest_stays(text):
    assert JANE.removed_from(f"Thorax {text} 1.25 Br40") == "Thorax 1.25 Br40"


@pytest.mark.parametrize(
    "text",
    [
        *("Thorax Low Dose 1.25 B30f", "Abdomen venös  3,0 Br40 ^3".replace("  ", " ")),
        *("Kopf/Hals Schädel 0.6", "W 40 400 2000", "RECON 2: 5/5 LUNG", "70%80% phase"),
        *("Hip 5 iMAR 40", "Does not move", "1.0 x 0.7 mm", "120kV & 80kV", "CAP 5 1 2000"),
    ],
)
def test_an_ordinary_description_stays_as_it_is(text):
    who = Identity(("Smith^John",), ("PAT-93221",), ("19610203", "20200517"))
    assert who.removed_from(text) == text


def test_names_of_another_script_are_compared_where_they_can_be():
    chekhov = Identity(("Чехов^Антон",))
    assert chekhov.removed_from("грудь Chekhov ANTON") == "грудь"
    yamada = Identity(("Yamada^Tarou=山田^太郎",))
    # The name's kana are not known: nobody can tell whether these are it.
    assert yamada.removed_from("胸部 ヤマダ 5 mm") == "胸部 5 mm"
    assert Identity(("Li^Na",)).removed_from("Thorax LINA Li na Linear 李娜") == "Thorax Linear"


def test_a_name_that_was_encoded_twice_is_recognised():
    raw = "Yamada^Tarou=山田^太郎".encode().decode("latin-1").encode()
    names = possible_texts(raw, ["ISO_IR 192"])
    assert Identity(names).removed_from("CT 胸部 太郎　山田 5") == "CT 5"


def test_of_a_name_that_cannot_be_decoded_no_script_counts_as_known():
    names = possible_texts("Müller^Jörg".encode("latin-1"), [])
    assert any("\u4e00" <= c <= "\u9fff" for name in names for c in name)
    assert Identity(names).removed_from("Thorax 山田 Müller") == "Thorax"


def test_a_study_code_for_a_name_takes_no_ordinary_word_away():
    who = Identity(("CRLM-CT-17^A.B.",), ("CRLM-CT-17",))
    assert who.removed_from("CT Thorax A CRLM_CT_17 crlm 17 B") == "CT Thorax A 17 B"


@pytest.mark.parametrize("name", ["CT^Head", "Chest^Hfs"])
def test_coded_words_of_the_standard_stay(name):
    tags = {"Modality": "CT", "BodyPartExamined": "HEAD", "PatientPosition": "HFS"}
    values = {keyword: (text,) for keyword, text in {**tags, "PatientName": name}.items()}
    header = Header("", values, "")
    assert {keyword: safe_code(header, keyword) for keyword in tags} == tags
    named = Header("", {"PatientName": ("Doe^Jane",), "BodyPartExamined": ("CHEST_DOE",)}, "")
    assert safe_code(named, "BodyPartExamined") == "CHEST_"


def test_short_words_go_only_where_they_stand_alone():
    who = Identity(("B^X",), ("7",))
    assert who.removed_from("B B30f 70 7") == "B30f 70"


@pytest.mark.parametrize(
    "text", ["Thorax\x1b$B;3ED", "Thorax \ufffd", "Thorax\x00\x10\x02", "Th\x85", "\udce4"]
)
def test_a_text_that_was_not_decoded_cleanly_is_not_shown(text):
    assert JANE.removed_from(text) == ""


@pytest.mark.parametrize(
    ("raw", "declared", "text"),
    [
        (b"Thorax", [], "Thorax"),
        ("Schädel".encode("latin-1"), ["ISO_IR 100"], "Schädel"),
        ("Schädel".encode(), ["ISO_IR 100"], "Schädel"),
        ("Schädel".encode(), [], "Schädel"),
        ("胸部".encode("iso2022_jp"), ["", "ISO 2022 IR 87"], "胸部"),
        ("ﾔﾏﾀﾞ".encode("shift_jis"), ["ISO_IR 13"], "ﾔﾏﾀﾞ"),
        ("胸部".encode("gb18030"), ["GB18030"], "胸部"),
        (b"\x1b$)C" + "흉부".encode("euc_kr"), ["", "ISO 2022 IR 149"], "흉부"),
        ("грудь".encode("iso8859_5"), ["ISO_IR 144"], "грудь"),
        ("θώρακας".encode("iso8859_7"), ["ISO_IR 126"], "θώρακας"),
    ],
)
def test_a_text_is_decoded_by_its_character_set(raw, declared, text):
    assert decode_text(raw, declared) == text


@pytest.mark.parametrize(
    ("raw", "declared"),
    [
        ("Schädel".encode("latin-1"), []),
        ("Schädel".encode("latin-1"), ["ISO_IR 192"]),
        ("山田".encode("shift_jis"), ["ISO_IR 100"]),
        ("山田".encode("euc_jp"), ["ISO_IR 100"]),
        ("山田".encode("gb18030"), []),
        ("山田".encode("iso2022_jp"), []),
        (b"\xff\xfe", ["ISO_IR 999"]),
    ],
)
def test_a_wrong_or_missing_character_set_is_seen(raw, declared):
    assert not is_clean(decode_text(raw, declared))
    if b"\xff" not in raw and b"Sch" not in raw:
        assert "山田" in possible_texts(raw, declared)
