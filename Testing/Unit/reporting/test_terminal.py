"""A result in the terminal: every number with its range, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace

from tiny_analysis import organ_dose, tiny_analysis, tiny_result

from CTDoseSegLib.dosimetry.effective_dose import DoseLengthProduct, EffectiveDose, effective_dose
from CTDoseSegLib.reporting.terminal import (
    HEADINGS,
    effective_dose_words,
    plain_table,
    print_result,
    summary,
)
from CTDoseSegLib.result import Result


def test_the_terminal_shows_every_organ_its_reason_and_the_notice(capsys):
    print_result(tiny_result(), "results")
    shown = capsys.readouterr().out
    for words in ("lung", "10.1", "9.11 - 11.1", "organ_cut", "too_large", "not for clinical use"):
        assert words in shown
    assert "refusal: The body is too large: WED 400 mm. Use SSDE (liver)." in shown


def test_a_warning_that_several_organs_share_is_printed_once(capsys):
    flag = tiny_analysis().doses.organs[0].flags[0]
    organs = tuple(organ_dose(name, 5.0, 4, flag) for name in ("lung", "liver"))
    print_result(tiny_result(organs=organs))
    assert capsys.readouterr().out.count("The organ ends outside the scan") == 1


def test_the_plain_table_is_aligned():
    table = plain_table([("lung", "10", "9 - 11", "7 - 14", "12", ""), ("x", *"12345")])
    assert table[0].split("  ")[0].strip() == HEADINGS[0]
    assert table[2].index("10") + 2 == table[3].index("1") + 1


def test_the_summary_names_what_is_not_known():
    lines = "\n".join(summary(tiny_result(ctdivol=False)))
    assert "CTDIvol:      not known" in lines
    assert "SSDE:         not known" in lines


def test_the_summary_has_size_at_the_centre_effective_dose_and_scanner():
    analysis = tiny_analysis()
    lines = summary(Result.of(analysis))
    (size,) = [line for line in lines if line.startswith("WED:")]
    assert f"{analysis.size.wed_mm[2]:.0f} mm at the centre slice; 90 % interval of" in size
    (scanner,) = [line for line in lines if line.startswith("Scanner:")]
    assert scanner.startswith("Scanner:      no profile of this scanner")
    profile = replace(analysis.scanner, name="Vendor Model")
    assert "Scanner:      profile Vendor Model" in summary(
        Result.of(replace(analysis, scanner=profile))
    )
    effective = effective_dose(analysis.series, analysis.measurements)
    (printed,) = [
        line
        for line in summary(Result.of(replace(analysis, effective_dose=effective)))
        if line.startswith("Effective:")
    ]
    assert f"{effective.effective_dose_mSv:.3g} mSv" in printed
    low, high = effective.low_mSv, effective.high_mSv
    assert f"(published values {low:#.3g} to {high:#.3g} mSv)" in printed
    assert "abdomen, Deak 2010, ICRP 103" in printed
    assert effective.flags
    assert not any(entry.code in printed for entry in effective.flags)
    assert "; the patient's age is not known; the scanned range is short" in printed
    assert "never the sum of organ doses" in printed


def test_the_summary_says_a_childs_age_beside_that_of_the_factors():
    analysis = tiny_analysis()
    child = replace(analysis.series.acquisition, age_years=7.0)
    series = replace(analysis.series, acquisition=child)
    effective = effective_dose(series, analysis.measurements)
    lines = summary(Result.of(replace(analysis, effective_dose=effective)))
    (printed,) = [line for line in lines if line.startswith("Effective:")]
    assert "; the patient is under 18: 7 years; taken are the factors of the nearest " in printed


def test_the_summary_has_the_90_percent_intervals_of_size_and_ssde():
    result = tiny_result()
    measured = replace(
        result,
        size=replace(result.size, mean_interval_mm=(295.0, 305.0)),
        ssde=replace(result.ssde, mean_interval_mGy=(8.0, 12.0)),
    )
    text = "\n".join(summary(measured))
    assert "at the centre slice; 90 % interval of the mean 295 to 305 mm\n" in text
    assert "; 90 % interval of the mean 8.00 to 12.0 mGy (" in text
    # What the field of view cuts off is estimated, and the interval is around that estimate.
    corrected = replace(measured.slices, wed_corrected_mm=1.1 * measured.slices.wed_mm)
    text = "\n".join(summary(replace(measured, slices=corrected)))
    assert "; 90 % interval of the corrected mean 295 to 305 mm\n" in text
    # Results of version 0.1.0 have none.
    old = replace(
        result,
        size=replace(result.size, mean_interval_mm=None),
        ssde=replace(result.ssde, mean_interval_mGy=None),
    )
    assert "interval of the" not in "\n".join(summary(old))


def test_the_range_of_an_effective_dose_is_labelled_as_published_values():
    found = EffectiveDose(2.9, 1.9, 3.4, dlp=DoseLengthProduct(138.0, "rdsr", None, 200.0, False))
    assert effective_dose_words(found) == "2.90 mSv (published values 1.90 to 3.40 mSv)"
    alone = replace(found, low_mSv=2.9, high_mSv=2.9)
    assert effective_dose_words(alone) == "2.90 mSv (the only published value)"
    bound = replace(found, low_mSv=2.9, dlp=replace(found.dlp, lower_bound=True))
    text = "at least 2.90 mSv (at least 3.40 mSv by the highest published factor)"
    assert effective_dose_words(bound) == text
    # Version 0.1.0 gave another thing, which its results still hold.
    old = replace(found, relative_half_width=0.4)
    assert effective_dose_words(old) == "2.90 mSv (90 % interval 1.90 - 3.40)"


def test_an_effective_dose_that_is_not_given_has_its_reason_in_the_summary():
    analysis = tiny_analysis(ctdivol=False)
    effective = effective_dose(analysis.series, analysis.measurements)
    (printed,) = [
        line
        for line in summary(Result.of(replace(analysis, effective_dose=effective)))
        if line.startswith("Effective:")
    ]
    assert printed == "Effective:    not given: CTDIvol is not known."
