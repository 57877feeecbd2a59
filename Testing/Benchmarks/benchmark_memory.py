"""Peak memory and time of `ctdoseseg analyze` on a 512 x 512 x 300 DICOM series (the phantom).

Prints the peak above the interpreter with its imports, and its ratio to the bare int16 volume.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import json, resource, sys, time
import matplotlib.figure, numpy, pydicom, rich, scipy.ndimage, SimpleITK
import matplotlib.backends.backend_agg
from CTDoseSegLib.cli.command_line import main
import CTDoseSegLib.analysis
import CTDoseSegLib.reading.reader
import CTDoseSegLib.segmentation.threshold.engine

def resident_mib():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * resource.getpagesize() / 2**20

before = resident_mib()
start = time.perf_counter()
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"code": code, "before_mib": before, "peak_mib": peak,
                  "seconds": time.perf_counter() - start}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    args = parser.parse_args()
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    with tempfile.TemporaryDirectory() as folder:
        phantom = Phantom(shape=(512, 512, args.slices), spacing_mm=(0.8, 0.8, 2.0))
        start = time.perf_counter()
        write_dicom(phantom, Path(folder) / "phantom")
        print(f"phantom written in {time.perf_counter() - start:.0f} s")
        inputs = [f"{folder}/phantom/dicom", "--output", f"{folder}/out", "--events", "none"]
        truth = ["--segmentation", f"{folder}/phantom/truth/segmentation.nii.gz"]
        for name, extra in (("classical", []), ("given segmentation", truth)):
            command = [sys.executable, "-c", CHILD, "analyze", *inputs, *extra]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            figures = json.loads(out.splitlines()[-1])
            above = figures["peak_mib"] - figures["before_mib"]
            volume = 512 * 512 * args.slices * 2 / 2**20
            print(
                f"{name}: exit {figures['code']}, {figures['seconds']:.0f} s, "
                f"peak {above:.0f} MiB above imports, {above / volume:.1f} x the int16 volume"
            )


if __name__ == "__main__":
    main()
