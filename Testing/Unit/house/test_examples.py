"""The examples in docstrings and in the Guide run as they stand.

They find a CT in the folder ``ct`` (a small phantom, with its dose report) and the result of its
analysis in ``results``.
"""

from __future__ import annotations

import doctest
import importlib
import os
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
LIB = ROOT / "CTDoseSeg" / "CTDoseSegLib"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = (ROOT / "README.md", *sorted((ROOT / "Resources" / "Guide").glob("*.md")))


def modules_with_examples() -> list[str]:
    names = []
    for path in sorted(LIB.rglob("*.py")):
        if "ctdoseseg_ui" in path.parts or ">>> " not in path.read_text(encoding="utf-8"):
            continue
        parts = path.relative_to(LIB.parent).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def pages_with_python() -> list[Path]:
    return [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory) -> Path:
    """A folder with ``ct`` and ``results``, and ``segmentation.nii.gz``, the phantom's truth."""
    from CTDoseSegLib import analyze, read_ct, read_labelmap, write_result
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    folder = tmp_path_factory.mktemp("examples")
    phantom = Phantom(variant="chest", shape=(112, 112, 10), spacing_mm=(4.0, 4.0, 25.0))
    write_dicom(phantom, folder / "made")
    (folder / "made" / "dicom").rename(folder / "ct")
    (folder / "made" / "truth").rename(folder / "truth")
    series = read_ct(folder / "ct")
    labelmap = read_labelmap(folder / "truth" / "segmentation.nii.gz", series)
    write_result(analyze(series, labelmap), folder / "results")
    return folder


@pytest.fixture
def in_example_folder(example_folder, monkeypatch):
    monkeypatch.chdir(example_folder)


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_run(name, in_example_folder):
    if ".unet" in name:
        pytest.importorskip("torch", reason="the UNet runs on it")
    if name.endswith("montecarlo.transport"):
        pytest.importorskip("numba", reason="the Monte Carlo engine is compiled by it")
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=OPTIONS)
    assert tried
    assert not failed


@pytest.mark.parametrize("page", pages_with_python(), ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, in_example_folder):
    """Blocks of one page follow one another; those with `slicer` need its console."""
    namespace: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        if "slicer." not in block:
            exec(compile(block, page.name, "exec"), namespace)


def test_no_example_is_skipped():
    marked = [
        path.relative_to(LIB).as_posix()
        for path in LIB.rglob("*.py")
        if re.search(r"doctest:\s*\+SKIP", path.read_text(encoding="utf-8"))
    ]
    assert not marked


def test_the_doors_have_examples():
    import CTDoseSegLib

    doors = [n for n in CTDoseSegLib.__all__ if n[0].islower()]
    without = [n for n in doors if ">>> " not in (getattr(CTDoseSegLib, n).__doc__ or "")]
    assert not without


def test_examples_are_found():
    assert len(modules_with_examples()) > 5
    assert os.fspath(ROOT / "README.md") in map(os.fspath, pages_with_python())
