"""How well a UNet segments, against its targets and beside the bundled one.

    python Testing/Benchmarks/benchmark_unet_quality.py [UNET_FOLDER] [--parts ...] [--out FOLDER]

Parts: `phantoms` are those kept for acceptance, their labels exact. `held` are real scans that were
never trained on (lungdx_A0002_thorax, example_ct_dicom, or others by --scans), `trained` those that
were; their labels are machine-made, so that the figures are agreement of two programs, not accuracy
against experts. `corrupted` are ten versions of the held scans, by the labels of the volume as it
was; the score is the mean Dice of body and both lungs, of the network and of the engine without a
network (`classical`). `painted` is contrast agent in the blood and organs of the held scan without
any. With --out, labels that were drawn are kept there and pictures written: the worst, median and
best slice, the held slab, and sheets of each real scan (every nth slice by --step).

All results are checked against anatomy, as every result is. Couch and blanket are what of them lies
in the body found, in per cent of it; the pixels that are right are those of whole slices told to be
body or not. WED is how far the water-equivalent diameter of a slice is off for the body that was
found, by the network and by rules. The last table holds the targets; the command ends with 1 where
one is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE.parent / "support"), str(HERE)]

from development import development_data  # noqa: E402
from targets import Reached, shown, table, targets_table  # noqa: E402
from unet_corruptions import PAINTED, as_series, corruptions, painted, seen_labels  # noqa: E402
from unet_figures import overlay, sheets, worst_median_best  # noqa: E402
from unet_phantoms import phantoms  # noqa: E402
from unet_scans import (  # noqa: E402
    EXAMPLE,
    HELD,
    KIDNEYS,
    LUNGS,
    MIX_UPS,
    PARTLY_DRAWN,
    TRAINED,
    Found,
    Network,
    Scan,
    agreements,
    mix_up,
    read_scan,
    truth_mask,
)

from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.errors import CTDoseSegError  # noqa: E402
from CTDoseSegLib.segmentation.segmenting import segment  # noqa: E402
from CTDoseSegLib.segmentation.unet.engine import UNetEngine  # noqa: E402

PARTS = ("phantoms", "held", "trained", "corrupted", "painted")
# Held-out figures: scan, organ, what was reached before.
BEFORE = (
    *(("lungdx_A0002_thorax", lung, 0.995) for lung in LUNGS),
    *(("lungdx_A0002_thorax", "body", 0.996),),
    *(("example_ct_dicom", "liver", 0.950), ("example_ct_dicom", "spleen", 0.927)),
)
KIDNEY_TARGET, LARGEST_FALL, OF_TEN = 0.85, 0.01, 10
# Contrast agent can hardly be judged in an organ that was not found before.
GOOD = 0.8


# Real CT ---------------------------------------------------------------------------------


def real(scan: Scan, network: Network, former: Network | None) -> dict[str, float]:
    """Print what was reached on a scan, beside the former network; return Dice by organ."""
    found = network.found(scan.name, scan.series)
    before = former.found(scan.name, scan.series) if former else None
    columns = [agreements(one, labels) for labels in (scan.older, scan.drawn)
               for one in (before, found) if one is not None]  # fmt: skip
    organs = sorted({organ for values in columns for organ in values}, key=_place)
    rows = []
    for organ in organs:
        sure = found.agreement.get(organ, float("nan"))
        flags = ", ".join(dict.fromkeys(flag.code for flag in found.flags(organ)))
        name = organ.replace("_", " ") + (", part drawn" if _in_part(scan, organ) else "")
        dice = (_cell(values, organ) for values in columns)
        rows.append((name, *dice, shown(sure, 2), flags))
    which = ("former", "this") if former else ("this",)
    heads = [
        "organ",
        *(f"{one}, {labels} labels" for labels in ("older", "drawn") for one in which),
    ]
    print(f"\n{scan.name}, {len(scan.series.slices)} slices: Dice\n")
    print("\n".join(table([*heads, "agreement", "flags"], rows)))
    return columns[len(which) - 1] | {f"{o} drawn": v for o, v in columns[-1].items()}


def _place(organ: str) -> tuple[bool, str]:
    return organ != "body", organ


def _cell(values: dict[str, float], organ: str) -> str:
    return shown(values.get(organ, float("nan")))


def _in_part(scan: Scan, organ: str) -> bool:
    return organ in PARTLY_DRAWN and "abdomen" not in scan.name


def mixed_up(scan: Scan, network: Network, former: Network | None) -> Iterator[Reached]:
    """Yield what of an organ was taken for another one, in per cent of it."""
    for title, true, taken, most in MIX_UPS:
        whole = truth_mask(scan.drawn, *true).sum()
        if not whole:
            continue
        words, share = [], 0.0
        for one in filter(None, (former, network)):
            mixed = mix_up(scan, one.found(scan.name, scan.series), true, taken)
            share = 100 * mixed.sum() / whole
            slices = np.flatnonzero(mixed.any(axis=(1, 2)))
            where = f", slices {slices[0]}-{slices[-1]}" if slices.size else ""
            ml = f"{mixed.sum() * scan.voxel_ml:.1f} of {whole * scan.voxel_ml:.0f} ml"
            words.append(f"{'former: ' if one is former else ''}{ml}{where}")
        detail = "; ".join(reversed(words))
        yield Reached(f"{scan.name}: {title}, %", share, most, True, 2, detail)


def held(scan: Scan, network: Network, former: Network | None) -> Iterator[Reached]:
    """Print and yield what is wanted of scans that were not trained on."""
    values = real(scan, network, former)
    for name, organ, target in BEFORE:
        if name == scan.name:
            reached = values.get(organ, float("nan"))
            yield Reached(f"held {name}: {organ}, Dice", reached, target)
    for organ in KIDNEYS:
        if organ in values:
            yield Reached(f"held {scan.name}: {organ}, Dice", values[organ], KIDNEY_TARGET)
    yield from stomach(scan, network, former, "held")


def stomach(scan: Scan, network: Network, former: Network | None, kind: str) -> Iterator[Reached]:
    """Yield Dice of the stomach with its gas where TotalSegmentator drew it."""
    if scan.name not in (EXAMPLE, "example_ct_dicom"):
        return
    dice = [
        agreements(one.found(scan.name, scan.series), scan.older)["stomach"]
        for one in (former, network)
        if one is not None
    ]
    target = round(dice[0], 3) if former else None
    yield Reached(f"{kind} {scan.name}: stomach with its gas, Dice", dice[-1], target)


# Altered scans ---------------------------------------------------------------------------


def corrupted(network: Network, scans: list[Scan]) -> Iterator[Reached]:
    """Print the score of each version, and yield on how many the network is better."""
    rows, better = [], []
    for number, (name, change) in enumerate(corruptions().items()):
        scores: dict[str, list[float]] = {"network": [], "classical": []}
        for scan in scans:
            rng = np.random.default_rng([7, number])
            hu = change(scan.series.hu, scan.older, scan.series.spacing_mm[0], rng)
            altered = as_series(scan.series, hu)
            labels = seen_labels(name, altered, scan.older)
            print(f"{name}: {scan.name}", file=sys.stderr, flush=True)
            for which, values in scores.items():
                folder = network.folder if which == "network" else None
                engine = "unet" if which == "network" else "classical"
                values.append(_mean_score(altered, labels, engine, folder))
        mean = {which: float(np.mean(values)) for which, values in scores.items()}
        if mean["network"] > mean["classical"]:
            better.append(name)
        rows.append((name, f"{mean['network']:.4f}", f"{mean['classical']:.4f}"))
    print("\nCorrupted versions of held scans: mean Dice of body and lungs\n")
    print("\n".join(table(("version", "network", "classical"), rows)))
    missed = ", ".join(row[0] for row in rows if row[0] not in better)
    yield Reached("corrupted versions: better than thresholds on", len(better), OF_TEN, False, 0,
                  f"not: {missed}" if missed else "")  # fmt: skip


def _mean_score(series: CTSeries, labels: np.ndarray, engine: str, folder: Path | None) -> float:
    wanted = ("body", *LUNGS)
    try:
        labelmap = segment(series, engine, unet=folder, device="cpu")
    except CTDoseSegError:
        return 0.0
    values = agreements(Found(labelmap, {}), labels)
    return float(np.mean([values[organ] for organ in wanted if organ in values]))


def contrast(network: Network, scan: Scan) -> Iterator[Reached]:
    """Print Dice before and after contrast agent is painted in; yield the largest fall."""
    before = agreements(network.found(scan.name, scan.series), scan.drawn)
    columns = {"as it is": before}
    for title, (phase, factor) in PAINTED.items():
        found = network.found(f"{scan.name}, {title}", painted(scan, phase, factor))
        columns[title] = agreements(found, scan.drawn)
    drawn = network.found(scan.name, scan.series).labelmap.groups
    organs = [organ for organ in before if organ in drawn]
    rows = [(organ, *(_cell(values, organ) for values in columns.values())) for organ in organs]
    print(f"\nContrast agent painted into {scan.name}: Dice with the drawn labels\n")
    print("\n".join(table(("organ", *columns), rows)))
    for title in PAINTED:
        falls = {organ: before[organ] - columns[title][organ] for organ in organs}
        organ = max(falls, key=lambda one: falls[one])
        good = max((v, o) for o, v in falls.items() if before[o] >= GOOD)
        detail = f"{organ}; of organs at {GOOD} or more: {good[0]:.3f}, {good[1]}; mean of all "
        detail += f"{len(falls)}: {np.mean(list(falls.values())):.3f}"
        figure = f"painted {title}: largest fall of Dice"
        yield Reached(figure, falls[organ], LARGEST_FALL, True, 3, detail)


# All -------------------------------------------------------------------------------------


def figures_of(
    args: argparse.Namespace, network: Network, former: Network | None, data: Path | None
) -> Iterator[Reached]:
    """Yield the figures of the parts that were asked for."""
    if "phantoms" in args.parts:
        yield from phantoms(network)
    if data is None:
        print("the development data are not there: no real CT")
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = args.out or Path(temporary)
        read: Callable[[str], Scan] = lambda name: read_scan(data, place, name)  # noqa: E731
        scans = []
        if {"held", "corrupted"} & set(args.parts):
            scans = [read(name) for name in args.scans]
        if "held" in args.parts:
            for scan in scans:
                yield from held(scan, network, former)
                yield from mixed_up(scan, network, former)
                _sheets(args, scan, network)
            _pictures(args, scans, network)
        if "trained" in args.parts:
            for name in (*TRAINED, EXAMPLE):
                scan = read(name)
                real(scan, network, former)
                yield from mixed_up(scan, network, former)
                yield from stomach(scan, network, former, "trained")
                _sheets(args, scan, network)
        if "corrupted" in args.parts:
            yield from corrupted(network, scans)
        if "painted" in args.parts:
            yield from contrast(network, read(HELD[0]))


def _sheets(args: argparse.Namespace, scan: Scan, network: Network) -> None:
    if args.out:
        folder = args.out / "sheets"
        folder.mkdir(parents=True, exist_ok=True)
        found = network.found(scan.name, scan.series)
        sheets(folder, scan, found, args.step)


def _pictures(args: argparse.Namespace, scans: list[Scan], network: Network) -> None:
    if not args.out:
        return
    pairs = [(scan, network.found(scan.name, scan.series)) for scan in scans]
    print("\n" + "\n".join(worst_median_best(args.out / "unet_worst_median_best.png", pairs)))
    for scan, found in pairs:
        if scan.name == "example_ct_dicom":
            overlay(args.out / "unet_held_out_slab.png", scan, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("unet", type=Path, nargs="?", help="folder; else the bundled UNet")
    parser.add_argument("--former", type=Path, help="folder to compare with; else the bundled UNet")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--scans", nargs="+", default=HELD, help="those held out of this network")
    parser.add_argument("--out", type=Path, help="folder for labels, pictures and sheets")
    parser.add_argument("--step", type=int, default=1, help="of the slices in a sheet")
    args = parser.parse_args()
    network = Network("this", args.unet)
    former = Network("former", args.former) if args.unet or args.former else None
    able, why = UNetEngine(args.unet).available()
    if not able:
        print(f"nothing measured: {why}")
        return 0
    figures = list(figures_of(args, network, former, development_data()))
    print("\nTargets\n")
    print("\n".join(targets_table(figures)))
    return int(any(one.met is False for one in figures))


if __name__ == "__main__":
    raise SystemExit(main())
