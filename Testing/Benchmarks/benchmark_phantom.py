"""How fast the phantom is rendered, against plain sampling of the same canvas.

    python Testing/Benchmarks/benchmark_phantom.py

The plain renderer below evaluates every shape over its whole bounding box, looks every sample up
in a table and averages every pixel; shapes, samples and bytes are the same (this is asserted).
Three phantoms are timed in turns, in seconds of this process: slices of a trunk of 512 x 512,
slices of 256 x 256, and a small one as tests use it. Then comes a volume of 256 x 256 x 180 that is
1.8 m long, and last a whole body of the family on such a grid: its person and masses, solving, its
canvas in its pose, rendering, and writing DICOM with the truth; both seconds of this process and of
the clock.

Targets: the trunk at least twice as fast as plain; the long volume, and the body with all its
steps, under 60 s.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.phantom import dicom_files
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.canvas import Sampler
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.phantom.render import RIM, PhantomSlice, Renderer
from CTDoseSegLib.phantom.shapes import cut

TIMES = 3
PHANTOMS = {
    "trunk 512 x 512": Phantom(shape=(512, 512, 6), spacing_mm=(0.98, 0.98, 80.0)),
    "trunk 256 x 256": Phantom(shape=(256, 256, 6), spacing_mm=(1.9, 1.9, 80.0), arms="down"),
    "small trunk": Phantom(shape=(48, 48, 6), spacing_mm=(9.0, 9.0, 80.0)),
}
LONG = Phantom(shape=(256, 256, 180), spacing_mm=(2.0, 2.0, 10.0), arms="down")


class PlainSampler(Sampler):
    """Paints each shape over its whole box, whatever is below."""

    def plane(self, i: np.ndarray, j: np.ndarray, k: float) -> np.ndarray:
        out = np.zeros((j.size, i.size), np.uint8)
        coordinates = [self._coordinate(axis, i, j, k) for axis in range(3)]
        for n in np.flatnonzero((self.low[:, 2] <= k) & (k <= self.high[:, 2])):
            columns, rows = (
                slice(v.searchsorted(self.low[n, c]), v.searchsorted(self.high[n, c], "right"))
                for c, v in enumerate((i, j))
            )
            part = out[rows, columns]
            if part.size == 0:
                continue
            at = [cut(c, rows, columns) for c in coordinates]
            table = np.arange(256, dtype=np.uint8)
            if self._canvas.tables[n] is None:
                table[:] = self._canvas.fills[n]
            else:
                table[: len(self._canvas.tables[n])] = self._canvas.tables[n]
            mask = np.broadcast_to(self._canvas.shapes[n].inside(*at), part.shape)
            np.copyto(part, table[part], where=mask)
        return out


class PlainRenderer(Renderer):
    """Looks up and averages every sample."""

    def __init__(self, phantom: Phantom) -> None:
        super().__init__(phantom)
        self.sampler = PlainSampler(phantom.canvas, phantom.affine)

    def slice(self, k: int) -> PhantomSlice:
        rows, columns, _ = self.phantom.shape
        (left, right), (above, below) = self.margin
        fx, fy = self.fine
        i = (np.arange((columns + left + right) * fx) + 0.5) / fx - 0.5 - left
        j = (np.arange((rows + above + below) * fy) + 0.5) / fy - 0.5 - above
        view = (slice(above * fy, (above + rows) * fy), slice(left * fx, (left + columns) * fx))
        near = (
            slice((above - RIM) * fy, (above + rows + RIM) * fy),
            slice((left - RIM) * fx, (left + columns + RIM) * fx),
        )
        image = np.zeros((rows + 2 * RIM, columns + 2 * RIM), np.float32)
        whole, inside = np.zeros(len(self.hu)), np.zeros(len(self.hu))
        for shift in self.planes:
            fine = self.sampler.plane(i, j, k + shift)
            whole += np.bincount(fine.ravel(), minlength=len(self.hu))
            inside += np.bincount(fine[view].ravel(), minlength=len(self.hu))
            hu = self.hu[fine[near]]
            sums = np.add.reduceat(hu, np.arange(0, hu.shape[0], fy), axis=0)
            image += np.add.reduceat(sums, np.arange(0, hu.shape[1], fx), axis=1) / (fx * fy)
        labels = self.atom[self.sampler.plane(np.arange(columns), np.arange(rows), k)]
        sizes = [v for counts in (whole, inside) for v in self._size(counts)]
        return PhantomSlice(k, self._finish(image / len(self.planes), k), labels, *sizes)


def timed(kind: type[Renderer], phantom: Phantom) -> tuple[float, list[PhantomSlice]]:
    start = time.process_time()
    renderer = kind(phantom)
    slices = [renderer.slice(k) for k in range(phantom.shape[2])]
    return time.process_time() - start, slices


def assert_same(a: list[PhantomSlice], b: list[PhantomSlice]) -> None:
    for one, other in zip(a, b, strict=True):
        assert np.array_equal(one.hu, other.hu)
        assert np.array_equal(one.labels, other.labels)
        assert (one.wed_mm, one.wed_in_view_mm) == (other.wed_mm, other.wed_in_view_mm)


def time_of_a_body() -> tuple[float, float]:
    """Print the steps of a whole body; return their seconds of this process and of the clock."""
    person = Person.of(30, "male")
    seconds = []

    def step(name: str, work: Callable[[], Any]) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        made = work()
        seconds.append((time.process_time() - cpu, time.perf_counter() - wall))
        print(f"  {name:8} {seconds[-1][0]:5.1f} s of CPU, {seconds[-1][1]:5.1f} s of the clock")
        return made

    print("whole body 256 x 256 x 180:")
    body = Body(person=person)
    step("solve", lambda: body.solution)
    slice_mm = person.height_mm / 180
    phantom = step(
        "build",
        lambda: Phantom.of_body(body, "whole", pixels=256, slice_mm=slice_mm, arms="down"),
    )
    rendered = step("render", phantom.render)
    with tempfile.TemporaryDirectory() as folder:
        # Written from what is rendered, so that nothing counts twice.
        object.__setattr__(phantom, "render", lambda after_slice=None: rendered)
        step("write", lambda: dicom_files.write_dicom(phantom, folder))
    cpu, wall = (float(v) for v in np.sum(seconds, axis=0))
    print(f"  {'all':8} {cpu:5.1f} s of CPU, {wall:5.1f} s of the clock; {phantom.shape}")
    return cpu, wall


def main() -> int:
    worst = np.inf
    for name, phantom in PHANTOMS.items():
        _ = phantom.canvas
        next(phantom.slices())  # imports
        pairs = []
        for _ in range(TIMES):
            (plain, expected), (ours, made) = (
                timed(kind, phantom) for kind in (PlainRenderer, Renderer)
            )
            assert_same(expected, made)
            pairs.append((plain, ours))
        plain, ours = np.min(pairs, axis=0)
        ratio = float(np.median([a / b for a, b in pairs]))
        print(f"{name:18} plain {plain:6.2f} s, ours {ours:6.2f} s, ratio {ratio:.2f}")
        worst = min(worst, ratio) if name.endswith("512") else worst
    start = time.process_time()
    for _ in LONG.slices():
        pass
    seconds = time.process_time() - start
    print(f"256 x 256 x 180, 1.8 m: {seconds:.1f} s")
    body_cpu, _ = time_of_a_body()
    return 0 if worst >= 2 and max(seconds, body_cpu) < 60 else 1


if __name__ == "__main__":
    raise SystemExit(main())
