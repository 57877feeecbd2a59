"""Draw the law beside the bodies that it was fitted to, by size and by tube voltage.

python Testing/Training/draw_law.py FIGURE.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.fast.model import load_model
from CTDoseSegLib.dosimetry.montecarlo.beams import GENERIC_BODY, GENERIC_HEAD, model_of
from CTDoseSegLib.learning.dose.fit import tissue_of
from CTDoseSegLib.learning.dose.organs import bodies_of
from CTDoseSegLib.learning.dose.rows import own_range, rows_of
from CTDoseSegLib.learning.dose.table import read_table
from CTDoseSegLib.learning.dose.train import bundled_table

ORGANS = (
    *(("chest", "lung"), ("chest", "heart"), ("chest", "breast")),
    *(("abdomen", "liver"), ("abdomen", "kidney"), ("pelvis", "urinary_bladder")),
    *(("head", "brain"), ("head", "eye")),
)
BLUE, GREY, RED = "#1f5fa8", "#9a9a9a", "#b5402a"


def main(path: str) -> None:
    model, bodies = load_model(), read_table(bundled_table())
    figure, axes = plt.subplots(2, 4, figsize=(12, 6), constrained_layout=True)
    for axis, (region, organ) in zip(axes.flat, ORGANS, strict=True):
        shared = model.regions[region]
        one = shared.organs[organ]
        own = [b for b in bodies if b.about["region"] == bodies_of(region)]
        for real, colour, marker in ((False, GREY, "o"), (True, RED, "^")):
            chosen = [b for b in own if bool(b.about.get("real")) == real]
            rows = rows_of(chosen, organ)
            if not rows:
                continue
            plain = [b for b in own if not b.about.get("real")]
            tissue = float(np.exp(tissue_of(plain, rows_of(plain, organ))[0]))
            # Doses of scans of the organ, as if the range were endless.
            ends = [own_range(row) for row in rows]
            dose = [
                tissue * row.dose(end) / (row.share @ row.reached(shared.kernels, end))
                for row, end in zip(rows, ends, strict=True)
            ]
            label = "real CT" if real else "simulated bodies"
            axis.plot(
                [r.wed_mm / 10 for r in rows], dose, marker, color=colour, ms=3.5, label=label
            )
        sizes = np.linspace(one.bodies_wed_mm.low, one.bodies_wed_mm.high, 100)
        column = np.column_stack((sizes, sizes))
        generic = model_of(GENERIC_HEAD if region == "head" else GENERIC_BODY)
        axis.plot(
            sizes / 10,
            np.exp(one.log_factor(column, beam_terms(generic, 120.0).values)),
            color=BLUE,
            label="law, 120 kV",
        )
        for voltage, dash in ((80.0, ":"), (140.0, "--")):
            terms = beam_terms(generic, voltage).values
            axis.plot(
                sizes / 10,
                np.exp(one.log_factor(column, terms)),
                dash,
                color=BLUE,
                lw=1,
                label=f"{voltage:.0f} kV",
            )
        axis.set_title(organ.replace("_", " "))
        axis.set_xlabel("water-equivalent diameter, cm")
        axis.set_ylim(0, 1.05 * axis.get_ylim()[1])
    for axis in axes[:, 0]:
        axis.set_ylabel("dose / CTDIvol (32 cm)")
    axes[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(sys.argv[1])
