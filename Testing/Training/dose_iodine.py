"""How much iodine adds to the dose of organs, by the simulations that the law is fitted to.

    python Testing/Training/dose_iodine.py [--table TABLE.npz]

The learning set holds the dose to each organ's own medium, with the iodine that its HU show, over
that to soft tissue in the same fluence. Bodies without iodine in the organ tell what its own tissue
does; a line through 0 what 1 mg/ml adds to the dose. A line through the enhanced bodies alone does
not start at 0 (`start`) where the engine's tissue with iodine, blood, is not the organ's own
without it, and where much iodine shades itself. Iodine also takes photons from the tissue around
it: the law, which does not know of it, is off by so much more in enhanced bodies (`shadow`, in
ln(dose to soft tissue) for 1 mg/ml, with the standard error). Published ranges are those that
`dosimetry/fast/iodine.py` adds to the upper end; beside them is what the mean iodine of a phase
adds by the line through 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from targets import table  # noqa: E402

from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms  # noqa: E402
from CTDoseSegLib.dosimetry.fast.iodine import ADDED  # noqa: E402
from CTDoseSegLib.dosimetry.fast.model import OrganModel, load_model  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.beams import GENERIC_BODY, GENERIC_HEAD, model_of  # noqa: E402
from CTDoseSegLib.learning.dose.organs import bodies_of  # noqa: E402
from CTDoseSegLib.learning.dose.rows import own_range, rows_of  # noqa: E402
from CTDoseSegLib.learning.dose.table import LearnedBody, read_table  # noqa: E402
from CTDoseSegLib.learning.dose.train import bundled_table  # noqa: E402
from CTDoseSegLib.phantom.bodies.contrast import HU_PER_MG_ML  # noqa: E402

VOLTAGES_KV = (120.0, 80.0)
# Less iodine than this counts as none, mg/ml; fewer bodies on either side do not tell.
_NONE, _LEAST_BODIES = 0.05, 8


@dataclass(frozen=True)
class Added:
    """What iodine does to an organ.

    Attributes
    ----------
    bodies
        With iodine in the organ.
    per_mg_ml
        What 1 mg/ml adds, as a part of the dose, by voltage.
    off_line
        Root mean square of what bodies with iodine are off that line at 120 kV.
    start, slope
        Of the line through bodies with iodine alone at 120 kV.
    shadow, shadow_se
        Change of ln(dose to soft tissue) over the law with 1 mg/ml.
    by_phase
        Mean iodine by phase, mg/ml.
    """

    bodies: int
    per_mg_ml: tuple[float, ...]
    off_line: float
    start: float
    slope: float
    shadow: float
    shadow_se: float
    by_phase: dict[str, float]


def added_in(
    bodies: Sequence[LearnedBody], organ: str, model: OrganModel, *, head: bool
) -> Added | None:
    """Return what iodine adds to an organ; None where too few bodies tell."""
    rows = rows_of(bodies, organ)
    if not rows:
        return None
    iodine = np.array([bodies[row.body].iodine_mg_ml[row.organ] for row in rows])
    held = iodine > _NONE
    if min(held.sum(), (~held).sum()) < _LEAST_BODIES:
        return None
    medium = np.array([bodies[row.body].medium_terms[row.organ] for row in rows])
    per_mg_ml, off_line, lines = [], [], []
    for voltage in VOLTAGES_KV:
        terms = beam_terms(model_of(GENERIC_HEAD if head else GENERIC_BODY), voltage).values
        ratio = np.exp(medium @ np.concatenate(([1.0], terms)))
        more = ratio / np.median(ratio[~held]) - 1
        per_mg_ml.append(float(more[held] @ iodine[held] / (iodine[held] @ iodine[held])))
        off_line.append(float(np.sqrt(np.mean((more - per_mg_ml[-1] * iodine)[held] ** 2))))
        lines.append(np.polyfit(iodine[held], more[held], 1))
    ranges = [own_range(row) for row in rows]
    no_beam = np.zeros(len(model.beam))
    simulated = np.array([row.dose(part) for row, part in zip(rows, ranges, strict=True)])
    law = np.array(
        [
            row.law(model.kernels, model.log_factor(row.sizes_mm, no_beam), part)
            for row, part in zip(rows, ranges, strict=True)
        ]
    )
    off = np.log(simulated / law)
    columns = np.column_stack((np.ones(len(rows)), iodine))
    found, squares = np.linalg.lstsq(columns, off, rcond=None)[:2]
    variance = float(squares[0]) / (len(rows) - 2) if squares.size else np.nan
    se = np.sqrt(variance * np.linalg.inv(columns.T @ columns)[1, 1])
    phases = np.array([bodies[row.body].about["phase"] for row in rows])
    by_phase = {str(one): float(np.mean(iodine[phases == one])) for one in np.unique(phases[held])}
    return Added(
        int(held.sum()), tuple(per_mg_ml), off_line[0], float(lines[0][1]), float(lines[0][0]),
        float(found[1]), float(se), by_phase,
    )  # fmt: skip


def lines(bodies: Sequence[LearnedBody]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each organ."""
    done: set[str] = set()
    for region, shared in load_model().regions.items():
        own = [b for b in bodies if b.about["region"] == bodies_of(region)]
        for organ, model in shared.organs.items():
            found = None if organ in done else added_in(own, organ, model, head=region == "head")
            if found is None:
                continue
            done.add(organ)
            at_120, at_80 = found.per_mg_ml
            phases = []
            for phase in ("arterial", "portal"):
                mg_ml = found.by_phase.get(phase, 0.0)
                phases.append(
                    f"{mg_ml:.1f} ({HU_PER_MG_ML * mg_ml:.0f} HU): {100 * mg_ml * at_120:+.0f} %"
                )
            published = ""
            if organ in ADDED:
                published = "{:.0f} to {:.0f} %".format(*(100 * part for part in ADDED[organ]))
            yield (
                *(organ, str(found.bodies), f"{100 * at_120:.1f}", f"{100 * at_80:.1f}"),
                *(f"{100 * found.off_line:.1f}", f"{100 * found.start:+.1f}"),
                f"{100 * found.slope:.1f}",
                f"{100 * found.shadow:+.1f} ({100 * found.shadow_se:.1f})",
                *(*phases, published),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    bodies = [b for b in read_table(options.table or bundled_table()) if not b.about.get("real")]
    heads = (
        *("organ", "bodies with iodine", "1 mg/ml adds at 120 kV, %", "at 80 kV, %"),
        *("off the line, %", "start, %", "slope from there, %", "shadow by 1 mg/ml, % (SE)"),
        *("arterial, mg/ml: adds", "portal", "published"),
    )
    print(*table(heads, lines(bodies)), sep="\n")


if __name__ == "__main__":
    main()
