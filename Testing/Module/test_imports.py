"""Opening the module costs nothing, and a first Apply needs what Slicer bundles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from module_steps import MODULE

HOST = Path(__file__).resolve().parents[1] / "Host"
SUPPORT = HOST.with_name("support")
OPEN = f"""
import sys
sys.path[:0] = [{str(HOST)!r}, {str(SUPPORT)!r}]
from slicerhost.host import Host
with Host() as host:
    before = set(sys.modules)
    host.load_module({str(MODULE)!r})
    panel = host.open("CTDoseSeg")
    new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
    print(sorted(new - set(sys.stdlib_module_names)))
    ours = sorted(n for n in sys.modules if n.startswith("CTDoseSegLib."))
    print(ours)
"""
# What is known to the module's own process when it is opened.
LIGHT = {
    "CTDoseSegLib",
    "CTDoseSegLib.errors",
    "CTDoseSegLib.flags",
    "CTDoseSegLib.tasks",
    "CTDoseSegLib.ctdoseseg_ui",
}
BLOCKED = (
    "torch nibabel sklearn matplotlib typer rich totalsegmentator highdicom skimage trimesh numba "
    "warp"
)
APPLY = f"""
import sys
sys.path[:0] = [{str(HOST)!r}, {str(SUPPORT)!r}]

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED.split()!r}:
            raise ModuleNotFoundError(f"{{name}} is not bundled with Slicer", name=name)

sys.meta_path.insert(0, Blocker())
from slicerhost.host import Host
import module_steps as steps
with Host() as host:
    host.load_module(steps.MODULE)
    panel = host.open("CTDoseSeg")
    from CTDoseSegLib.ctdoseseg_ui import job
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method
    block = '''
import sys, runpy
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED.split()!r}:
            raise ModuleNotFoundError(name + " is not bundled with Slicer", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv[0] = "ctdoseseg"
runpy.run_module("CTDoseSegLib", run_name="__main__", alter_sys=True)
'''
    job.command = lambda arguments: ["-u", "-c", block, *arguments, "--events", "jsonl"]
    volume, organs = load_phantom(**steps.SMALL)
    panel._parameterNode.inputVolume = volume
    panel._parameterNode.method = Method.CLASSICAL
    panel._parameterNode.ctdivol_mGy = "8"
    host.process_events()
    steps.apply(host, panel)
    print(panel.ui.statusLabel.text, sorted(panel.results.results.doses()))
    print(host.packages.requests)
"""


def run(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.fixture(autouse=True)
def _needs_the_host(host):
    """Skipped with the others where there is no host."""


def test_opening_the_module_imports_nothing_heavy():
    packages, own = run(OPEN)[-2:]
    assert packages == "['CTDoseSeg', 'CTDoseSegLib']"
    inside = ("CTDoseSegLib.ctdoseseg_ui.", "CTDoseSegLib.flags.", "CTDoseSegLib.tasks.")
    ours = [n for n in eval(own) if not n.startswith(inside)]  # noqa: S307
    assert set(ours) <= LIGHT


def test_a_first_apply_installs_nothing():
    outcome, requests = run(APPLY)[-2:]
    assert outcome.startswith("Done.")
    assert "lung" in outcome
    assert requests == "[]"
