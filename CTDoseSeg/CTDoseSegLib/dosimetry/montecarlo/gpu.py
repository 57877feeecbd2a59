"""A simulation under way on a GPU: launches of NVIDIA Warp's kernel, and what they add up.

The histories and their random numbers are those of the processor's run, but places and energies are
rounded to float32 on the way, which sends a few photons elsewhere: sums agree to some 1e-5. Threads
add to one sum in any order: two runs on a GPU with one seed are not equal to the last bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import DoseEngineError
from ...tasks.progress import Progress
from .batches import Run
from .devices import warp
from .tally import Tally

# A launch is as long as it can be without keeping a user who cancels waiting.
_LAUNCH_S = 0.2
# Threads of a launch, and the memory that their own sums may take.
_THREADS, _SCRATCH_BYTES = 1 << 17, 256e6
# The kernel counts the histories of a launch in 32 bits.
_LAUNCH_HISTORIES = 10**9


class Launches:
    """Follows the batches of a run on a device of Warp, some rounds at a time.

    Parameters
    ----------
    run
        With one lane; its sums and map are those of the last `tally`.
    device
        Warp's name of it.
    progress
        May cancel.

    Raises
    ------
    DependencyError
        If Warp is not installed.
    DoseEngineError
        If the device fails, such as for lack of memory.
    """

    def __init__(self, run: Run, device: str, progress: Progress) -> None:
        self._run, self._device, self._progress = run, device, progress
        self._rounds = 1
        (sums,) = run.sums
        _, scores, _ = sums.energy.shape
        self._threads = int(min(_THREADS, max(1, _SCRATCH_BYTES // (16 * max(1, scores)))))
        self._warp = warp()
        from . import gpu_kernel
        from .gpu_inputs import matter_on, physics_on, scoring_on, source_on

        self._kernel = gpu_kernel.follow
        with self._reported():
            self._warp.load_module(gpu_kernel, device=device)
            self._matter = matter_on(device, run.matter)
            self._physics = physics_on(device, run.physics)
            self._source = source_on(device, run.source)
            self._scoring = scoring_on(device, run.groups[0], sums, run.maps.shape, self._threads)

    def __enter__(self) -> Launches:
        return self

    def __exit__(self, *unused: object) -> None:
        del self._matter, self._scoring

    def follow(self, number: int, last: int, count: int) -> int:
        """Follow rounds from one number to another at most; return that of the next.

        Parameters
        ----------
        number, last
            Number of the first round, and of the first that is not to be followed.
        count
            Histories of each batch in a round.

        Returns
        -------
        int
            Number of the next round.

        Raises
        ------
        Cancelled
            If the listener asked for it.
        """
        self._progress.check_cancelled()
        run = self._run
        batches = len(run.maps)
        rounds = min(self._rounds, last - number)
        histories = rounds * count * batches
        threads = min(self._threads, histories)
        started = time.monotonic()
        with self._reported():
            self._warp.launch(
                self._kernel,
                dim=threads,
                inputs=[number * count * batches, histories, threads, count, batches, int(run.key)],
                outputs=[self._matter, self._physics, self._source, self._scoring],
                device=self._device,
            )
            self._warp.synchronize_device(self._device)
        run.batch_histories[:] += rounds * count
        self._adapt(time.monotonic() - started, rounds, count * batches)
        self._progress.check_cancelled()
        return number + rounds

    def tally(self, *, with_map: bool) -> Tally:
        """Return what was added up so far; DoseEngineError if the device lost histories."""
        run, on = self._run, self._scoring
        (sums,) = run.sums
        with self._reported():
            for array, of_device in (
                (sums.histories, on.histories),
                (sums.energy, on.sums),
                (sums.squares, on.squares),
                (sums.balance, on.balance),
            ):
                array[...] = of_device.numpy()
            if with_map:
                run.maps[...] = on.voxel_map.numpy()
        if sums.histories.sum() != run.batch_histories.sum() or not math.isfinite(sums.balance[1]):
            raise DoseEngineError(self._failed("it lost photons on the way"))
        return run.tally(with_map=with_map)

    def _adapt(self, seconds: float, rounds: int, histories: int) -> None:
        """Choose the rounds of the next launch by what the last one took."""
        if seconds > 2 * _LAUNCH_S:
            self._rounds = max(1, rounds // 2)
        elif seconds < _LAUNCH_S / 2 and rounds == self._rounds:
            self._rounds = min(2 * rounds, max(1, _LAUNCH_HISTORIES // histories))

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise DoseEngineError(self._failed(str(error))) from error

    def _failed(self, reason: str) -> str:
        return (
            f"The dose engine montecarlo failed on the device {self._device} ({reason}); choose "
            "the device cpu."
        )
