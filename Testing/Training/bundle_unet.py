"""Put a trained UNet where the package ships it, without the classes that missed their figure.

    python Testing/Training/bundle_unet.py RUN [--drop CLASS ...] [--figures FILE]

RUN is the folder that training wrote. A class that is dropped loses its output: its pixels go to
the next probable class. FILE is what `benchmark_unet_quality.py` printed for the network as it
ships; it goes into the card.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.segmentation.unet.network import UNet, load_unet, sha256, weights_bytes
from CTDoseSegLib.segmentation.unet.spec import CARD_FILE, SPEC_FILE, WEIGHTS_FILE

OUT = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSegLib" / "models" / "unet"
JUDGED = "**Judged** (`Testing/Benchmarks/benchmark_unet_quality.py`):"
LARGEST_BYTES = 8_000_000


def trimmed(network: UNet, spec, dropped: list[str]):
    """The network and its spec without some classes."""
    kept = [n for n, name in enumerate(spec.classes) if name not in dropped]
    rows = [0, *(n + 1 for n in kept)]
    small = replace(
        spec,
        classes=tuple(spec.classes[n] for n in kept),
        single=tuple(name for name in spec.single if name not in dropped),
    )
    state = network.state_dict()
    for name in ("head.weight", "head.bias"):
        state[name] = state[name][rows]
    made = UNet(small)
    made.load_state_dict(state)
    return made, small


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--figures", type=Path)
    args = parser.parse_args()
    network, spec, digest = load_unet(args.run)
    if unknown := set(args.drop) - set(spec.classes):
        raise SystemExit(f"no such class: {', '.join(sorted(unknown))}")
    network, small = trimmed(network, spec, args.drop)
    content = weights_bytes(network)
    if len(content) > LARGEST_BYTES:
        raise SystemExit(f"{len(content)} bytes are too many")
    card = (args.run / CARD_FILE).read_text(encoding="utf-8").replace(digest, sha256(content))
    card = card.replace("name: CTDoseSeg UNet", "name: CTDoseSeg UNet, bundled")
    if args.drop:
        names = ", ".join(args.drop)
        card += f"\n**Left out**: {names}. Trained, but not shipped: they missed their figure,\n"
        card += "or could not be judged on a patient that was not trained on.\n"
    if args.figures:
        figures = args.figures.read_text(encoding="utf-8").strip()
        card += f"\n{JUDGED}\n\n```\n{figures}\n```\n"
    card += (
        "\n**Data.** Lung-PET-CT-Dx, ACRIN-FLT-Breast, CPTAC-PDA, Colorectal-Liver-Metastases "
        "(The Cancer\nImaging Archive, CC BY), LIDC-IDRI (CC BY 3.0), one volume of "
        "TotalSegmentator's test data\n(Apache-2.0), with machine-made labels; and phantoms with "
        "exact labels. Never trained on:\nlungdx_A0002, the slab example_ct_dicom, the single "
        "slices.\n\n**Two parts.** 40 epochs of 400 batches with 37 phantoms (learning rate 0.003, "
        "7.5 minutes on one\nH200), then, from those weights, what stands above under Training "
        "(3.4 minutes).\n"
    )
    OUT.mkdir(exist_ok=True)
    (OUT / WEIGHTS_FILE).write_bytes(content)
    (OUT / SPEC_FILE).write_text(small.to_json(), encoding="utf-8")
    (OUT / CARD_FILE).write_text(card, encoding="utf-8")
    load_unet(OUT)
    print(f"{OUT}: {len(content) / 1e6:.2f} MB, {', '.join(small.classes)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
