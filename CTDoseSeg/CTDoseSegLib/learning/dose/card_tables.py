"""Tables of the dose model's card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...dosimetry.fast.model import RegionModel
from .evaluation import OrganErrors
from .published_baseline import EPOCHS


def region_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of the primary figure by region, and what stands beside it."""
    return _table(
        (
            "region",
            "labelled %",
            "seeds",
            "as given %",
            "seeds",
            "mean error, labelled / as given",
            "bias %",
            "slice MAPE %",
            "crop, mean absolute; worst organ's bias %",
        ),
        (
            (
                region,
                _limits(f, "labelled_median"),
                f"{f['labelled_median_least_seed_pct']:.2f} - "
                f"{f['labelled_median_most_seed_pct']:.2f}",
                _limits(f, "tissue_median"),
                f"{f['tissue_median_least_seed_pct']:.2f} - {f['tissue_median_most_seed_pct']:.2f}",
                f"{f['labelled_mean_pct']:.1f} / {f['tissue_mean_pct']:.1f}",
                f"{f['bias_median_pct']:+.1f}",
                f"{f['slice_mape_pct']:.1f}",
                f"{f['crop_mean_abs_pct']:.1f}; {f['crop_bias_worst_pct']:+.1f}",
            )
            for region, f in figures.items()
        ),
    )


def baseline_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of the published network beside the model, by region and epochs."""
    return _table(
        (
            "region",
            "epochs",
            "organs",
            "patients",
            "folds",
            "network median %",
            "model median %",
            "difference",
            "network mean %",
            "coverage %",
            "interval score, network / model",
        ),
        (
            (
                region,
                key.split("_")[1],
                n["organs"],
                n["patients"],
                n["folds"],
                _limits(n, "median"),
                f"{n['model_median_pct']:.1f}",
                _limits(n, "difference"),
                f"{n['mean_pct']:.1f}",
                f"{n['coverage_pct']:.0f}" if "coverage_pct" in n else "one fold",
                f"{n['interval_score_pct']:.0f} / {n['model_interval_score_pct']:.0f}"
                if "coverage_pct" in n
                else "",
            )
            for region, f in figures.items()
            for key, n in f.items()
            if key.startswith("published_")
        ),
    )


def coverage_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of the coverage of the 90 % intervals by region."""
    names = (
        *("coverage", "coverage_small", "coverage_middle", "coverage_large"),
        *(f"coverage_ends_range_{kind}" for kind in ("unknown", "known", "own")),
    )
    return _table(
        (
            "region",
            "interior",
            "small",
            "middle",
            "large",
            "ends, range unknown",
            "ends, range known",
            "ends, own",
            "interval score %",
            "by CTDIvol (95 %); half-width",
        ),
        (
            (
                region,
                *(f"{f[f'{n}_pct']:.0f}" if f"{n}_pct" in f else "-" for n in names),
                f"{f['interval_score_pct']:.0f}",
                f"{_limits(f, 'ctdivol_coverage')}; {f['ctdivol_log_q90']:.2f}",
            )
            for region, f in figures.items()
        ),
    )


def organ_table(
    errors: Sequence[OrganErrors],
    baseline: Sequence[Mapping[str, Any]],
    models: Mapping[str, RegionModel],
) -> str:
    """Return the table of every organ's figures."""
    published = {(row["region"], row["organ"]): row for row in baseline if row["epochs"] == EPOCHS}
    return _table(
        (
            "region",
            "organ",
            "patients",
            "rows",
            "rows left out",
            "labelled median % (95 %)",
            "labelled mean %",
            "bias %",
            "slice MAPE %",
            "as given median / mean %",
            "interval",
            "coverage %",
            "by CTDIvol: half-width; coverage %",
            "crop %",
            "published median / mean %",
        ),
        (
            (
                e.region,
                e.organ,
                e.patients,
                e.rows,
                models[e.region].organs[e.organ].counts["rows_left_out"],
                f"{e.labelled_median_pct:.1f} ({e.labelled_median_low_pct:.1f} - "
                f"{e.labelled_median_high_pct:.1f})",
                f"{e.labelled_mean_pct:.1f}",
                f"{e.bias_median_pct:+.1f}",
                f"{e.slice_mape_pct:.1f}",
                f"{e.tissue_median_pct:.1f} / {e.tissue_mean_pct:.1f}",
                f"{e.interval_low:.2f} - {e.interval_high:.2f}",
                f"{e.coverage_pct:.0f}",
                f"{e.ctdivol_log_q90:.2f}; {e.ctdivol_coverage_pct:.0f}",
                f"{e.crop_mean_abs_pct:.1f}; {e.crop_bias_pct:+.1f}",
                _published_cell(published.get((e.region, e.organ))),
            )
            for e in errors
        ),
    )


def _limits(figures: Mapping[str, float], name: str) -> str:
    value, low, high = (figures[f"{name}{part}_pct"] for part in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def _published_cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "not run"
    return f"{float(row['baseline_median_pct']):.1f} / {float(row['baseline_mean_pct']):.1f}"


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    titles = tuple(head)
    lines = [titles, ("---",) * len(titles), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)
