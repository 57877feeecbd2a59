"""Print the tables of the Guide's page on the accuracy of organ doses, `evidence-dose.md`.

    python Testing/Training/dose_evidence.py [--arrays ARRAYS] [--published FILE] [--write]
        [--model FOLDER] [--table TABLE.npz]

The model is the bundled one, or one that `ctdoseseg train-dose` wrote, with the table of bodies
that it was fitted to. ARRAYS are those of `ctdoseseg evaluate-dose`, which is run here; FILE holds
what `dose_published.py --simulate` printed. Without them their tables are left out. With --write
the tables replace those of the page, between ``<!-- table: NAME -->`` and ``<!-- end -->``; those
that are left out stay as they are.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from targets import table  # noqa: E402

from CTDoseSegLib.dosimetry.applicability import ADULT_YEARS  # noqa: E402
from CTDoseSegLib.dosimetry.fast.model import CARD_FILE, load_model  # noqa: E402
from CTDoseSegLib.learning.dose.evaluate import SUMMARY_FILE, evaluate  # noqa: E402
from CTDoseSegLib.learning.dose.table import read_table  # noqa: E402
from CTDoseSegLib.learning.dose.train import EVALUATION_FILE, bundled_table  # noqa: E402

PAGE = ROOT / "Resources" / "Guide" / "evidence-dose.md"
Row = Mapping[str, str]
ALL, REAL, REVERSE = "all", "real CT", "law of real CT, on bodies"
AGES = ("adults", "children")
KINDS = {"trunk": ("trunk", "trunks"), "head_neck": ("head and neck", "heads with neck")}
# An organ of each kind whose sizes stand for it.
SIZED = {"trunk": ("abdomen", "liver"), "head_neck": ("head", "brain")}
# Stratum to the target of its median error, per cent.
HELD_OUT = {
    "trunk, beam known, adults": 4.0,
    "trunk, beam known, children": 5.0,
    "head and neck, beam known, adults": 5.0,
    "head and neck, beam known, children": 5.0,
    "trunk, beam unknown, adults": 8.0,
    "trunk, beam unknown, children": 8.0,
    "head and neck, beam unknown, adults": 8.0,
    "head and neck, beam unknown, children": 8.0,
    "trunk, partly irradiated": 12.0,
    "head and neck, partly irradiated": 12.0,
}
# Target of the 90th percentile: a factor of 1.5.
SCATTER = {f"{kind}, scatter alone, up to 60 mm": 50.0 for kind, _ in KINDS.values()}
# Organs that radiosensitivity or size makes delicate.
DELICATE = (
    *(("chest", "breast"), ("chest", "thyroid_gland"), ("head", "thyroid_gland")),
    *(("pelvis", "ovary"), ("pelvis", "uterus"), ("pelvis", "prostate"), ("head", "eye_lens")),
)
DELICATE_PCT = 10.0
BIAS_PCT, REAL_PCT = 5.0, 8.0
# Organs that fewer real scans show have no row of their own.
LEAST_SCANS = 3
APART_PCT, ARRAYS_PCT = 6.0, {"chest": 6.0, "abdomen": 6.5}


def verdict(value: float, target: float) -> str:
    """Return whether a figure is at most its target."""
    return "met" if abs(value) <= target else "**missed**"


def percent(row: Row, name: str, form: str = ".1f") -> str:
    """Return a figure of a row, or nothing where the row has none."""
    return f"{float(row[name]):{form}} %" if row[name] else ""


def words(organ: str) -> str:
    return organ.replace("_", " ")


def bodies(learned: Path, model: str | None) -> Iterator[str]:
    """Who the bodies are."""
    known = [body.about for body in read_table(learned) if not body.about.get("real")]
    regions, rows = load_model(model).regions, []
    for region, (_, name) in KINDS.items():
        own = [about for about in known if about["region"] == region]
        age, weight = (np.array([about[key] for about in own]) for key in ("age_y", "weight_kg"))
        part, organ = SIZED[region]
        span = regions[part].organs[organ].bodies_wed_mm
        rows.append(
            (
                name,
                str(len(own)),
                str(int((age < ADULT_YEARS).sum())),
                f"{age.min():.1g} to {age.max():.0f}",
                f"{weight.min():.0f} to {weight.max():.0f}",
                f"{span.low:.0f} to {span.high:.0f} ({organ})",
                f"{np.median([about['histories'] for about in own]) / 1e6:.3g}",
            )
        )
    heads = ("bodies", "number", "under 18", "age, years", "weight, kg", "size at an organ, mm")
    return table((*heads, "million photons a body"), rows)


def held_out(scores: Sequence[Row], ends: Mapping[str, str]) -> Iterator[str]:
    """All together, on bodies that were left out."""
    rows = []
    for stratum, target in (*HELD_OUT.items(), *SCATTER.items()):
        row = one(scores, stratum)
        scatter = stratum in SCATTER
        inside = percent(row, "coverage_pct", ".0f")
        judged = float(row["p90_pct" if scatter else "median_pct"])
        rows.append(
            (
                stratum,
                percent(row, "median_pct"),
                percent(row, "p90_pct"),
                inside and f"{inside} ({ends[stratum]})",
                f"{'90th percentile' if scatter else 'median'} {target:.0f} %",
                verdict(judged, target),
            )
        )
    heads = ("bodies", "median error", "90th percentile", "inside the 90 % interval", "target", "")
    return table(heads, rows)


def delicate(scores: Sequence[Row]) -> Iterator[str]:
    """Single organs, on bodies that were left out."""
    rows = []
    for region, organ in DELICATE:
        row = one(scores, region, organ)
        rows.append(
            (
                f"{words(organ)} ({region})",
                row["number"],
                percent(row, "median_pct"),
                percent(row, "p90_pct"),
                percent(row, "coverage_pct", ".0f"),
                verdict(float(row["median_pct"]), DELICATE_PCT),
            )
        )
    target = f"median {DELICATE_PCT:.0f} %"
    heads = ("organ", "bodies", "median error", "90th percentile", "inside the 90 % interval")
    return table((*heads, target), rows)


def simpler(scores: Sequence[Row]) -> Iterator[str]:
    """The law beside estimates that know less: median error and 90th percentile."""
    names = ("beam known", "beam unknown", "one kernel x exp(a - b WED)", "SSDE")
    rows = []
    for (kind, _), age in ((kind, age) for kind in KINDS.values() for age in AGES):
        found = (one(scores, f"{kind}, {name}, {age}") for name in names)
        figures = (f"{percent(r, 'median_pct')} ({percent(r, 'p90_pct', '.0f')})" for r in found)
        rows.append((f"{kind}, {age}", *figures))
    return table(("bodies", *(f"law, {name}" for name in names[:2]), *names[2:]), rows)


def real(scores: Sequence[Row]) -> Iterator[str]:
    """By organ, over real scans."""
    rows = [
        (
            words(row["organ"]),
            row["number"],
            percent(row, "bias_pct", "+.1f"),
            percent(row, "median_pct"),
        )
        for row in scores
        if row["stratum"] == REAL and row["organ"] != ALL and int(row["number"]) >= LEAST_SCANS
    ]
    return table(("organ", "scans", "median error", "median of absolute errors"), rows)


def real_all(scores: Sequence[Row]) -> Iterator[str]:
    """All organs of real scans, and the check in the other direction."""
    rows = []
    names = {REAL: "law on real CT", REVERSE: "laws fitted to real CT, on bodies of adults"}
    for stratum, name in names.items():
        row = one(scores, stratum)
        rows.append(
            (
                name,
                row["number"],
                percent(row, "bias_pct", "+.1f"),
                percent(row, "median_pct"),
                percent(row, "p90_pct"),
            )
        )
    met = (
        f"{target:.0f} %: {verdict(float(one(scores, REAL)[key]), target)}"
        for key, target in (("bias_pct", BIAS_PCT), ("median_pct", REAL_PCT))
    )
    rows.append(("target for the law", "", *met, ""))
    heads = ("what", "doses", "median error", "median of absolute errors", "90th percentile")
    return table(heads, rows)


def scales(found: Mapping[str, float]) -> Iterator[str]:
    """CTDIvol per mAs that the arrays ask for."""
    names = {ALL: "chest and abdomen together"}
    rows = [(names.get(name, name), f"{value:.4f}") for name, value in found.items()]
    apart = 100 * (max(found.values()) / min(found.values()) - 1)
    rows.append(
        (f"apart (target {APART_PCT:.0f} %)", f"{apart:.1f} %, {verdict(apart, APART_PCT)}")
    )
    return table(("from the doses of", "CTDIvol per mAs, mGy"), rows)


def arrays(compared: Sequence[Row]) -> Iterator[str]:
    """By organ, over the patients of the arrays."""
    names = ("bias_pct", "median_error_pct", "error_pct_per_cm", "ssde_median_error_pct")
    rows = []
    for region, target in ARRAYS_PCT.items():
        own = [row for row in compared if row["region"] == region]
        for row in own:
            cells = (f"{float(row[n]):{'.1f' if 'median' in n else '+.1f'}}" for n in names)
            rows.append((region, words(row["organ"]), row["patients"], *cells, ""))
        law, by_ssde = (np.mean([float(row[n]) for row in own]) for n in (names[1], names[3]))
        met = f"{target:g}: {verdict(round(float(law), 1), target)}"
        rows.append((region, "**mean**", "", "", f"**{law:.1f}**", "", f"**{by_ssde:.1f}**", met))
    heads = ("region", "organ", "patients", "median error, %", "median of absolute errors, %")
    return table((*heads, "error by 1 cm of size, %", "the same of SSDE, %", "target"), rows)


def published(text: str) -> Iterator[str]:
    """The law, the engine and publications: five bodies, from thin to obese, and two voltages."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    found: dict[tuple[str, str], list[list[str]]] = {}
    for cells in lines:
        if len(cells) == 8 and "/" in cells[2] and cells[3] != "organ":
            found.setdefault((cells[1], cells[3]), []).append(cells[4:])
    rows, ratios = [], {}
    for (scan, organ), own in found.items():
        law, engine, duke, others = zip(*own, strict=True)
        author = re.findall(r"\((\w+)\)", others[0])
        formula = [cell.split(" ")[0] for cell in others]
        rows.append(
            (
                f"{organ}, {scan}",
                " ".join(law),
                " ".join(engine).strip(),
                " ".join(duke),
                f"{author[0]} {' '.join(formula)}" if author else "",
            )
        )
        compared = [("Monte Carlo", engine), ("Duke", duke), *((name, formula) for name in author)]
        for name, other in compared:
            pairs = zip(law, other, strict=True)
            ratios.setdefault(name, []).extend(float(a) / float(b) for a, b in pairs if b)
    yield from table(("dose / CTDIvol (32 cm)", "law", "Monte Carlo", "Duke", "formula"), rows)
    yield ""
    means = (f"{name} {np.mean(own):.2f}" for name, own in ratios.items() if own)
    yield f"Mean ratio of the law to {', '.join(means)}."
    yield ""
    heads = ("from 80 to 140 kV at equal CTDIvol, woman, chest scan", "law", "Huda 2010")
    yield from table(heads, (cells for cells in lines if len(cells) == 3 and "%" in cells[1]))


