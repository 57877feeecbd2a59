"""Time and peak memory of `ctdoseseg dicom` on a 512 x 512 x 300 series with 20 organs.

Prints each kind's time beside that of reading the series in the same run, and the peak above the
interpreter with its imports beside the bare int16 volume.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, sys, time
import highdicom, numpy, pydicom, rich
from CTDoseSegLib.cli.command_line import main
import CTDoseSegLib.outputs.dicom_objects.writing as writing
import CTDoseSegLib.outputs.stored
import CTDoseSegLib.reading.reader as reader

def mib(field):
    # Of this program alone; getrusage counts what forked it too.
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024

spent = {}
def timed(module, name):
    real = getattr(module, name)
    def call(*args, **kwargs):
        start = time.perf_counter()
        try:
            return real(*args, **kwargs)
        finally:
            spent[name] = time.perf_counter() - start
    setattr(module, name, call)

timed(reader, "read_series")
timed(writing, "write_dicom_objects")
timed(writing, "read_source")
before = mib("VmRSS")
code = main(sys.argv[1:])
print(json.dumps({"code": code, "above_mib": mib("VmHWM") - before, **spent}))
"""
KINDS = ("seg", "labelmap", "sr", "seg,sr,pdf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--organs", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    args = parser.parse_args()
    import pydicom

    from CTDoseSegLib.phantom.bodies.body import Body, Person
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    low_mm, high_mm = -430.0, 490.0  # head to pelvis
    spacing_mm = (0.98, 0.98, (high_mm - low_mm) / args.slices)
    body = Body(person=Person.of(35, "female"))
    phantom = Phantom(
        variant="whole", shape=(512, 512, args.slices), spacing_mm=spacing_mm, body=body
    )
    volume_mib = 512 * 512 * args.slices * 2 / 2**20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dicom(phantom, folder / "phantom")
        ct, result = str(folder / "phantom" / "dicom"), str(folder / "result")
        truth = folder / "phantom" / "truth" / "segmentation.nii.gz"
        keep_largest(truth, args.organs)
        run("analyze", ct, "--segmentation", str(truth), "--output", result)
        for kinds in args.kinds:
            objects = folder / kinds.replace(",", "_")
            figures = run("dicom", result, ct, "--output", str(objects), "--kinds", kinds)
            reading_s, headers_s = figures["read_series"], figures["read_source"]
            writing_s = figures["write_dicom_objects"] - headers_s
            print(
                f"{kinds}: made and written in {writing_s:.1f} s, {writing_s / reading_s:.2f} x "
                f"the {reading_s:.1f} s of reading the series, after {headers_s:.1f} s for its "
                f"headers; peak {figures['above_mib']:.0f} MiB above imports, "
                f"{figures['above_mib'] / volume_mib:.1f} x the int16 volume"
            )
        for path in sorted(folder.glob("seg/*.dcm")):
            organs = len(pydicom.dcmread(path, stop_before_pixels=True).SegmentSequence)
            print(f"segments: {organs}, {path.stat().st_size / 2**20:.0f} MiB")


def keep_largest(path: Path, organs: int) -> None:
    """Remove all labels of a file but the largest."""
    import nibabel
    import numpy as np

    image = nibabel.load(path)
    labels = np.asanyarray(image.dataobj)
    sizes = np.bincount(labels.ravel())[1:]
    kept = np.zeros(len(sizes) + 1, labels.dtype)
    largest = np.argsort(sizes)[::-1][:organs] + 1
    kept[largest] = largest
    nibabel.save(nibabel.Nifti1Image(kept[labels], image.affine, image.header), path)


def run(*arguments: str) -> dict[str, float]:
    """Run a command in a process of its own; return what it took."""
    command = [sys.executable, "-c", CHILD, *arguments, "--events", "none"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["code"]:
        raise SystemExit(f"{arguments[0]} ended with {figures['code']}: {done.stderr[-2000:]}")
    return figures


if __name__ == "__main__":
    main()
