"""The module at full size in the test host: 512 x 512 x 300 voxels, 20 organs.

Prints what a user waits for: handing over, bringing the result into the scene, and from an edit
to the updated tables and charts. Needs slicer-core and PySide6.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
NAMES = (
    *("body_rest", "liver", "spleen", "kidney_left", "kidney_right", "stomach", "pancreas"),
    *("colon", "heart", "aorta", "lung_left", "lung_right", "esophagus", "trachea", "bone"),
    *("skin", "urinary_bladder", "small_bowel", "adrenal_gland_left", "gallbladder"),
)


def scene_of_full_size():
    """Volume and segmentation nodes: an elliptic body with a ball for each organ."""
    import numpy as np
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import fill_segmentation
    from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
    from CTDoseSegLib.segmentation.labelmap import Labelmap

    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[:300, :512, :512]
    labels = np.zeros((300, 512, 512), np.uint8)
    labels[((x - 256) / 200.0) ** 2 + ((y - 256) / 150.0) ** 2 + 0 * z < 1] = 1
    for value in range(2, 21):
        (dx, dy), dz, r = rng.uniform(-100, 100, 2), rng.integers(30, 270), rng.uniform(20, 50)
        ball = ((x - 256 - dx) / r) ** 2 + ((y - 256 - dy) / r) ** 2 + ((z - dz) / r) ** 2 < 1
        labels[ball & (labels > 0)] = value
    hu = rng.integers(-20, 20, labels.shape, dtype=np.int16)
    hu[labels == 0] -= 1000
    hu[labels > 0] += 40
    affine = np.diag([-0.8, -0.8, 1.5, 1.0])
    volume = slicer.util.addVolumeFromArray(hu, affine, "CT")
    volume.CreateDefaultDisplayNodes()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    atoms = tuple(named_atom(n, name, "benchmark") for n, name in enumerate(NAMES, start=1))
    labelmap = Labelmap(labels, affine, atoms, groups_of(NAMES), "benchmark")
    started = time.perf_counter()
    fill_segmentation(node, labelmap, volume)
    print(f"20 organs into the scene: {time.perf_counter() - started:.2f} s")
    return volume, node


def main() -> int:
    if any(importlib.util.find_spec(name) is None for name in ("slicer", "PySide6")):
        print("benchmark_module: skipped, slicer-core and PySide6 are not installed")
        return 0
    sys.path[:0] = [str(TESTING / "Host"), str(TESTING / "support")]
    from module_steps import MODULE, warm
    from slicerhost.host import Host

    with Host() as host:
        started = time.perf_counter()
        host.load_module(MODULE)
        panel = host.open("CTDoseSeg")
        print(f"load and open the module: {time.perf_counter() - started:.2f} s")
        import slicer

        from CTDoseSegLib.ctdoseseg_ui.parameters import Method

        volume, organs = scene_of_full_size()
        parameters = panel._parameterNode
        parameters.inputVolume, parameters.inputSegmentation = volume, organs
        parameters.method = Method.EXISTING
        parameters.ctdivol_mGy = "8"
        host.process_events()
        timed(panel.logic, "prepare", "hand over to the task")
        timed(panel.logic, "finish", "result into the scene")
        host.meter.start()
        host.click(panel.ui.applyButton)
        print(f"pressing Apply blocked for {host.longest_block_ms():.0f} ms")
        host.meter.start()
        host.wait_until(lambda: panel.ui.progressBar.value > 95, 300)
        print(f"longest block while the task ran: {host.longest_block_ms():.0f} ms")
        host.wait_until(lambda: not panel.task.job.active, 300)
        host.meter.start()
        warm(host, panel)
        print(f"longest block while measuring in the background: {host.longest_block_ms():.0f} ms")
        results = panel.results.results
        for _ in range(3):
            panel.ui.liveLabel.text = ""
            edit(slicer, results)
            started = time.perf_counter()
            host.wait_until(lambda: panel.ui.liveLabel.text != "", 20)
            waited = time.perf_counter() - started
            print(f"edit: {waited:.2f} s in all with the timer's 0.2 s; {panel.ui.liveLabel.text}")
        profile(panel, results, slicer)
    return 0


def timed(owner, name: str, words: str) -> None:
    """Print how long a method takes, each time that it is called."""
    kept = getattr(owner, name)

    def wrapped(*arguments, **keywords):
        started = time.perf_counter()
        try:
            return kept(*arguments, **keywords)
        finally:
            print(f"{words}: {time.perf_counter() - started:.2f} s")

    setattr(owner, name, wrapped)


def edit(slicer, results) -> None:
    """Take some slices off the liver."""
    segmentation = results.segmentation.GetSegmentation()
    voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, "liver")
    value = segmentation.GetSegment("liver").GetLabelValue()
    rows = (voxels == value).any(axis=(1, 2)).nonzero()[0][:10]
    for k in rows:
        image = voxels[k]
        image[image == value] = segmentation.GetSegment("spleen").GetLabelValue()
    segmentation.GetSegment("liver").Modified()


def profile(panel, results, slicer) -> None:
    """Where the time of one update goes."""
    import cProfile
    import pstats

    edit(slicer, results)
    profiler = cProfile.Profile()
    profiler.enable()
    panel.logic.recompute(results)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("cumtime").print_stats(18)


if __name__ == "__main__":
    sys.exit(main())