def one(scores: Sequence[Row], stratum: str, organ: str = ALL) -> Row:
    """Return the row of a stratum."""
    return next(row for row in scores if (row["stratum"], row["organ"]) == (stratum, organ))


def rows_in(path: Path) -> list[Row]:
    with path.open(encoding="ascii", newline="") as stream:
        return list(csv.DictReader(stream))


def coverage_ends(card: str) -> Mapping[str, str]:
    """Return, by stratum, the 95 % interval of the coverage, which stands in the card alone."""
    row = r"^\| ([^|]+) \| \d+ \| [\d.]+ \| [\d.]+ \| \d+ \((\d+ to \d+)\) \|$"
    return dict(re.findall(row, card, re.MULTILINE))


def tables(options: argparse.Namespace) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield name and lines of each table."""
    folder = options.model or str(files("CTDoseSegLib.models").joinpath("dose"))
    scores = rows_in(Path(folder) / EVALUATION_FILE)
    ends = coverage_ends((Path(folder) / CARD_FILE).read_text(encoding="ascii"))
    yield "bodies", bodies(options.table or bundled_table(), options.model)
    yield "held out", held_out(scores, ends)
    yield "delicate", delicate(scores)
    yield "simpler", simpler(scores)
    yield "real", real(scores)
    yield "real, all", real_all(scores)
    if options.arrays:
        with tempfile.TemporaryDirectory() as output:
            summary = evaluate(options.arrays, output, model=folder)
            compared = rows_in(Path(output) / SUMMARY_FILE)
        yield "scales", scales(summary["mGy_per_mAs"])
        yield "arrays", arrays(compared)
    if options.published:
        yield "published", published(options.published.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--arrays", type=Path)
    parser.add_argument("--published", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in tables(options):
        text = "\n".join(lines)
        print(f"## {name}\n{text}\n")
        if not options.write:
            continue
        begin = f"<!-- table: {name} -->\n"
        before, found, rest = page.partition(begin)
        if not found:
            parser.error(f"{PAGE.name} has no place for the table {name!r}")
        page = f"{before}{begin}{text}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    if options.write:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
