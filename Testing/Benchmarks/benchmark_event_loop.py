"""How long each step of the panel blocks the event loop: 512 x 512 x 300 voxels, 20 organs.

Prints for each step the longest block in milliseconds of the main thread's own time, in calls and
in turns of the event loop alike, beside the time that the step took. A call that the benchmark
makes itself counts whole, with the events that it lets run. The first figure is with the drawing
of the views, the second without: the test host draws them without a graphics card. Needs
slicer-core and PySide6; `--small` uses a phantom of a few voxels, to see that the steps are the
panel's.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
LIMIT_MS = 100.0


class Steps:
    """Measures the longest block of one step after the other."""

    def __init__(self, host) -> None:
        from PySide6 import QtCore
        from slicerhost.mrml.render_view import RenderView

        self._host = host
        self._longest_s, self._own_s, self._last, self._drawn_s = 0.0, 0.0, 0.0, 0.0
        self.over: list[str] = []
        draw = RenderView._render

        def drawn(view) -> None:
            started = time.thread_time()
            draw(view)
            self._drawn_s += time.thread_time() - started

        RenderView._render = drawn
        dispatcher = QtCore.QAbstractEventDispatcher.instance()
        # The loop does its work between these signals, and waits, which takes no time of the
        # thread's own; so what lies between any two of them is a block.
        dispatcher.awake.connect(self._look)
        dispatcher.aboutToBlock.connect(self._look)

    def _look(self) -> None:
        now = time.thread_time()
        block = now - self._last
        self._longest_s = max(self._longest_s, block)
        self._own_s = max(self._own_s, block - self._drawn_s)
        self._last, self._drawn_s = now, 0.0

    @contextlib.contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Measure what is done within, calls and the turns of `wait_until`."""
        self._host.process_events()
        self._longest_s = self._own_s = self._drawn_s = 0.0
        self._last, started = time.thread_time(), time.perf_counter()
        yield
        self._host.process_events()
        self._look()
        block, own = 1000 * self._longest_s, 1000 * self._own_s
        took = time.perf_counter() - started
        print(f"{words:<52}{block:8.0f} ms{own:8.0f} ms{took:9.2f} s", flush=True)
        if block > LIMIT_MS:
            self.over.append(words if own > LIMIT_MS else f"{words} (in drawing)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a phantom of a few voxels")
    small = parser.parse_args().small
    if any(importlib.util.find_spec(name) is None for name in ("slicer", "PySide6")):
        print("benchmark_event_loop: skipped, slicer-core and PySide6 are not installed")
        return 0
    sys.path[:0] = [str(TESTING / "Host"), str(TESTING / "support"), str(TESTING / "Benchmarks")]
    from module_steps import MODULE
    from slicerhost.host import Host

    with Host() as host:
        steps = Steps(host)
        print(f"{'step':<50}{'longest block':>13}{'not drawing':>11}{'in all':>11}")
        host.load_module(MODULE)
        with steps.step("open the module"):
            panel = host.open("CTDoseSeg")
        walk(host, panel, steps, small)
    print(f"over {LIMIT_MS:.0f} ms:", ", ".join(steps.over) or "nothing")
    return 0


def walk(host, panel, steps: Steps, small: bool) -> None:
    """Every step that a user takes, each measured."""
    import slicer
    from benchmark_module import edit, scene_of_full_size
    from module_steps import SMALL, warm

    from CTDoseSegLib.ctdoseseg_ui.parameters import LowerChart, Method
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    parameters = panel._parameterNode
    volume, organs = load_phantom(**SMALL) if small else scene_of_full_size()
    host.process_events()
    with steps.step("choose the CT"):
        parameters.inputVolume = volume
    parameters.inputSegmentation, parameters.method = organs, Method.EXISTING
    parameters.ctdivol_mGy, parameters.phantom_cm = "8", "32"
    host.wait(1)
    with steps.step("Apply: hand over"):
        host.click(panel.ui.applyButton)
        host.wait_until(lambda: panel.task.job is not None, 60)
    with steps.step("Apply: until the result is in the scene"):
        host.wait_until(lambda: panel.results.results is not None, 600)
    with steps.step("all organs in 3D; measuring for edits"):
        host.wait_until(lambda: "of" not in panel.ui.show3DCheckBox.text, 120)
        warm(host, panel)
    results = panel.results.results
    for name in ("showOverlay", "showDoubt"):
        with steps.step(f"{name} on"):
            setattr(parameters, name, True)
            host.wait(0.5)
        with steps.step(f"{name} off"):
            setattr(parameters, name, False)
            host.wait(0.5)
    with steps.step("3D off"):
        parameters.show3D = False
    with steps.step("3D on"):
        parameters.show3D = True
        host.wait(0.5)
        host.wait_until(lambda: "of" not in panel.ui.show3DCheckBox.text, 120)
    for chart in LowerChart:
        with steps.step(f"chart: {chart.name.lower()}"):
            parameters.lowerChart = chart
            host.wait(0.3)
    with steps.step("an organ chosen in the table"):
        panel.results.go_to_organ("liver")
        host.wait(0.3)
    with steps.step("all organs"):
        panel.results.show_all_organs()
        host.wait(0.3)
    with steps.step("ten slices turned"):
        host.scroll(host.layout_manager.sliceWidget("Red").sliceView(), 10)
        host.wait(0.3)
    for shown in ("", ", with the dose overlay"):
        parameters.showOverlay = bool(shown)
        host.wait(1)
        panel.ui.liveLabel.text = ""
        # The benchmark's own work is none of the panel's.
        if small:
            results.segmentation.GetSegmentation().RemoveSegment("spleen" if shown else "liver")
        else:
            edit(slicer, results)
        with steps.step(f"an edit{shown}"):
            host.wait_until(lambda: panel.ui.liveLabel.text != "", 60)
            host.wait(1.5)
            host.wait_until(lambda: "of" not in panel.ui.show3DCheckBox.text, 120)
    parameters.showOverlay = False
    with steps.step("what if"):
        parameters.tubeCurrentFactor = 1.5
        host.wait(0.5)
    with tempfile.TemporaryDirectory() as folder:
        with steps.step("export: hand over (1.5 s are allowed)"):
            task = panel.logic.prepareExport(results, Path(folder) / "export")
        task.clear()
        scene = os.path.join(folder, "scene.mrb")
        with steps.step("scene saved (Slicer's own)"):
            slicer.util.saveScene(scene)
        with steps.step("scene closed"):
            slicer.mrmlScene.Clear(False)
            host.wait(0.5)
        with steps.step("scene loaded (Slicer's own)"):
            slicer.util.loadScene(scene)
        with steps.step("after loading: results, 3D, measuring for edits"):
            host.wait(1)
            warm(host, panel)
            host.wait_until(lambda: "of" not in panel.ui.show3DCheckBox.text, 120)


if __name__ == "__main__":
    sys.exit(main())
