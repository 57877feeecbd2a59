"""Put a trained UNet where the package ships it, without the classes that missed their figure.

    python Testing/Training/bundle_unet.py RUN [--drop "CLASS: WHY" ...] [--figures FILE ...]
        [--machine "two cores"]

RUN is the folder that training wrote, beside the configuration that `bundled_unet.py` laid out and
the network that it began with. A class that is dropped is withheld: the network tells it apart, so
that it is taken for no other organ, and label maps do not hold it. WHY is its figure and the
target, for the card. Each FILE is what `benchmark_unet_quality.py` or `segmentation_of_bodies.py`
printed for the network; it goes into the card.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.learning.unet.config import MADE_HERE, Config, read_config
from CTDoseSegLib.learning.unet.history import HISTORY_FILE
from CTDoseSegLib.segmentation.unet.network import load_unet, sha256, weights_bytes
from CTDoseSegLib.segmentation.unet.spec import CARD_FILE, SPEC_FILE, WEIGHTS_FILE

OUT = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSegLib" / "models" / "unet"
CONFIG = "bundled_unet.toml"
LARGEST_BYTES = 8_000_000
KINDS = {"bodies": "people of any age, sex and build, in any phase of contrast (phantoms)"}
KINDS |= {"phantoms": "adults of simple shape (phantoms)"}
# What only few scans, or none, could teach; of a class that ships.
FEW = {
    "brain": "brain: no real scan, phantoms only",
    "thyroid_gland": "thyroid gland: no real scan, phantoms only",
    "urinary_bladder": "urinary bladder: one real scan",
    "pancreas": "pancreas: two real scans, in parts",
    "gallbladder": "gallbladder: two real scans",
    "bowel": "bowel: three real scans, where it is plain",
    "kidney_left": "kidneys: three real scans with whole ones",
}
DATA = """
**Data.** Lung-PET-CT-Dx, ACRIN-FLT-Breast, CPTAC-PDA, Colorectal-Liver-Metastases (The Cancer
Imaging Archive, CC BY), LIDC-IDRI (CC BY 3.0), two volumes of TotalSegmentator's test data
(Apache-2.0), with labels by programs: TotalSegmentator's own, OBELISK's networks (MIT), and
drawings by `drawn_labels.py` after the polygons of somebody who is no expert. Phantoms have exact
labels. Never trained on: lungdx_A0002, the slab example_ct_dicom, the single slices, bodies and
phantoms with seeds below 1000.
"""
LIMITS = """
**Limits.** The real scans are seven, of adults as far as is known; no expert has seen their labels.
Of children, heads, pregnancies and arms beside the body it knows phantoms only, whose organs are
smooth and of one density; of the pelvis also one real scan, with a metal hip. It was never shown
MR, cone-beam CT or an animal. Learnt from little:
"""


def how_trained(run: Path, config: Config, machine: str) -> str:
    """Return how the network was trained: recipe, what it saw, time, what it began with."""
    training = config.training
    with (run / HISTORY_FILE).open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    hours = float(last["seconds"]) / 3600
    began = "random weights"
    if training.start_from:
        digest = sha256((config.folder / training.start_from / WEIGHTS_FILE).read_bytes())
        began = (
            f"the weights of a former network (SHA-256 {digest[:12]}; what it has no class or "
            "level for began at random)"
        )
    total = sum(source.weight for source in config.data)
    sources = []
    for source in config.data:
        share = f"{100 * source.weight / total:.0f} % of the slices shown"
        what = f"{source.count} {KINDS[source.kind]}" if source.kind in MADE_HERE else ""
        if not what:
            names = sorted(
                path.name for path in (config.folder / source.folder / "images").iterdir()
            )
            what = f"{len(names)} real CT ({source.folder})"
        sources.append(f"{what}, {share}")
    return (
        f"\n**How it was trained** (`Testing/Training/bundled_unet.py`). From {began}: "
        f"{last['epoch']} epochs of {training.steps} batches of {training.batch} slices, "
        f"{hours:.1f} h on {machine}, without the time to make the phantoms. Shown were "
        f"{'; '.join(sources)}. Contrast agent was painted into blood and organs by region, and "
        "noise, kernels, streaks, couches and cuts were drawn anew for every slice.\n"
    )


def reasons(arguments: list[str], classes: tuple[str, ...]) -> dict[str, str]:
    """Return the classes to drop and why, of "CLASS: WHY"."""
    dropped = {}
    for argument in arguments:
        name, colon, why = (part.strip() for part in argument.partition(":"))
        if name not in classes:
            raise SystemExit(f"no such class: {name}; there are {', '.join(classes)}")
        if not colon or not why:
            raise SystemExit(f'say why {name} is dropped: "{name}: 0.61 on bodies, target 0.93"')
        dropped[name] = why
    return dropped


def left_out(dropped: Mapping[str, str]) -> str:
    """Return which classes do not ship, and why."""
    lines = [f"| {name} | {why} |" for name, why in dropped.items()]
    table = "\n".join(("| class | why |", "|---|---|", *lines))
    why = "They missed their figure: the network tells them apart, and label maps do not hold them."
    return f"\n**Withheld.** {why}\n\n{table}\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--drop", nargs="*", default=[], metavar="CLASS: WHY")
    parser.add_argument("--figures", type=Path, nargs="*", default=[])
    parser.add_argument("--machine", default="two cores")
    parser.add_argument("--out", type=Path, default=OUT, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    network, spec, digest = load_unet(args.run)
    dropped = reasons(args.drop, spec.classes)
    shipped = replace(spec, withheld=tuple(dropped))
    content = weights_bytes(network)
    if len(content) > LARGEST_BYTES:
        raise SystemExit(f"{len(content)} bytes are too many")
    card = (args.run / CARD_FILE).read_text(encoding="utf-8").replace(digest, sha256(content))
    card = card.replace("name: CTDoseSeg UNet", "name: CTDoseSeg UNet, bundled")
    card += how_trained(args.run, read_config(args.run.parent / CONFIG), args.machine)
    if dropped:
        card += left_out(dropped)
    few = "; ".join(words for name, words in FEW.items() if name in shipped.shown)
    card += DATA + LIMITS + (few or "nothing") + ".\n"
    if args.figures:
        card += "\n**Judged** (`Testing/Benchmarks`, `Testing/Bodies`); true labels of real scans "
        card += "are machine-made, so that\ntheir figures are agreement, not accuracy.\n"
    for path in args.figures:
        card += f"\n{path.read_text(encoding='utf-8').strip()}\n"
    args.out.mkdir(exist_ok=True)
    (args.out / WEIGHTS_FILE).write_bytes(content)
    (args.out / SPEC_FILE).write_text(shipped.to_json(), encoding="utf-8")
    (args.out / CARD_FILE).write_text(card, encoding="utf-8")
    load_unet(args.out)
    print(f"{args.out.name}: {len(content) / 1e6:.2f} MB, {', '.join(shipped.shown)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
