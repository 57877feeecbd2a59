"""What CMake installs is enough: the self test runs from a copy of exactly those files."""

from __future__ import annotations

import shutil
import sys

from cmake_listing import MODULE_FOLDER, listed_files


def test_the_self_test_passes_from_the_installed_files(host, tmp_path):
    for name in listed_files():
        target = tmp_path / "installed" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(MODULE_FOLDER / name, target)
    # Other tests imported the package from where it lies; `same_package` gives it back.
    for name in [n for n in sys.modules if n.partition(".")[0] == "CTDoseSegLib"]:
        del sys.modules[name]
    host.load_module(tmp_path / "installed" / "CTDoseSeg.py")
    host.open("CTDoseSeg")
    host.run_self_test("CTDoseSeg")
    for name in ("CTDoseSegBatch", "CTDoseSegTraining"):
        host.load_module(tmp_path / "installed" / f"{name}.py")
        host.open(name)
        host.run_self_test(name)
    import CTDoseSegLib

    assert CTDoseSegLib.__file__.startswith(str(tmp_path))
