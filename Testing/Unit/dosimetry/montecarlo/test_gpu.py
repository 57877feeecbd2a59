"""The kernel for GPUs follows the photons that numba's follows.

It runs on Warp's processor device here, and is compiled for CUDA: no test runs it on a GPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dose_scans import make, scan_of
from photon_scenes import box, each, fan, in_octants, path

pytest.importorskip("numba", reason="the Monte Carlo engine is compiled by it")
pytest.importorskip("warp", reason="NVIDIA Warp, 0.4 GB, is no package of [dev]")

from CTDoseSegLib.dosimetry.montecarlo import devices, gpu
from CTDoseSegLib.dosimetry.montecarlo.devices import WARP_ON_PROCESSOR
from CTDoseSegLib.dosimetry.montecarlo.materials import MATERIALS, index_of
from CTDoseSegLib.dosimetry.montecarlo.organs import organ_doses
from CTDoseSegLib.dosimetry.montecarlo.simulation import Settings, simulate_scan
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels
from CTDoseSegLib.errors import Cancelled, DoseEngineError
from CTDoseSegLib.tasks.progress import Collected, Progress

ROOT = Path(__file__).resolve().parents[4]
OCTANTS = each(*range(1, 9))
SCORES = Scores((*OCTANTS.names, "left"), (*OCTANTS.members, (2, 4, 6, 8)))
SMALL_RUN = """
from photon_scenes import box, each, fan
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
path = SourcePath.standing_at(0.0, 0.0)
tally = simulate(box("water"), fan(), path, each(1), histories=1000, device="warp-cpu")
assert tally.sums_keV.all()
"""


def metal_and_contrast_agent() -> Voxels:
    """Water in octants with a block of iodine, one of titanium, and air in front."""
    water = in_octants(box("water"))
    material, density = water.material.copy(), water.density_g_cm3.copy()
    blocks = (
        ("soft_tissue_iodine_20", np.s_[3:6, 2:5, 2:5]),
        ("titanium", np.s_[6:8, 6:8, 6:8]),
        ("air", np.s_[:, 0]),
    )
    for name, where in blocks:
        material[where] = index_of(name)
        density[where] = MATERIALS[index_of(name)].density_g_cm3
    density[:, :, 0] = 0.0
    return replace(water, material=material, density_g_cm3=density)


def both(*scene, **options):
    """The tallies of numba and of Warp."""
    return [simulate(*scene, **options, device=d) for d in ("cpu", WARP_ON_PROCESSOR)]


def test_one_seed_gives_the_tally_of_the_processor():
    beam = fan((30.0, 45.0, 60.0, 110.0), np.ones((3, 4)))
    numba, warp = both(
        metal_and_contrast_agent(), beam, path(), SCORES, histories=200_000, with_map=True
    )
    assert np.array_equal(warp.histories, numba.histories)
    assert np.array_equal(warp.batch_histories, numba.batch_histories)
    assert warp.emitted_keV == pytest.approx(numba.emitted_keV, rel=1e-12)
    assert warp.escaped_keV == pytest.approx(numba.escaped_keV, rel=1e-5)
    for name in ("sums_keV", "squares_keV2"):
        of_scores = [getattr(tally, name).sum(axis=(2, 3)) for tally in (warp, numba)]
        assert of_scores[0] == pytest.approx(of_scores[1], rel=1e-4), name
    assert warp.sums_keV == pytest.approx(numba.sums_keV, rel=1e-3)
    assert warp.map_keV.shape == numba.map_keV.shape
    assert warp.map_keV.dtype == np.float32
    of_batches = [tally.map_keV.sum(axis=(2, 3, 4)) for tally in (warp, numba)]
    assert of_batches[0] == pytest.approx(of_batches[1], rel=1e-3)
    of_voxels = [tally.map_keV.mean(axis=0) for tally in (warp, numba)]
    assert np.abs(of_voxels[0] - of_voxels[1]).max() < 1e-3 * of_voxels[1].max()


def test_strata_by_fan_and_energy_are_those_of_the_processor():
    beam = fan((50.0, 80.0), [[1.0, 4.0], [0.0, 1.0], [0.2, 0.5]])
    scene = metal_and_contrast_agent(), beam, path(), OCTANTS
    numba, warp = both(*scene, histories=40_000, by_fan_and_energy=True)
    assert warp.sums_keV.shape == numba.sums_keV.shape
    assert np.array_equal(warp.histories, numba.histories)
    of_strata = [tally.sums_keV.sum(axis=(1, 2, 3)) for tally in (warp, numba)]
    assert of_strata[0] == pytest.approx(of_strata[1], rel=1e-3)


@pytest.mark.parametrize("energy_keV", [5.03, 8.0])
def test_photons_of_short_flights_end_and_leave_as_those_of_the_processor(energy_keV):
    """5.03 keV are below the cut-off after one scattering; 0.2 mm of water stop them."""
    scene = in_octants(box("water")), fan((energy_keV,)), path(), OCTANTS
    numba, warp = both(*scene, histories=40_000, batches=5, with_map=True)
    of_scores = [tally.sums_keV.sum(axis=(2, 3)) for tally in (warp, numba)]
    assert of_scores[0] == pytest.approx(of_scores[1], rel=1e-5)
    assert warp.escaped_keV == pytest.approx(numba.escaped_keV, rel=1e-3)
    assert warp.map_keV.sum() == pytest.approx(numba.map_keV.sum(), rel=1e-5)


def test_the_map_has_the_weights_of_the_strata():
    weights = np.array([[0.5, 0.1, 0.05, 0.05], [0.1, 0.1, 0.05, 0.05]])
    scene = metal_and_contrast_agent(), fan(), path(), OCTANTS
    numba, warp = both(*scene, histories=20_000, with_map=True, map_weights=weights)
    of_map = [tally.map_keV.sum(axis=(0, 2, 3, 4)) for tally in (warp, numba)]
    assert of_map[0] == pytest.approx(of_map[1], rel=1e-4)


def test_a_run_stops_where_the_processor_does():
    asked = {"cpu": [], WARP_ON_PROCESSOR: []}
    for device, numbers in asked.items():

        def enough(tally, numbers=numbers):
            numbers.append(tally.total_histories)
            return len(numbers) == 3

        scene = metal_and_contrast_agent(), fan(), path(), OCTANTS
        tally = simulate(*scene, histories=10**7, until=enough, device=device)
        assert tally.total_histories == numbers[-1]
    assert asked["cpu"] == asked[WARP_ON_PROCESSOR]


def test_a_photon_that_misses_the_grid_leaves_nothing():
    far = SourcePath.standing_at(5000.0, 0.0)
    scene = metal_and_contrast_agent(), fan(), far, OCTANTS
    tally = simulate(*scene, histories=100, device=WARP_ON_PROCESSOR)
    assert not tally.sums_keV.any()
    assert tally.escaped_keV == pytest.approx(tally.emitted_keV)
    assert tally.total_histories == 100


def test_a_cancelled_run_ends_within_a_launch():
    class Impatient(Collected):
        def emit(self, kind, /, **fields):
            super().emit(kind, **fields)
            if len(self.log) == 3:
                self.cancel()

    progress = Impatient()
    scene = metal_and_contrast_agent(), fan(), path(), OCTANTS
    with pytest.raises(Cancelled):
        simulate(*scene, histories=10**9, progress=progress, device=WARP_ON_PROCESSOR)
    assert len(progress.log) <= 4


def test_a_launch_takes_some_tenths_of_a_second():
    launches = gpu.Launches.__new__(gpu.Launches)
    launches._rounds = 1
    launches._adapt(0.01, 1, 20_000)
    assert launches._rounds == 2
    launches._adapt(0.01, 1, 20_000)  # was cut short by a question: tells nothing
    assert launches._rounds == 2
    launches._adapt(0.5, 2, 20_000)
    assert launches._rounds == 1
    launches._rounds = 50_000
    launches._adapt(0.01, 50_000, 20_000)
    assert launches._rounds * 20_000 <= 2**31


def test_a_device_that_fails_or_loses_photons_is_an_error_that_says_what_to_do(monkeypatch):
    scene = metal_and_contrast_agent(), fan(), path(), OCTANTS
    follow = gpu.Launches.follow

    def lossy(self, number, last, count):
        self._run.batch_histories[:] += 1
        return follow(self, number, last, count)

    monkeypatch.setattr(gpu.Launches, "follow", lossy)
    with pytest.raises(DoseEngineError, match=r"lost photons.*choose the device cpu"):
        simulate(*scene, histories=100, device=WARP_ON_PROCESSOR)

    def full(*arguments, **options):
        raise RuntimeError("Failed to allocate 9 bytes on device 'cuda:0'")

    monkeypatch.setattr(devices.warp(), "zeros", full)
    with pytest.raises(DoseEngineError, match=r"Failed to allocate.*choose the device cpu"):
        simulate(*scene, histories=100, device=WARP_ON_PROCESSOR)


def test_organ_doses_and_the_map_of_a_scan_are_those_of_the_processor():
    body = {"slices": 40, "irradiated_range_mm": (-20.0, 220.0), "sources": {}}
    made = scan_of(*make(**body))
    found = {}
    for device in ("cpu", WARP_ON_PROCESSOR):
        settings = Settings(0.01, 5.0, 60_000, None, 1, None, dose_map=True, device=device)
        simulation = simulate_scan(made, settings, {}, Progress())
        assert simulation.device == device
        doses = {one.organ: one.dose_mGy for one in organ_doses(simulation.run)}
        found[device] = doses, simulation.dose_map.dose_mGy.mean()
    (numba, numba_map), (warp, warp_map) = found.values()
    dosed = {name: dose for name, dose in numba.items() if dose is not None}
    assert len(dosed) > 3
    assert {name: warp[name] for name in dosed} == pytest.approx(dosed, rel=1e-3)
    assert warp_map == pytest.approx(numba_map, rel=1e-3)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(ROOT / name) for name in ("CTDoseSeg", "Testing/support"))
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    environment.pop("WARP_CACHE_PATH", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names the cache folder as Linux does")
def test_compiled_code_goes_to_the_users_cache_and_no_word_to_standard_output(tmp_path):
    home = tmp_path / "home"
    done = run(SMALL_RUN, XDG_CACHE_HOME=str(tmp_path / "cache"), HOME=str(home))
    assert done.stdout == ""
    assert list((tmp_path / "cache" / "ctdoseseg" / "warp").rglob("*gpu_kernel*"))
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names the cache folder as Linux does")
def test_without_a_cache_folder_it_runs_all_the_same(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder would be")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run(SMALL_RUN, XDG_CACHE_HOME=str(blocked), TMPDIR=str(temporary))
    assert done.stdout == ""
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_the_kernel_compiles_for_cuda(tmp_path):
    """For a GPU of 2018 and one of 2022; NVRTC comes with Warp and needs no GPU."""
    code = (
        "from CTDoseSegLib.dosimetry.montecarlo.devices import warp\n"
        "wp = warp()\n"
        "from CTDoseSegLib.dosimetry.montecarlo import gpu_kernel\n"
        f"for arch in (75, 90): wp.compile_aot_module(gpu_kernel, arch=arch, use_ptx=True,"
        f" module_dir={str(tmp_path)!r})\n"
    )
    if sys.platform == "darwin":
        pytest.skip("Warp has no CUDA on a Mac")
    run(code)
    assert len(list(tmp_path.glob("*.ptx"))) == 2
